"""What a head knows without looking out of the window: the past states and the intent."""

import torch.nn.functional as F
from torch import Tensor

INTENTS = 3
"""Straight, left, right. An unknown intent is none of the three: all zeros."""


def one_hot_intent(intent: Tensor) -> Tensor:
    """(b,) int64, 0 unknown, 1 straight, 2 left, 3 right -> (b, 3) float32; unknown is (0, 0, 0)."""
    return F.one_hot(intent, INTENTS + 1)[:, 1:].float()
