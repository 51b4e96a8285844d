"""What every head is: fitted once to the training set, then trained or used."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from roadcue.errors import BadHead
from roadcue.files import write_atomic
from roadcue.heads.row_answers import RowAnswers, unjudged
from roadcue.metrics.bootstrap import Bootstrap
from roadcue.schema import INTENT_NUMBERS, HeadInputs, HeadTargets, SampleTargets
from roadcue.weights import write_safetensors

if TYPE_CHECKING:
    from torchmetrics import Metric

    from roadcue.metrics.objects import ObjectScores
    from roadcue.metrics.score_table import ScoreTable

CONFIG, WEIGHTS = "config.json", "model.safetensors"
"""A head on disk: how it was built, and its weights and statistics. Nothing is pickled."""
RUN_AGAIN = "train again, or copy the run folder again"
"""What mends weights of a run that are damaged or missing: nobody has them for download."""


@dataclass(frozen=True)
class Headline:
    """The one figure that is printed after each epoch: its `key` in what the head's metric computes, words, unit.

    A sweep ranks its settings by the head's scores, from high to low unless `lower_is_better`.
    """

    key: str
    words: str
    unit: str = ""
    lower_is_better: bool = False


class Prediction(Protocol):
    """What a head predicts of one sample, for people and programs."""

    @property
    def sentence(self) -> str:
        """In plain words."""
        ...

    def to_json(self) -> dict[str, Any]:
        """Numbers, texts and lists, as `json.dumps` takes them."""
        ...


Batches = Iterable[tuple[HeadInputs, HeadTargets]]
"""The rows of a split, batch by batch; it can be iterated as often as a head needs."""
Arrays = Mapping[str, np.ndarray]
"""A head's prediction of n rows as arrays: names, shapes and units of its `forward`, n in the place of b."""


class Head(nn.Module):
    """Features, past states and intent in, a dictionary of named predictions out.

    A trained head is built from its config, the number of pooled vectors (0: it sees no image) and their width, and
    brings all that is its own: options, targets, loss, baselines, scores and words. A baseline is built from the
    config of the head that it is compared with, or from nothing, and has no parameters.

    The methods are called in this order: `fit` on the training set, `loss` in training (not of baselines),
    `calibrate` on rows that were not trained on (of heads that give probabilities), `forward`.
    Statistics that `fit` finds are buffers, stored with the weights and never trained; before `fit` they are NaN, so
    that a head which was never fitted cannot be mistaken for one that was.

    Shapes: b rows of a batch, n rows of a split; those of inputs and targets are in `roadcue.schema`.
    """

    name: ClassVar[str]
    """The key in the registry, and the name of its options on the command line."""
    config_class: ClassVar[type[Any] | None] = None
    """The frozen dataclass of its options, each with a docstring; None for a baseline that has none."""
    needs: ClassVar[str] = "a logged future"
    """What a row must have so that this head can learn from it, in words; `known` says which rows have it."""
    baselines: ClassVar[tuple[type["Head"], ...]] = ()
    """What a trained head is compared with; none of them sees an image."""
    headline: ClassVar[Headline]
    """The figure of a trained head that is printed after each epoch."""
    sweep_figures: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    """Title of a table of `score` -> its figures that a sweep shows, of which the first ranks the settings; of a head
    without this the first figure of each table."""
    calibrated: ClassVar[bool] = False
    """Whether `calibrate` does something, so that some sequences have to be kept for it."""
    reads: ClassVar[tuple[str, ...]] = ()
    """The names of `SampleTargets.fields` that `encode_target` may find; a name that no head reads is misspelt."""
    outputs: ClassVar[tuple[str, ...]] = ()
    """What it answers apart from each other, where a training set may have labels of some and none of others."""
    taught: Tensor
    """(outputs,) bool, of a head that names its `outputs`: which had a label in a training row, as `fit` finds."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # as nn.Module's: the subclasses say what they take
        super().__init__(*args, **kwargs)
        if self.outputs:
            self.register_buffer("taught", torch.ones(len(self.outputs), dtype=torch.bool))

    @property
    def untaught(self) -> tuple[str, ...]:
        """The outputs that no training row had a label of: they are answered `unknown` and not scored."""
        if not self.outputs:
            return ()
        return tuple(name for name, taught in zip(self.outputs, self.taught.tolist(), strict=True) if not taught)

    def arguments(self) -> dict[str, Any]:
        """The constructor's arguments as JSON: those of `config`, `features` and `width` that the head has.

        Of a config with more than the head's own options, only the head's own are kept.
        """
        given = {name: getattr(self, name) for name in ("features", "width") if hasattr(self, name)}
        if self.config_class is None:
            return given
        config = self.config
        return {
            "config": {option.name: getattr(config, option.name) for option in fields(self.config_class)},
            **given,
        }

    def encode_target(self, target: SampleTargets) -> dict[str, Tensor]:
        """What this head learns of one row besides its future: name in `HeadTargets` -> one row of that tensor.

        Every row must give the same names and shapes. BadHead for a bad label.
        """
        return {}

    def fit(self, batches: Batches) -> None:
        """See the whole training set, once, before gradient training; a head without statistics does nothing.

        `batches` is iterated as often as the head needs, so it must begin anew each time (a list or a loader, not a
        generator). Rows without this head's target (such as a NaN future) do not count. BadHead when no row has one.
        """

    def known(self, targets: HeadTargets) -> Tensor:
        """(b,) bool: the rows that have what this head learns, so that they can be trained on and scored."""
        return has_future(targets)

    def calibrate(self, batches: Batches, sequence: np.ndarray) -> None:
        """See one or more rows, of sequences that were not trained on, once, after training; results are buffers.

        `sequence` (n,) names the sequence of each row of all batches.
        """

    def labelled(self, targets: HeadTargets) -> Tensor:
        """(outputs,) bool: the outputs that some row has a label of."""
        raise NotImplementedError(f"the head {self.name!r} names outputs, so it needs a method `labelled`")

    def lacks_labels(self) -> str:
        """What is to be said of the outputs that were not taught; nothing where all were."""
        if not self.untaught:
            return ""
        return (
            f"{len(self.untaught)} of the {len(self.outputs)} outputs have no label in the training rows; they are "
            f"answered unknown and not scored: {', '.join(self.untaught)}"
        )

    def lacks_sequences(self, count: int) -> str:
        """What is to be said where only so many sequences are there to calibrate on; nothing where they suffice."""
        return ""

    def forward(self, inputs: HeadInputs) -> dict[str, Tensor]:
        """Named predictions, b rows first; "waypoints" is (b, 20, 2) metres, ego frame, t = 0.25 ... 5 s."""
        raise NotImplementedError

    def metric(self) -> "Metric":
        """What scores this head after each epoch; `compute` gives names -> numbers, `headline.key` among them."""
        raise NotImplementedError(f"{self.name!r} is not trained, so nothing is validated")

    def compared(self, prediction: dict[str, Tensor], targets: HeadTargets) -> tuple[Tensor, Tensor]:
        """What `metric` is updated with, b rows each: what was predicted, and what is true."""
        raise NotImplementedError(f"{self.name!r} is not trained, so nothing is validated")

    def loss(self, prediction: dict[str, Tensor], targets: HeadTargets) -> dict[str, Tensor]:
        """Named scalars () of a batch; "loss" among them is minimised, and finite whatever targets are missing."""
        raise NotImplementedError(f"{self.name!r} has no parameter to train, so it has no loss")

    def score(
        self, predictions: Mapping[str, Arrays], targets: HeadTargets, sequence: np.ndarray, bootstrap: Bootstrap
    ) -> list["ScoreTable"]:
        """Tables of this head beside its twin without features and its baselines, on the same n rows.

        `predictions`: method -> its prediction; `sequence` (n,) names of whole drives. Rows without a target do not
        count.
        """
        raise NotImplementedError(f"the head {self.name!r} brings no scores of its own: give it a method `score`")

    def row_answers(self, prediction: Arrays, targets: HeadTargets) -> Mapping[str, RowAnswers]:
        """Question -> what a method of this head's table answers to it in each of n rows, beside what is true.

        A question that was not taught is left out. A head without this has one question, its name, to which it
        answers with the sentences of its `words`; whether they are right is not known.
        """
        if type(self).words is Head.words:
            return {}
        return {self.name: unjudged([each.sentence for each in self.words(prediction)])}

    def object_scores(
        self, prediction: Arrays, targets: HeadTargets, sequence: np.ndarray, bootstrap: Bootstrap
    ) -> Mapping[str, tuple["ObjectScores", "ObjectScores"]]:
        """Near and far: scores of each kind of object by presence and by place; none of a head without objects.

        Arguments as in `score`, of one method.
        """
        return {}

    def words(self, prediction: Arrays) -> Sequence[Prediction]:
        """A prediction of n rows, row by row, for people and programs."""
        raise NotImplementedError(f"the head {self.name!r} brings no words of its own: give it a method `words`")

    def save_pretrained(self, folder: Path | str) -> None:
        """Write `model.safetensors` and `config.json` into `folder`; what `from_pretrained` reads is bit-equal.

        `config.json` comes last: without it there is no checkpoint.
        """
        Path(folder).mkdir(parents=True, exist_ok=True)
        write_safetensors(Path(folder) / WEIGHTS, self.state_dict())
        write_atomic(Path(folder) / CONFIG, json.dumps({"head": self.name, **self.arguments()}, indent=2) + "\n")

    @classmethod
    def from_pretrained(cls, folder: Path | str) -> Self:
        """The head that `save_pretrained` wrote. BadHead names the file and the keys that do not fit."""
        from roadcue.heads.registry import load_head  # which names the classes that stand on this one

        head = load_head(Path(folder))
        if not isinstance(head, cls):
            raise BadHead(f"{folder} holds a {head.name!r}, not a {cls.__name__}")
        return head


def has_future(targets: HeadTargets) -> Tensor:
    """(b,) bool: the rows with a whole logged future (b, 20, 2); one with a NaN in it counts as missing."""
    return ~targets["future"].isnan().any(dim=2).any(dim=1)


def one_hot_intent(intent: Tensor) -> Tensor:
    """(b,) int64, 0 unknown, 1 straight, 2 left, 3 right -> (b, 3) float32; unknown is (0, 0, 0)."""
    return F.one_hot(intent, INTENT_NUMBERS + 1)[:, 1:].float()


def ego_state(inputs: HeadInputs) -> Tensor:
    """(b, 99): all that is known without an image: the past (b, 16, 6), state by state, then the intent (b, 3)."""
    return torch.cat([inputs["past"].flatten(1), one_hot_intent(inputs["intent"])], dim=1)
