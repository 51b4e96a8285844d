"""The batch that every head reads, declared once."""

from typing import TypedDict

from torch import Tensor

PAST_STATES, STATE_NUMBERS = 16, 6
"""Past states and the numbers in each (end_to_end_driving_data.proto, `past_states`)."""
WAYPOINTS, STEP_S = 20, 0.25
"""Waypoints of a path and the seconds between two: 4 Hz over 5 s (end_to_end_driving_data.proto, `future_states`)."""
INTENT_NUMBERS = 3
"""Straight, left, right as one-hot numbers; an unknown intent is none of the three: all zeros."""
EGO_NUMBERS = PAST_STATES * STATE_NUMBERS + INTENT_NUMBERS
"""All that a head knows without an image: 99 numbers."""


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
    """What a head is trained towards; a row may have some of it and lack the rest.

    `future` (b, 20, 2) float32 metres, ego frame, NaN where a row has none. A pedestrian's labels, as
    `heads.field.labels` counts them: `positions` (b, 2) int64, the classes of sidewalk and road, -1 where not
    labelled; `objects` (b, 2, 9, 3) float32, near and far, kind, side: 1 seen, 0 not seen, NaN not labelled.
    """

    future: Tensor
    positions: Tensor
    objects: Tensor


def has_future(targets: HeadTargets) -> Tensor:
    """(b,) bool: which rows can be learned from; a path with a NaN in it is as good as none."""
    return ~targets["future"].isnan().any(dim=2).any(dim=1)
