"""The past states and the future of somebody who drives or walks, cut out of a simulation at 20 Hz."""

import numpy as np

from roadcue.roadworld.traffic import DT_S
from roadcue.schema import PAST_STATES, STEP_S, WAYPOINTS

STATE_STEPS = round(STEP_S / DT_S)
"""Time steps between two states of the log."""


def past_steps(step: int) -> np.ndarray:
    """(16,) the time steps of the past states of a moment, the moment itself last."""
    return step - np.arange(PAST_STATES - 1, -1, -1) * STATE_STEPS


def future_steps(step: int) -> np.ndarray:
    """(21,) the time steps of a moment and of its future."""
    return step + np.arange(WAYPOINTS + 1) * STATE_STEPS


def past_states(
    xy: np.ndarray, heading: np.ndarray, speed: np.ndarray, accel: np.ndarray, lateral: np.ndarray
) -> np.ndarray:
    """(16, 6) float32, columns `STATE_COLUMNS`, all in the frame of the last moment.

    Of the moments of `past_steps`: `xy` (16, 2) metres and `heading` (16,) radians in the world, `speed` (16,) m/s,
    and accelerations `accel` (16,) along the heading and `lateral` (16,) to its left, m/s^2.
    """
    forward = np.stack([np.cos(heading), np.sin(heading)], axis=1)
    left = np.stack([-forward[:, 1], forward[:, 0]], axis=1)
    to_here = np.stack([forward[-1], left[-1]], axis=1)
    vectors = (xy - xy[-1], speed[:, None] * forward, accel[:, None] * forward + lateral[:, None] * left)
    return np.concatenate([vector @ to_here for vector in vectors], axis=1).astype(np.float32)


def waypoints(xy: np.ndarray, heading: float) -> np.ndarray:
    """(20, 2) float32 metres, t = 0.25 ... 5 s, from places (21, 2) at `future_steps` and the first heading."""
    c, s = np.cos(heading), np.sin(heading)
    return ((xy[1:] - xy[0]) @ np.array([[c, -s], [s, c]])).astype(np.float32)
