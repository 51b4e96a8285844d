"""What stands between a waypoint head's inputs and its path: the part that `--head.kind` exchanges."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from roadcue.heads.waypoint.config import WaypointConfig
from roadcue.schema import EGO_NUMBERS

Outputs = dict[str, Tensor]
"""Named predictions of a batch, "waypoints" (b, 20, 2) metres, ego frame, among them."""
PathError = Callable[[Tensor], Tensor]
"""(b, ..., 20, 2) paths in metres -> (b, ...): what each would cost against the log of its row."""


@dataclass(frozen=True)
class DecoderInputs:
    """A batch as a decoder sees it, with b rows.

    `scene` (b, m) numbers read of the features, m = 0 for a head that sees no image; `ego` (b, 99) past states and
    intent; `speed` (b,) m/s forwards at t = 0; `base` (b, 20, 2) metres, ego frame, the path to be corrected, zeros
    where there is none; `mean` and `scale` (20, 2) metres, of that correction over the training set.
    """

    scene: Tensor
    ego: Tensor
    speed: Tensor
    base: Tensor
    mean: Tensor
    scale: Tensor

    @property
    def numbers(self) -> Tensor:
        """(b, m + 99): all that is known, laid end to end."""
        return torch.cat([self.scene, self.ego], dim=1)

    def path(self, numbers: Tensor) -> Tensor:
        """Corrections in units of their spread, (b, 40) or (b, 20, 2) -> paths (b, 20, 2), metres, ego frame."""
        return self.base + self.mean + self.scale * numbers.view_as(self.base)


class Decoder(nn.Module):
    """From a `DecoderInputs` to a prediction; with a base path the untrained one stays on it, as far as it can."""

    reads_cells: ClassVar[bool] = False
    """Whether `scene` holds every pooled vector, whatever `rank` says."""

    def __init__(self, config: WaypointConfig, features: int, width: int, scene: int) -> None:
        """`features` pooled vectors of `width` numbers, of which `scene` numbers are read."""
        super().__init__()
        self.residual, self.inputs = config.residual != "none", scene + EGO_NUMBERS

    def fit(self, corrections: Iterable[Tensor]) -> None:
        """See the training set's paths minus their base paths once, (b, 20, 2) metres; most decoders need not."""

    def forward(self, inputs: DecoderInputs) -> Outputs:
        """The prediction, with "waypoints" (b, 20, 2) metres, ego frame."""
        raise NotImplementedError

    def loss(self, prediction: Outputs, error: PathError) -> Tensor:
        """(b,) what a prediction costs, of rows that have a log."""
        return error(prediction["waypoints"])
