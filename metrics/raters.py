"""What raters say of a frame: up to three trajectories, each with a score, as the official scoring reads them."""

from dataclasses import dataclass

import numpy as np

from roadcue.metrics.displacement import finite_paths
from roadcue.schema import WAYPOINTS

RATERS = 3
"""Trajectories of a frame that count, the first ones (rater_feedback_utils.py,
`default_num_of_rater_specified_trajectories`)."""
MAX_SCORE = 10.0
"""Scores lie in [0, 10] (end_to_end_driving_data.proto, `preference_score`)."""


@dataclass(frozen=True)
class Raters:
    """The rated trajectories of n frames, in the form that `process_rater_specified_trajectories` of
    rater_feedback_utils.py gives them: every frame has three, of 20 points each.

    `xy` (n, 3, 20, 2) float64 metres, ego frame, t = 0.25 ... 5 s; a shorter trajectory goes on with its last point.
    `points` (n, 3) int64 counts the points that were really given, 1 to 20. `score` (n, 3) float64, 0 to 10. Where a
    frame has fewer trajectories, its last one is there again.
    """

    xy: np.ndarray
    points: np.ndarray
    score: np.ndarray

    def __len__(self) -> int:
        return len(self.score)

    @classmethod
    def of(cls, xy: np.ndarray, length: np.ndarray, score: np.ndarray) -> "Raters":
        """From `xy` (n, p, t, 2) metres, ego frame, with `length` (n, p) points that count, and `score` (n, p).

        What has no point (length 0) or a score below 0 is a placeholder and left out. The first point is taken for
        t = 0.25 s, and those after the 20th are left out. ValueError when the shapes do not fit, a score is NaN or
        above 10, a point that counts is not finite, or a frame has no rated trajectory (`is_rated` selects those that
        have one).
        """
        xy, score = np.asarray(xy, np.float64), np.asarray(score, np.float64)
        if xy.ndim != 4 or xy.shape[3] != 2 or not xy.shape[:2] == np.shape(length) == score.shape:
            raise ValueError(
                f"rated trajectories need xy (n, p, t, 2), length (n, p) and score (n, p), got {xy.shape}, "
                f"{np.shape(length)} and {score.shape}"
            )
        rated = is_rated(length, score)
        if not rated.all():
            raise ValueError(
                f"{np.count_nonzero(~rated)} of {len(rated)} frames have no rated trajectory, the first in row "
                f"{rated.argmin()}; select rows with `is_rated` first"
            )
        if (score > MAX_SCORE).any() or (length > xy.shape[2]).any():
            raise ValueError(
                f"scores must be at most {MAX_SCORE:g} and lengths at most the {xy.shape[2]} points of xy; the "
                f"highest are {score.max():g} and {length.max()}"
            )
        chosen = _first_given(length, score)
        length, score = np.take_along_axis(length, chosen, 1), np.take_along_axis(score, chosen, 1)
        point = np.minimum(np.arange(WAYPOINTS), length[..., None] - 1)
        padded = xy[np.arange(len(xy))[:, None, None], chosen[..., None], point]
        remedy = "check the lengths, or leave those frames out"
        return cls(finite_paths("rated", padded, padded.shape, remedy), np.minimum(length, WAYPOINTS), score)


def is_rated(length: np.ndarray, score: np.ndarray) -> np.ndarray:
    """Which frames have a rated trajectory: points (n, p) and scores (n, p), below 0 a placeholder -> (n,) bool.

    ValueError when a trajectory that has points has NaN for a score.
    """
    unclear = (length > 0) & np.isnan(score)
    if unclear.any():
        raise ValueError(f"{np.count_nonzero(unclear)} trajectories have points but NaN for a score")
    return np.count_nonzero(_given(length, score), axis=1) > 0


def _given(length: np.ndarray, score: np.ndarray) -> np.ndarray:
    """(n, p) True for what is no placeholder."""
    return (length > 0) & (score >= 0)


def _first_given(length: np.ndarray, score: np.ndarray) -> np.ndarray:
    """(n, 3) places of the first three trajectories that are no placeholders, the last one again for want of more."""
    given = _given(length, score)
    in_front = np.argsort(~given, axis=1, kind="stable")
    place = np.minimum(np.arange(RATERS), given.sum(axis=1, keepdims=True) - 1)
    return np.take_along_axis(in_front, place, 1)
