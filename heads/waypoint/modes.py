"""The decoder of several modes: K paths, of which the best one learns, and a scorer that predicts which is best."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from roadcue.heads.layers import mlp, zero_init
from roadcue.heads.waypoint.config import WaypointConfig
from roadcue.heads.waypoint.decoder import Decoder, DecoderInputs, Outputs, PathError
from roadcue.schema import WAYPOINTS

SHARED = 0.05
"""The share of a row's loss that goes to all modes but the best one, in equal parts: without it a mode that is never
best learns nothing (Rupprecht et al. 2017, "Learning in an Uncertain World", whose epsilon is 0.05)."""
SOFTNESS_M = 0.1
"""Paths whose errors differ by less are nearly as good, and share the probability of being the best one."""


class Modes(Decoder):
    """K paths, of which the best one gets most of the loss, and their probabilities from layers of their own.

    The scorer's layers are not those of the paths, and its targets are constants, so that training it cannot make the
    paths worse. At the start all modes are equally probable and differ by an offset each, drawn at random, in units
    of the correction's spread; the first mode, which is the prediction then, has none: with a base path the untrained
    head predicts exactly that path.
    """

    def __init__(self, config: WaypointConfig, vectors: int, width: int, context: int) -> None:
        super().__init__(config, vectors, width, context)
        self.modes = config.modes
        self.layers = mlp(self.inputs, config.units, 2, config.modes * WAYPOINTS * 2, config.dropout)
        self.scorer = mlp(self.inputs, config.units, 2, config.modes, config.dropout)
        offset = torch.randn(config.modes, 1, 2)
        offset[0] = 0.0
        self.offset = nn.Parameter(offset)
        zero_init(self.scorer[-1])
        if self.residual:
            zero_init(self.layers[-1])

    def forward(self, inputs: DecoderInputs) -> Outputs:
        """The modes, most probable first. "waypoints" (b, 20, 2) is the first of "modes" (b, K, 20, 2), metres, ego
        frame; "mode_probabilities" (b, K) are the softmax of "mode_logits" (b, K)."""
        corrections = self.offset + self.layers(inputs.numbers).unflatten(1, (self.modes, WAYPOINTS, 2))
        logits = self.scorer(inputs.numbers)
        order, probabilities = ranked(logits, self.modes)
        paths = inputs.base[:, None] + inputs.mean + inputs.scale * corrections
        modes = paths.take_along_dim(order[:, :, None, None], dim=1)
        return {
            "waypoints": modes[:, 0],
            "modes": modes,
            "mode_probabilities": probabilities,
            "mode_logits": logits.take_along_dim(order, dim=1),
        }

    def loss(self, prediction: Outputs, error: PathError) -> Tensor:
        """(b,) the errors of the modes, nearly all of it the best one's, plus the scorer's cross-entropy in nats."""
        errors = error(prediction["modes"])
        others = SHARED / max(self.modes - 1, 1)
        best = errors.detach().argmin(dim=1, keepdim=True)
        share = torch.full_like(errors, others).scatter(1, best, 1 - others * (self.modes - 1))
        return (share * errors).sum(dim=1) + choice_loss(prediction["mode_logits"], errors)


def ranked(logits: Tensor, most: int) -> tuple[Tensor, Tensor]:
    """The most probable of K paths, best first: logits (b, K) -> places (b, m) int64, probabilities (b, m), m <= K.

    The probabilities are among those m, so that they sum to 1. Equal ones keep their order.
    """
    logits, order = logits.sort(dim=1, descending=True, stable=True)
    return order[:, :most], logits[:, :most].softmax(dim=1)


def choice_loss(logits: Tensor, error: Tensor) -> Tensor:
    """(b,) cross-entropy of the choice, in nats: logits (b, K) towards the paths with the least error (b, K).

    The target is softmax(-error / `SOFTNESS_M`), a constant: errors are not improved to please the chooser.
    """
    target = torch.softmax(-error.detach() / SOFTNESS_M, dim=1)
    return F.cross_entropy(logits, target, reduction="none")
