"""The decoder that chooses from a vocabulary of paths, the k-means centres of the training set's."""

from collections.abc import Iterable
from typing import ClassVar

import torch
from torch import Tensor

from roadcue.errors import BadHead
from roadcue.heads.layers import mlp, zero_init
from roadcue.heads.waypoint.config import WaypointConfig
from roadcue.heads.waypoint.decoder import Decoder, DecoderInputs, Outputs, PathError
from roadcue.heads.waypoint.kmeans import kmeans
from roadcue.heads.waypoint.modes import choice_loss, ranked
from roadcue.schema import WAYPOINTS

_AT_ONCE = 128
"""Anchors whose errors are computed together, to bound the memory of a training step."""


class Vocabulary(Decoder):
    """Scores for K anchors (VADv2, Chen et al. 2024; MultiPath's k-means anchors, Chai et al. 2019).

    The anchors (K, 20, 2) metres, ego frame, are k-means centres of the training paths, or of what the base path gets
    wrong. They are never trained, so a path is only as right as its nearest anchor, and with a base path the
    untrained head is not exactly on it: its first anchor is the smallest correction. With fewer training paths than
    anchors some anchors are equal.
    """

    SHOWN: ClassVar[int] = 16
    """Modes of a prediction, the most probable anchors: at most so many."""
    anchors: Tensor

    def __init__(self, config: WaypointConfig, vectors: int, width: int, context: int) -> None:
        super().__init__(config, vectors, width, context)
        self.scorer = mlp(self.inputs, config.units, 2, config.anchors, config.dropout)
        zero_init(self.scorer[-1])
        self.register_buffer("anchors", torch.full((config.anchors, WAYPOINTS, 2), torch.nan))

    def fit(self, corrections: Iterable[Tensor]) -> None:
        """Compute the anchors from corrections (b, 20, 2) metres, smallest first; one pass. BadHead without any."""
        centres = kmeans((paths.flatten(1) for paths in corrections), len(self.anchors))
        if centres is None:
            raise BadHead("no row of the training set has a future, so there are no paths to find anchors among")
        self.anchors.copy_(centres[centres.norm(dim=1).argsort(stable=True)].unflatten(1, (WAYPOINTS, 2)))

    def forward(self, inputs: DecoderInputs) -> Outputs:
        """The most probable anchors, best first. "waypoints" (b, 20, 2) is the first of "modes" (b, `SHOWN`, 20, 2),
        metres, ego frame; "mode_probabilities" (b, `SHOWN`) are among these and sum to 1; "anchor_logits" (b, K) and
        "base" (b, 20, 2) metres, ego frame, to which the anchors are added, are for the loss."""
        logits = self.scorer(inputs.numbers)
        order, probabilities = ranked(logits, self.SHOWN)
        modes = inputs.base[:, None] + self.anchors[order]
        return {
            "waypoints": modes[:, 0],
            "modes": modes,
            "mode_probabilities": probabilities,
            "anchor_logits": logits,
            "base": inputs.base,
        }

    def loss(self, prediction: Outputs, error: PathError) -> Tensor:
        """(b,) cross-entropy, in nats, of the scores towards the anchors with the least error."""
        base = prediction["base"][:, None]
        with torch.no_grad():
            errors = torch.cat([error(base + anchors) for anchors in self.anchors.split(_AT_ONCE)], dim=1)
        return choice_loss(prediction["anchor_logits"], errors)
