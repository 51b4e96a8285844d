"""Temperature scaling: one number that makes probabilities as sure as they are right.

Guo, Pleiss, Sun and Weinberger 2017, "On Calibration of Modern Neural Networks", section 4.2: logits are divided by
T, which minimises the negative log likelihood of rows that the head was not trained on. No answer changes.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

_LEAST, _MOST = 0.05, 20.0
_GOLDEN, _STEPS = 0.6180339887498949, 60
"""Each step leaves this share of the bracket: 60 leave nothing that float32 could tell."""


def fit_temperature(logits: Tensor, truth: Tensor) -> float:
    """T for classes: logits (n, k), truth (n,) int64. 1 where there is no row."""
    return _least(lambda sharpness: F.cross_entropy(logits.double() * sharpness, truth)) if len(truth) else 1.0


def fit_binary_temperature(logits: Tensor, truth: Tensor) -> float:
    """T for yes or no: logits (n,), truth (n,) of 0 and 1. 1 where there is no row."""
    if not len(truth):
        return 1.0
    return fit_temperature(torch.stack([torch.zeros_like(logits), logits], dim=1), truth.long())


def _least(cost: Callable[[float], Tensor]) -> float:
    """1 / the sharpness with the least cost, from 0.05 to 20.

    By golden section search (Kiefer 1953), which needs one valley: the likelihood is concave in 1 / T.
    """
    low, high = 1 / _MOST, 1 / _LEAST
    for _ in range(_STEPS):
        first, second = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
        low, high = (low, second) if cost(first) < cost(second) else (first, high)
    return 2 / (low + high)
