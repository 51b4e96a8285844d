"""What every head is: fitted once to the training set, then trained or used."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

from torch import Tensor, nn
from torchmetrics import Metric

from roadcue.head_inputs import HeadInputs, HeadTargets, has_future
from roadcue.heads.checkpoint import load_head, save_head
from roadcue.heads.errors import BadHead


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

    def metric(self) -> Metric:
        """What scores this head after each epoch; `compute` gives names -> numbers, `headline.key` among them."""
        raise NotImplementedError(f"{self.name!r} is not trained, so nothing is validated")

    def compared(self, prediction: dict[str, Tensor], targets: HeadTargets) -> tuple[Tensor, Tensor]:
        """What `metric` is updated with: what was predicted, and what is true."""
        raise NotImplementedError(f"{self.name!r} is not trained, so nothing is validated")

    def loss(self, prediction: dict[str, Tensor], targets: HeadTargets) -> dict[str, Tensor]:
        """Named scalars of a batch; the one called "loss" is minimised. It is finite whatever targets are missing."""
        raise NotImplementedError(f"{self.name!r} has no parameter to train, so it has no loss")

    def save_pretrained(self, folder: Path | str) -> None:
        """Write `config.json` and `model.safetensors` into `folder`; what `from_pretrained` reads is bit-equal."""
        save_head(self, Path(folder))

    @classmethod
    def from_pretrained(cls, folder: Path | str) -> Self:
        """The head that `save_pretrained` wrote. BadHead names the file and the keys that do not fit."""
        head = load_head(Path(folder))
        if not isinstance(head, cls):
            raise BadHead(f"{folder} holds a {head.name!r}, not a {cls.__name__}")
        return head
