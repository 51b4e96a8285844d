"""One of several paths: which are shown, with which probability, and what teaches to choose."""

import torch
import torch.nn.functional as F
from torch import Tensor

SOFTNESS_M = 0.1
"""Paths whose errors differ by less are nearly as good, and share the probability of being the best one."""


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
