"""How far a path lies from the trajectory that raters like best: two ADEs, neither of them the one against the log.

They differ where the best-rated trajectory is shorter than 20 points (in the validation split 4 % of all rated ones
are) and where several share the highest score. The official material says nothing about either (issue 985 of the
dataset's repository is open), so both readings are here, under two names.
"""

from collections.abc import Mapping

import numpy as np

from roadcue.metrics.displacement import HORIZONS, displacement, predicted_paths
from roadcue.metrics.raters import Raters
from roadcue.schema import WAYPOINTS

_HORIZONS = ("3s", "5s")

LABELS: Mapping[str, str] = {
    "ade_3s_best_rated": "ADE at 3 s vs best-rated [m]",
    "ade_5s_best_rated": "ADE at 5 s vs best-rated [m]",
    "ade_3s_official": "ADE at 3 s, official test definition [m]",
    "ade_5s_official": "ADE at 5 s, official test definition [m]",
}
"""What a table calls the metrics of `best_rated_ade` and `official_ade`. Lower is better for all of them."""


def best_rated_ade(predicted: np.ndarray, raters: Raters) -> dict[str, np.ndarray]:
    """Each frame's ADE against the best-rated trajectory: (n, 20, 2) metres, ego frame -> name -> (n,) metres.

    Only points that the rater's trajectory really has are compared: one of 7 points counts with 7 at both horizons.
    Of several that share the highest score, the one nearest to the prediction counts (by its ADE at 5 s): raters
    found it as good. ValueError as in `metrics.displacement.displacement`.
    """
    predicted = predicted_paths(predicted, len(raters))
    distance = np.hypot(*np.moveaxis(predicted[:, None] - raters.xy, -1, 0))  # (n, 3, 20)
    given = np.arange(WAYPOINTS) < raters.points[..., None]

    def ade(horizon: str) -> np.ndarray:
        counted = given & (np.arange(WAYPOINTS) < HORIZONS[horizon])
        return np.where(counted, distance, 0).sum(axis=-1) / counted.sum(axis=-1)

    best = raters.score == raters.score.max(axis=1, keepdims=True)
    nearest = np.where(best, ade("5s"), np.inf).argmin(axis=1)[:, None]
    return {f"ade_{h}_best_rated": np.take_along_axis(ade(h), nearest, 1)[:, 0] for h in _HORIZONS}


def official_ade(predicted: np.ndarray, raters: Raters) -> dict[str, np.ndarray]:
    """Each frame's ADE as the test set's is defined: (n, 20, 2) metres, ego frame -> name -> (n,) metres.

    "per frame ADE using the ground truth trajectory with the highest rater score", then the mean over all frames
    (end_to_end_driving_metrics.proto, `ade_at_three_sec`, `ade_at_five_sec`), over the first 12 and all 20 points.
    What is left open there is read as the official scoring goes on with trajectories: a short one is filled up with
    its last point (rater_feedback_utils.py hands it out like that), and of several with the highest score the first
    in the record counts. ValueError as in `metrics.displacement.displacement`.
    """
    best = raters.xy[np.arange(len(raters)), raters.score.argmax(axis=1)]
    distance = displacement(predicted_paths(predicted, len(raters)), best)
    return {f"ade_{h}_official": distance[:, : HORIZONS[h]].mean(axis=1) for h in _HORIZONS}
