"""Which frames of a split the report shows, and what is drawn on each."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from roadcue.errors import BadRecord
from roadcue.heads.registry import WAYPOINT
from roadcue.loaders import picture_file
from roadcue.loaders.bad_records import OnBadRecord
from roadcue.loaders.dataset import RoadDataset
from roadcue.loaders.rated import RatedFrames
from roadcue.metrics.comparison import Comparison
from roadcue.metrics.rated_comparison import RatedComparison
from roadcue.metrics.raters import Raters
from roadcue.reports.colours import LOG
from roadcue.reports.frame import Modes, ReportFrame, rated_paths
from roadcue.schema import Intent
from roadcue.training.heads.predictions import Predictions

_BESIDE = ("ridge", "constant velocity")
"""The paths that are drawn beside the head's: the best that is made without a picture and a head, and no model."""


@dataclass(frozen=True)
class _Rated:
    """The rated frames with what the head gets on each."""

    frames: RatedFrames
    raters: Raters
    score: np.ndarray


def report_frames(
    predictions: Predictions,
    scored: RoadDataset,
    rated: RatedFrames,
    comparison: Comparison,
    against_raters: RatedComparison | None,
    camera: str,
    on_bad_record: OnBadRecord,
) -> list[ReportFrame]:
    """The frames on which the head is best, middling and worst by ADE at 5 s against the log, and by raters.

    The predictions are of the rows of `scored`, all of which have a log, and `rated` are those of them that raters
    scored, maybe none; the comparisons are of the same rows. A frame is shown as FRONT has seen it, and as `camera`
    has where there is no FRONT; `on_bad_record` "skip" shows none where it cannot be read.
    """
    error = comparison.frame_ade[WAYPOINT]
    camera = camera_shown(scored, camera)
    with_raters = None
    if against_raters:
        raters = Raters.of(rated.rater_xy, rated.rater_length, rated.rater_score)
        with_raters = _Rated(rated, raters, against_raters.frame_rfs[WAYPOINT])
    return [
        _report_frame(
            title,
            row,
            predictions,
            scored,
            with_raters,
            float(error[row]),
            camera,
            picture(scored, row, camera, on_bad_record),
        )
        for title, row in _chosen(error, with_raters)
    ]


def _chosen(error: np.ndarray, rated: _Rated | None) -> Iterator[tuple[str, int]]:
    """What is special about a row, and the row."""
    order = np.argsort(error)
    yield "best", int(order[0])
    yield "median", int(order[len(order) // 2])
    yield "worst", int(order[-1])
    if rated:
        best, worst = int(rated.score.argmax()), int(rated.score.argmin())
        yield "best by raters", int(rated.frames.row[best])
        if worst != best:
            yield "worst by raters", int(rated.frames.row[worst])


def _report_frame(
    title: str,
    row: int,
    predictions: Predictions,
    scored: RoadDataset,
    rated: _Rated | None,
    error_m: float,
    camera: str,
    image: np.ndarray | None,
) -> ReportFrame:
    states = scored.states
    frame = int(np.flatnonzero(rated.frames.row == row)[0]) if rated and row in rated.frames.row else None
    return ReportFrame(
        title=f"{title} ({Intent(int(states.intent[row])).name.lower().replace('_', ' ')})",
        sample_id=str(states.id[row]),
        error_m=error_m,
        image=image,
        camera=camera,
        calibration=scored.calibration(row, camera),
        past=states.past[row],
        paths={
            WAYPOINT: predictions.paths[WAYPOINT][row],
            LOG: states.future[row],
            **{name: predictions.paths[name][row] for name in _BESIDE if name in predictions.paths},
        },
        rated=rated_paths(rated.raters, frame, rated.frames.speed[frame]) if rated and frame is not None else (),
        feedback=float(rated.score[frame]) if rated and frame is not None else None,
        modes=_modes(predictions, row),
    )


def _modes(predictions: Predictions, row: int) -> Modes | None:
    if predictions.modes is None or predictions.mode_probabilities is None:
        return None
    return Modes(WAYPOINT, predictions.modes[row], predictions.mode_probabilities[row])


def camera_shown(dataset: RoadDataset, camera: str) -> str:
    """FRONT, or the given camera where there is no FRONT."""
    return "FRONT" if "FRONT" in dataset.cameras else camera


def picture(dataset: RoadDataset, row: int, camera: str, on_bad_record: OnBadRecord) -> np.ndarray | None:
    """(H, W, 3) uint8 RGB, or None where there is none: a run without an encoder has not read it before."""
    try:
        encoded = dataset.image(row, camera)
        return picture_file.decode(encoded, f"{dataset.where(row)}: {camera}") if encoded else None
    except BadRecord:
        if on_bad_record == "raise":
            raise
        return None
