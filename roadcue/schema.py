"""One moment of a drive: what a model may see, and apart from it what it is asked for."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np

PAST_STEPS = 16
"""Past states, t = -3.75 ... 0 s (end_to_end_driving_data.proto, `past_states`)."""
FUTURE_STEPS = 20
"""Future waypoints, t = 0.25 ... 5 s (end_to_end_driving_data.proto, `future_states`)."""
STEP_S = 0.25
"""Seconds between two states: 4 Hz."""
STATE_COLUMNS = ("x", "y", "vx", "vy", "ax", "ay")
"""Columns of `past`: metres, m/s, m/s^2; ego frame at t = 0 (x forward, y left, origin at the rear axle)."""


class Intent(IntEnum):
    """Where the route goes (end_to_end_driving_data.proto, `EgoIntent.Intent`)."""

    UNKNOWN = 0
    GO_STRAIGHT = 1
    GO_LEFT = 2
    GO_RIGHT = 3


@dataclass(frozen=True, slots=True)
class Preference:
    """A trajectory that a rater has scored; real ones have 7 to 21 points.

    `xy` is (n, 2) metres, ego frame; `score` lies in [0, 10]. Placeholders (score -1) never become a Preference.
    """

    xy: np.ndarray
    score: float


@dataclass(frozen=True, slots=True)
class SampleInputs:
    """All that a prediction may use; no target can be reached from here.

    `images` maps a camera's name to its JPEG bytes and reads them only when asked; a camera that the frame lacks
    is not a key. `past` is (16, 6) float32, columns `STATE_COLUMNS`.
    """

    images: Mapping[str, bytes]
    past: np.ndarray
    intent: Intent


@dataclass(frozen=True, slots=True)
class SampleTargets:
    """What is to be predicted; each part may be missing.

    `future` is (20, 2) float32 metres, ego frame, or None (a test split). `cluster` is not predicted but must not be
    seen either: the scenario cluster of the frame's sequence, as WOD-E2E spells it.
    """

    future: np.ndarray | None = None
    preferences: tuple[Preference, ...] = ()
    fields: Mapping[str, str] = field(default_factory=dict)
    caption: str | None = None
    cluster: str | None = None


@dataclass(frozen=True, slots=True)
class Sample:
    """One frame of one sequence; `id` is unique in its data set, `frame` counts the sequence's frames in time."""

    id: str
    sequence: str
    frame: int
    inputs: SampleInputs
    targets: SampleTargets
