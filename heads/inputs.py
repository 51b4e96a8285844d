"""The batch that every head reads, declared once."""

from typing import TypedDict

from torch import Tensor


class HeadInputs(TypedDict):
    """What a head may see. b: batch, n: pooled vectors of all cameras in the run's camera order, d: their width.

    `features` (b, n, d) float32, n = 0 without an encoder; `feature_mask` (b, n) bool, False where the camera was
    missing and its vectors stand in for it; `past` (b, 16, 6) float32 x, y, vx, vy, ax, ay in metres, m/s, m/s^2,
    ego frame, t = -3.75 ... 0 s; `intent` (b,) int64: 0 unknown, 1 straight, 2 left, 3 right.
    """

    features: Tensor
    feature_mask: Tensor
    past: Tensor
    intent: Tensor


class HeadTargets(TypedDict):
    """What a head is trained towards: `future` (b, 20, 2) float32 metres, ego frame, NaN where a row has none."""

    future: Tensor


def has_future(targets: HeadTargets) -> Tensor:
    """(b,) bool: which rows can be learned from; a path with a NaN in it is as good as none."""
    return ~targets["future"].isnan().any(dim=2).any(dim=1)
