"""What every head is: fitted once to the training set, then trained or used."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from roadcue.errors import BadHead
from roadcue.files import write_whole
from roadcue.schema import INTENT_NUMBERS, HeadInputs, HeadTargets
from roadcue.weights import write_safetensors

if TYPE_CHECKING:
    from torchmetrics import Metric

CONFIG, WEIGHTS = "config.json", "model.safetensors"
"""A head on disk: how it was built, and its weights and statistics. Nothing is pickled."""


@dataclass(frozen=True)
class Headline:
    """The one figure that is said of a head after each epoch: `key` of what its metric computes, its words, unit."""

    key: str
    words: str
    unit: str = ""


class Head(nn.Module):
    """Features, past states and intent in, a dictionary of named predictions out.

    The order of a life: construct, `fit` on the training set, train on `loss` (baselines: nothing), `calibrate` on
    rows that were not trained on (heads that give probabilities), `forward`.
    Statistics that `fit` finds are buffers, stored with the weights and never trained; before `fit` they are NaN, so
    that a head which was never fitted cannot be mistaken for one that was.
    """

    name: ClassVar[str]
    """The key in the registry."""
    headline: ClassVar[Headline]
    """Of a head that is trained."""
    calibrated: ClassVar[bool] = False
    """Whether `calibrate` does something, so that some sequences have to be kept for it."""

    def arguments(self) -> dict[str, Any]:
        """What the constructor was given, as JSON."""
        return {}

    def fit(self, batches: Iterable[tuple[HeadInputs, HeadTargets]]) -> None:
        """See the whole training set, once, before gradient training; a head without statistics does nothing.

        `batches` is iterated as often as the head needs, so it must begin anew each time (a list or a loader, not a
        generator). Rows without a future (NaN) do not count as targets. BadHead when no row has one.
        """

    def known(self, targets: HeadTargets) -> Tensor:
        """(b,) bool: the rows that have what this head learns, so that they can be trained on and scored."""
        return has_future(targets)

    def calibrate(self, batches: Iterable[tuple[HeadInputs, HeadTargets]]) -> None:
        """See rows of sequences that were not trained on, once, after training; what is found is a buffer too."""

    def forward(self, inputs: HeadInputs) -> dict[str, Tensor]:
        """Named predictions; "waypoints" is (b, 20, 2) metres, ego frame, t = 0.25 ... 5 s."""
        raise NotImplementedError

    def metric(self) -> "Metric":
        """What scores this head after each epoch; `compute` gives names -> numbers, `headline.key` among them."""
        raise NotImplementedError(f"{self.name!r} is not trained, so nothing is validated")

    def compared(self, prediction: dict[str, Tensor], targets: HeadTargets) -> tuple[Tensor, Tensor]:
        """What `metric` is updated with: what was predicted, and what is true."""
        raise NotImplementedError(f"{self.name!r} is not trained, so nothing is validated")

    def loss(self, prediction: dict[str, Tensor], targets: HeadTargets) -> dict[str, Tensor]:
        """Named scalars of a batch; the one called "loss" is minimised. It is finite whatever targets are missing."""
        raise NotImplementedError(f"{self.name!r} has no parameter to train, so it has no loss")

    def save_pretrained(self, folder: Path | str) -> None:
        """Write `model.safetensors` and `config.json` into `folder`; what `from_pretrained` reads is bit-equal.

        `config.json` comes last: without it there is no checkpoint.
        """
        Path(folder).mkdir(parents=True, exist_ok=True)
        write_safetensors(Path(folder) / WEIGHTS, self.state_dict())
        write_whole(Path(folder) / CONFIG, json.dumps({"head": self.name, **self.arguments()}, indent=2) + "\n")

    @classmethod
    def from_pretrained(cls, folder: Path | str) -> Self:
        """The head that `save_pretrained` wrote. BadHead names the file and the keys that do not fit."""
        from roadcue.heads.registry import load_head  # which names the classes that stand on this one

        head = load_head(Path(folder))
        if not isinstance(head, cls):
            raise BadHead(f"{folder} holds a {head.name!r}, not a {cls.__name__}")
        return head


def has_future(targets: HeadTargets) -> Tensor:
    """(b,) bool: which rows can be learned from; a path with a NaN in it is as good as none."""
    return ~targets["future"].isnan().any(dim=2).any(dim=1)


def one_hot_intent(intent: Tensor) -> Tensor:
    """(b,) int64, 0 unknown, 1 straight, 2 left, 3 right -> (b, 3) float32; unknown is (0, 0, 0)."""
    return F.one_hot(intent, INTENT_NUMBERS + 1)[:, 1:].float()


def ego_state(inputs: HeadInputs) -> Tensor:
    """(b, 99): what is known without looking: the past, state by state, then the intent."""
    return torch.cat([inputs["past"].flatten(1), one_hot_intent(inputs["intent"])], dim=1)
