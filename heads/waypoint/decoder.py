"""The decoder of a waypoint head, from its normalised inputs to its path: what `--waypoint.kind` chooses."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from roadcue.heads.waypoint.config import WaypointConfig
from roadcue.schema import EGO_NUMBERS

Outputs = dict[str, Tensor]
"""Named predictions of b rows, "waypoints" (b, 20, 2) metres, ego frame, among them."""
PathError = Callable[[Tensor], Tensor]
"""Paths (b, ..., 20, 2) metres, ego frame -> (b, ...): the loss of each against the log of its row."""


@dataclass(frozen=True)
class DecoderInputs:
    """A batch as a decoder sees it, with b rows.

    `context` (b, m) what `ReducedRank` makes of the features, m = 0 for a head that sees no image; `ego` (b, 99)
    normalised past states, and intent; `speed` (b,) m/s forwards at t = 0; `base` (b, 20, 2) metres, ego frame, the
    path to be corrected, zeros where there is none; `mean` and `scale` (20, 2) metres, of that correction over the
    training set.
    """

    context: Tensor
    ego: Tensor
    speed: Tensor
    base: Tensor
    mean: Tensor
    scale: Tensor

    @property
    def numbers(self) -> Tensor:
        """(b, m + 99): all inputs of a row, laid end to end."""
        return torch.cat([self.context, self.ego], dim=1)

    def path(self, correction: Tensor) -> Tensor:
        """Normalised corrections (b, 40) or (b, 20, 2) -> paths (b, 20, 2) metres, ego frame."""
        return self.base + self.mean + self.scale * correction.view_as(self.base)


class Decoder(nn.Module):
    """From `DecoderInputs` to a prediction; untrained, with a base path, it predicts that or what it has nearest."""

    reads_cells: ClassVar[bool] = False
    """Whether `context` holds every pooled vector, whatever `rank` says."""

    def __init__(self, config: WaypointConfig, vectors: int, width: int, context: int) -> None:
        """`vectors`: how many pooled vectors a row has; `width`: of each; `context`: m of `DecoderInputs`."""
        super().__init__()
        self.residual, self.inputs = config.residual != "none", context + EGO_NUMBERS

    def fit(self, corrections: Iterable[Tensor]) -> None:
        """See the training set's corrections once: paths minus their base paths, (b, 20, 2) metres, batch by batch.

        Most decoders do nothing.
        """

    def forward(self, inputs: DecoderInputs) -> Outputs:
        """The prediction, with "waypoints" (b, 20, 2) metres, ego frame."""
        raise NotImplementedError

    def loss(self, prediction: Outputs, error: PathError) -> Tensor:
        """(b,) the loss of each row; every row has a log."""
        return error(prediction["waypoints"])
