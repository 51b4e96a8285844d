"""The rater feedback score of WOD-E2E (RFS, 0 to 10, higher is better): how near a path comes to what raters like.

Source of every formula and constant: rater_feedback_utils.py of the Waymo Open Dataset repository (metrics/python).
Where it and the paper (arXiv 2510.26125) differ, this follows the code, as the leaderboard does: the trust region
scales with the speed of the ego, the best rater is found for each horizon, and the floor lifts nothing inside.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from roadcue.metrics.bootstrap import DEFAULT_BOOTSTRAP, Bootstrap, Interval
from roadcue.metrics.displacement import HORIZONS, predicted_paths
from roadcue.metrics.raters import Raters
from roadcue.metrics.resampling import bootstrap_of, sequence_bootstrap

SCORED_AT = ("3s", "5s")
"""The horizons that are scored: the order of every axis of 2 horizons."""
POINT_AT = [HORIZONS[horizon] - 1 for horizon in SCORED_AT]
"""The places of their points in a path of 20."""
LATERAL_M, LONGITUDINAL_M = (1.0, 1.8), (4.0, 7.2)
"""Half sides of the trust region at 3 s and 5 s for a fast car, metres: beside and along the rater's path."""
SLOW_MPS, FAST_MPS = 1.4, 11.0
"""The half sides grow from half to full between these speeds."""
DECAY = 0.1
"""What is left of a rater's score one half side outside of the trust region."""
FLOOR = 4.0
"""The least that a path gets which is outside of every rater's trust region."""

LABELS: Mapping[str, str] = {
    "rfs_cluster_mean": "RFS, mean over scenario clusters",
    "rfs_frame_mean": "RFS, mean over frames",
    "floor_share": "Share of frames at the RFS floor",
}
"""What a table calls the figures made of `rater_feedback`. Of RFS more is better, of the share less."""


@dataclass(frozen=True)
class RaterFeedback:
    """What each path gets; all (n,), or (n, k) for k modes.

    `score` float64, 0 to 10. `inside` bool: within the trust region of one rater at both horizons. `floored` bool:
    the raters' scores alone would have given less than the floor.
    """

    score: np.ndarray
    inside: np.ndarray
    floored: np.ndarray


def rater_feedback(predicted: np.ndarray, raters: Raters, speed: np.ndarray) -> RaterFeedback:
    """Score paths (n, 20, 2), or of k modes (n, k, 20, 2), metres, ego frame, t = 0.25 ... 5 s.

    `speed` (n,) m/s is the ego's at t = 0: the length of its last past velocity. A prediction that is one path a
    frame has its official score; of several modes, the official one is `metrics.modes.expected` of `score`.
    ValueError when a shape is wrong, a path is not finite, or a speed is negative or NaN.
    """
    paths = predicted_paths(predicted, len(raters), several=True)
    if np.shape(speed) != (len(raters),):
        raise ValueError(f"{len(raters)} frames need {len(raters)} speeds, got {np.shape(speed)}")
    one_path = paths.ndim == 3
    if one_path:
        paths = paths[:, None]
    lateral, longitudinal = (side[:, None, None] for side in trust_region(speed))
    forward = directions(raters.xy)[:, :, None]
    gap = paths[:, None, :, POINT_AT] - raters.xy[:, :, None, POINT_AT]  # (n, 3, k, 2 horizons, 2)
    along = np.abs((forward * gap).sum(-1))
    beside = np.abs(forward[..., 0] * gap[..., 1] - forward[..., 1] * gap[..., 0])
    distance = np.maximum(along / longitudinal, beside / lateral)  # 1: on the edge of the trust region
    inside = (distance <= 1).all(axis=-1).any(axis=1)
    rated = raters.score[:, :, None, None] * DECAY ** np.maximum(distance - 1, 0)
    score = rated.max(axis=1).mean(axis=-1)
    floored = ~inside & (score < FLOOR)
    feedback = (np.where(floored, FLOOR, score), inside, floored)
    return RaterFeedback(*(values[:, 0] if one_path else values for values in feedback))


def trust_region(speed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Half sides of the trust region, lateral and longitudinal, (n, 2) metres each at the horizons 3 s and 5 s.

    `speed` (n,) m/s of the ego at t = 0; ValueError when one is negative or NaN. The region is a rectangle around
    the rater's point (`POINT_AT`), turned into the rater's direction (`directions`).
    """
    speed = np.asarray(speed, np.float64)
    if not (speed >= 0).all():
        raise ValueError(f"{np.count_nonzero(~(speed >= 0))} of {len(speed)} speeds are negative or NaN")
    scale = np.clip(0.5 + 0.5 * (speed - SLOW_MPS) / (FAST_MPS - SLOW_MPS), 0.5, 1.0)[:, None]
    return scale * np.array(LATERAL_M), scale * np.array(LONGITUDINAL_M)


def directions(xy: np.ndarray) -> np.ndarray:
    """Where raters' trajectories (..., 20, 2) head at the horizons 3 s and 5 s: unit vectors (..., 2 horizons, 2).

    It is the direction of the last step, counted from the origin, that was not zero; forward where there was none.
    """
    step = np.diff(xy, axis=-2, prepend=np.zeros((*xy.shape[:-2], 1, 2)))
    moved = (step[..., 0] != 0) | (step[..., 1] != 0)
    last = np.stack([at - moved[..., at::-1].argmax(axis=-1) for at in POINT_AT], axis=-1)
    forward = np.take_along_axis(step, last[..., None], -2)
    forward[~np.take_along_axis(moved, last, -1)] = 1, 0
    return forward / np.hypot(forward[..., 0], forward[..., 1])[..., None]


def mean_over_frames(score: np.ndarray, sequence: np.ndarray, bootstrap: Bootstrap = DEFAULT_BOOTSTRAP) -> Interval:
    """The plain mean of (n,) scores, with its 95 % interval over resampled sequences (n,)."""
    return sequence_bootstrap(score[:, None], sequence, bootstrap)[0]


def mean_over_clusters(
    score: np.ndarray, cluster: np.ndarray, sequence: np.ndarray, bootstrap: Bootstrap = DEFAULT_BOOTSTRAP
) -> Interval:
    """The mean over scenario clusters of each cluster's mean, with its 95 % interval over resampled sequences.

    The leaderboard's figure (end_to_end_driving_metrics.proto, `average_score`). `score`, `cluster` (n,) names and
    `sequence` (n,) are of the same frames; a cluster that has no frame (Spotlight in the validation split), or none
    in a resample, does not count. There is no interval (NaN) where some cluster has one sequence only. For two
    methods in pairs, give the difference of their scores. ValueError when a frame has no cluster ("") or the lengths
    differ.
    """
    _, columns = _cluster_columns(score, cluster)
    return bootstrap_of(lambda means: np.nanmean(means, axis=1), columns, sequence, bootstrap)


def by_cluster(score: np.ndarray, cluster: np.ndarray) -> dict[str, float]:
    """The mean score of each cluster that has frames, by name: two (n,); ValueError as in `mean_over_clusters`."""
    names, columns = _cluster_columns(score, cluster)
    return dict(zip(map(str, names), np.nanmean(columns, axis=0).tolist(), strict=True))


def _cluster_columns(score: np.ndarray, cluster: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The clusters (c,), and (n, c) the scores of their frames, NaN for the frames of others."""
    if score.ndim != 1 or cluster.shape != score.shape or len(score) == 0:
        raise ValueError(f"clusters need a score and a name for every frame, n > 0: {score.shape}, {cluster.shape}")
    unnamed = np.count_nonzero(cluster == "")
    if unnamed:
        raise ValueError(f"{unnamed} of {len(cluster)} frames have no scenario cluster; take the mean over frames")
    names = np.unique(cluster)
    return names, np.where(cluster[:, None] == names, score[:, None], np.nan)
