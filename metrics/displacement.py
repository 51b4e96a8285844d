"""How far a predicted path lies from the logged one: ADE, FDE and miss rate, all against the log."""

from collections.abc import Mapping

import numpy as np

from roadcue.schema import WAYPOINTS

HORIZONS: Mapping[str, int] = {"1s": 4, "3s": 12, "5s": 20}
"""Points up to each horizon: ADE is the mean over the first so many, FDE the displacement at the last of them."""
MISS_M = 2.0
"""Metres at 5 s beyond which a path is a miss: the Argoverse miss rate (Chang et al. 2019, section 4.2; the same
2 m in Argoverse 2), whose final point is at 3 s and 6 s."""

LABELS: Mapping[str, str] = {
    "ade_1s": "ADE at 1 s vs log [m]",
    "ade_3s": "ADE at 3 s vs log [m]",
    "ade_5s": "ADE at 5 s vs log [m]",
    "fde_1s": "FDE at 1 s vs log [m]",
    "fde_3s": "FDE at 3 s vs log [m]",
    "fde_5s": "FDE at 5 s vs log [m]",
    "miss_rate": "Miss rate vs log (beyond 2 m at 5 s)",
}
"""What a table calls each metric of `per_frame`, with its unit. Lower is better for all of them."""


def has_log(logged: np.ndarray) -> np.ndarray:
    """Which rows can be scored: (n, 20, 2) metres -> (n,) True where all points of the log are there.

    A missing or half-missing log is NaN (a test split has none); such rows are to be left out before scoring.
    """
    return ~np.isnan(logged).any(axis=(1, 2))


def displacement(predicted: np.ndarray, logged: np.ndarray) -> np.ndarray:
    """Distance at each point in time: two (n, 20, 2) in metres, ego frame -> (n, 20) float64 metres.

    Several modes a frame, `predicted` (n, k, 20, 2), give (n, k, 20). Plain L2 distance, as in the tutorial of the
    Waymo end-to-end challenge. ValueError when a shape is wrong, a prediction is not finite, or a row has no log
    (`has_log` selects those that have one).
    """
    logged = finite_paths("logged", logged, (len(logged), WAYPOINTS, 2), "select rows with `has_log` first")
    predicted = predicted_paths(predicted, len(logged), several=True)
    return np.hypot(*np.moveaxis(predicted - np.expand_dims(logged, tuple(range(1, predicted.ndim - 2))), -1, 0))


def predicted_paths(predicted: np.ndarray, frames: int, *, several: bool = False) -> np.ndarray:
    """Predicted paths as float64: (frames, 20, 2) metres, ego frame, or with `several` modes (frames, k, 20, 2) too.

    ValueError when the shape is another or a path is not finite.
    """
    modes = np.shape(predicted)[1:-2][:1] if several else ()
    return finite_paths("predicted", predicted, (frames, *modes, WAYPOINTS, 2), "check the head's loss")


def finite_paths(what: str, paths: np.ndarray, shape: tuple[int, ...], remedy: str) -> np.ndarray:
    """`paths` as float64; ValueError, naming `what` they are, unless they have the shape and are finite."""
    paths = np.asarray(paths, np.float64)
    if paths.shape != shape:
        raise ValueError(f"{what} paths must be {shape}: metres, one row a frame; got {paths.shape}")
    unusable = np.flatnonzero(~np.isfinite(paths).all(axis=tuple(range(1, paths.ndim))))
    if len(unusable):
        raise ValueError(
            f"{len(unusable)} of {len(paths)} {what} paths hold NaN or infinity, the first in row {unusable[0]}; "
            f"{remedy}"
        )
    return paths


def per_frame(distance: np.ndarray) -> dict[str, np.ndarray]:
    """Each frame's share in each metric of `LABELS`: (n, 20) metres from `displacement` -> name -> (n,) float64.

    The metric is the mean over frames. `miss_rate` holds 1 for a miss and 0 otherwise.
    """
    ade = {f"ade_{horizon}": distance[:, :points].mean(axis=1) for horizon, points in HORIZONS.items()}
    fde = {f"fde_{horizon}": distance[:, points - 1] for horizon, points in HORIZONS.items()}
    return {**ade, **fde, "miss_rate": (distance[:, -1] > MISS_M).astype(np.float64)}
