"""The frames of a data set that raters have scored, as arrays: what they rated, and what else a score asks for."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from roadcue.loaders.dataset import RoadDataset
from roadcue.metrics.raters import RATERS
from roadcue.schema import SampleTargets

RATED_POINTS = 21
"""Points of one that are kept, the first ones; the real set has no more."""


@dataclass(frozen=True)
class RatedFrames:
    """m rated frames of a data set, in its order.

    `row` (m,) int64 is each one's row in the data set, `sequence` (m,) str its drive, `speed` (m,) float64 m/s the
    ego's at t = 0, `cluster` (m,) str the scenario cluster, "" where the data set names none. `rater_xy`
    (m, 3, 21, 2) float64 metres, ego frame, has `rater_length` (m, 3) int64 points each, NaN behind them, and
    `rater_score` (m, 3) float64, 0 to 10. Where there is no further trajectory, the length is 0 and the score NaN.
    """

    row: np.ndarray
    sequence: np.ndarray
    speed: np.ndarray
    cluster: np.ndarray
    rater_xy: np.ndarray
    rater_length: np.ndarray
    rater_score: np.ndarray

    def __len__(self) -> int:
        return len(self.row)


def rated_frames(dataset: RoadDataset, read: Sequence[SampleTargets] | None = None) -> RatedFrames:
    """The frames that have a preference trajectory; none of them where a data set has no such thing.

    Of a few rows only, ask for those of a `loaders.dataset.Subset`: `row` then counts its rows. `read` holds the
    targets of all its rows where they have been read already.
    """
    every = (dataset.targets(row) for row in range(len(dataset))) if read is None else read
    targets = {row: one for row, one in enumerate(every) if one.preferences}
    row, m = np.array(list(targets), np.int64), len(targets)
    xy = np.full((m, RATERS, RATED_POINTS, 2), np.nan)
    length, score = np.zeros((m, RATERS), np.int64), np.full((m, RATERS), np.nan)
    for i, one in enumerate(targets.values()):
        for j, preference in enumerate(one.preferences[:RATERS]):
            kept = preference.xy[:RATED_POINTS]
            xy[i, j, : len(kept)] = kept
            length[i, j], score[i, j] = len(kept), preference.score
    velocity = dataset.states.past[row, -1, 2:4].astype(np.float64)
    return RatedFrames(
        row=row,
        sequence=dataset.states.sequence[row],
        speed=np.hypot(velocity[:, 0], velocity[:, 1]),
        cluster=np.array([one.cluster or "" for one in targets.values()], str),
        rater_xy=xy,
        rater_length=length,
        rater_score=score,
    )
