"""Which group a frame belongs to: by where the route goes, how fast the car is at t = 0, and what the scene is."""

import numpy as np

INTENTS = ("unknown", "straight", "left", "right")
"""Names of the values 0 ... 3 of `EgoIntent.Intent` (end_to_end_driving_data.proto)."""
SPEED_BOUNDS_MPS = (0.5, 5.0, 11.0)
"""Where a speed group ends, m/s. Below 0.5 a car stands (drift of the odometry); 5 is about as fast as one turns at
a crossing; from 11 on the tolerance of the rater feedback score no longer grows (rater_feedback_utils.py)."""
SPEEDS = ("standing, below 0.5 m/s", "slow, 0.5 to 5 m/s", "medium, 5 to 11 m/s", "fast, from 11 m/s")
"""Names of the four groups that `SPEED_BOUNDS_MPS` makes; a bound belongs to the faster group."""


def by_intent(intent: np.ndarray) -> np.ndarray:
    """(n,) int, values of `EgoIntent.Intent` -> (n,) names out of `INTENTS`. ValueError for any other value."""
    if not np.isin(intent, range(len(INTENTS))).all():
        raise ValueError(f"intents must be 0 ... {len(INTENTS) - 1} ({', '.join(INTENTS)}), got {np.unique(intent)}")
    return np.array(INTENTS)[intent]


def by_speed(speed: np.ndarray) -> np.ndarray:
    """(n,) m/s at t = 0 -> (n,) names out of `SPEEDS`. ValueError for a NaN or negative speed."""
    if not (speed >= 0).all():
        raise ValueError(f"{np.count_nonzero(~(speed >= 0))} of {len(speed)} speeds are negative or NaN")
    return np.array(SPEEDS)[np.digitize(speed, SPEED_BOUNDS_MPS)]


def clusters_of(cluster: np.ndarray) -> tuple[str, ...]:
    """(n,) names of scenario clusters, "" where a frame has none -> those that have frames, in alphabetical order."""
    return tuple(str(name) for name in np.unique(cluster) if name)
