"""The report: one HTML file that needs nothing beside it."""

import os
from collections.abc import Container, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from roadcue.files import write_atomic
from roadcue.metrics.comparison import Comparison
from roadcue.metrics.cue_agreement import CueAgreement
from roadcue.metrics.displacement import MISS_M
from roadcue.metrics.rated_comparison import RatedComparison
from roadcue.metrics.score_table import ScoreTable
from roadcue.plausible import camera_misfit
from roadcue.reports.answer_details import AnswerDetails, kind_rows
from roadcue.reports.birds_eye_view import birds_eye_view, wide_view
from roadcue.reports.camera_view import camera_view
from roadcue.reports.colours import LOG, PAST, RATED, colours
from roadcue.reports.cue_agreement_table import agreement_rows, agreement_title
from roadcue.reports.curves import group_chart, horizon_curves, interval_chart, reliability_diagram, risk_curves
from roadcue.reports.displacement_table import COLUMNS, extent, group_rows, how_made, rows
from roadcue.reports.figure import data_uri
from roadcue.reports.frame import ReportFrame
from roadcue.reports.modes_table import HeadModes, modes_rows, modes_title
from roadcue.reports.rater_table import (
    DISTANCE_COLUMNS,
    MEANING,
    rated_extent,
    rated_how_made,
    rated_rows,
    score_columns,
)
from roadcue.reports.score_table import score_table_extent, score_table_rows
from roadcue.reports.table import ONE_SEED, few_sequences, percent, seeds_said, share_unlike
from roadcue.reports.verdict import verdicts

DRAWN = "The data are drawn, not recorded: the numbers show that the machinery works, and nothing about real roads."
"""What a page about drawn data says before anything else."""
RECORD = Path(__file__).parents[1] / "docs/record.md"
"""Of a checkout: what was measured on drawn data."""
MINIATURE = "The encoder is a miniature that has seen only drawn pictures: it says nothing about SmolVLM2-2.2B."
"""What a page about such an encoder says before anything else."""


def write_report(
    path: Path,
    *,
    comparison: Comparison | None,
    sees_image: Container[str],
    heading: Mapping[str, str],
    frames: Sequence[ReportFrame],
    cautions: Sequence[str] = (),
    against_raters: RatedComparison | None = None,
    modes: HeadModes | None = None,
    answers: Sequence[ScoreTable] = (),
    agreement: CueAgreement | None = None,
    answer_details: Sequence[AnswerDetails] = (),
) -> Path:
    """Write the page to `path` and return it; an earlier page is replaced only by a whole one.

    `sees_image` holds the names of the methods that see an image, `heading` the facts of the run in order, by label,
    and `cautions` what a reader has to know before the numbers. `against_raters` is the comparison on the rated
    frames, where there are any, `modes` what a head's several modes are worth, `answers` the tables of heads that
    predict no path and `answer_details` how they answer, and `agreement` the rule's cue beside what walkers do;
    `comparison` is None where no path is predicted. OSError when the folder cannot be written.
    """
    paths = [method.name for method in comparison.methods] if comparison else []
    paint = colours([*paths, LOG, PAST, RATED, *(name for frame in frames for name in frame.paths)])
    for scores in answers:  # no figure has methods of two heads
        paint |= colours(scores.methods)
    html = _template().render(
        **(_comparison_part(comparison, sees_image) if comparison else {"comparison": None}),
        cautions=cautions,
        record=_record_beside(path) if DRAWN in cautions else "",
        verdicts=verdicts(comparison, answers, sees_image),
        one_seed=ONE_SEED,
        few_sequences=few_sequences,
        few=few_sequences(min((each.sequences for each in (comparison, *answers) if each), default=0)),
        heading=heading,
        answers=[
            (scores, score_table_extent(scores), score_table_rows(scores, sees_image), Markup(risk_curves(scores)))
            for scores in answers
        ],
        answer_details=[
            (details, kind_rows(details), Markup(reliability_diagram(details))) for details in answer_details
        ],
        raters=_raters_part(against_raters, sees_image) if against_raters else None,
        modes=(modes_title(modes), modes_rows(modes), share_unlike(modes.unlike)) if modes else None,
        agreement=(agreement_title(agreement), agreement_rows(agreement), agreement) if agreement else None,
        percent=percent,
        zip=zip,
        sum=sum,
        rated=RATED,
        seeds_said=seeds_said,
        frames=[_Views(frame, paint, f"scene-{number}") for number, frame in enumerate(frames, 1)],
        colours=paint,
    )
    write_atomic(path, html)
    return path


def _comparison_part(comparison: Comparison, sees_image: Container[str]) -> dict[str, Any]:
    """The comparison against the log, as the template shows it."""
    return {
        "comparison": comparison,
        "extent": extent(comparison),
        "how_made": how_made(comparison),
        "miss_m": MISS_M,
        "columns": COLUMNS,
        "rows": rows(comparison, sees_image),
        "groups": {
            kind: (group_rows(comparison, sees_image, kind), Markup(group_chart(comparison, sees_image, kind)))
            for kind in comparison.group_sizes
        },
        "horizon": Markup(horizon_curves(comparison, sees_image)),
        "intervals": Markup(interval_chart(comparison, sees_image)),
    }


def _raters_part(comparison: RatedComparison, sees_image: Container[str]) -> dict[str, Any]:
    """The comparison against raters, as the template shows it."""
    scores = score_columns(comparison)
    columns = {**scores, **DISTANCE_COLUMNS}
    return {
        "extent": rated_extent(comparison),
        "meaning": MEANING,
        "how_made": rated_how_made(comparison),
        "columns": columns,
        "headline": scores[comparison.headline],
        "rows": rated_rows(comparison, sees_image, columns),
    }


class _Views:
    """A frame with its pictures, as the template shows it."""

    def __init__(self, frame: ReportFrame, paint: Mapping[str, str], name: str) -> None:
        self.frame = frame
        self.above = Markup(
            birds_eye_view(frame.past, frame.paths, paint, name, rated=frame.rated, modes=frame.modes)
        )
        self.wide = Markup(wide_view(frame.paths, paint, f"{name}-wide"))
        self.camera = ""
        self.about_camera = f"Camera {frame.camera}"
        if frame.image is None:
            self.about_camera = f"This sample has no picture of the camera {frame.camera}."
            return
        calibration = frame.calibration
        fault = "the data have no calibration of it"
        if calibration is not None:
            fault = camera_misfit(calibration, frame.image.shape[1], frame.image.shape[0])
        if fault:
            calibration = None
            self.about_camera += f"; {fault}, so the paths cannot be drawn here"
        jpeg = camera_view(
            frame.image, calibration, frame.past, frame.paths, paint, rated=frame.rated, modes=frame.modes
        )
        self.camera = data_uri(jpeg)


def _record_beside(path: Path) -> str:
    """Where the record lies as seen from a page in the same checkout; "" for any other page."""
    page, checkout = path.resolve(), RECORD.parents[1]
    there = RECORD.exists() and page.is_relative_to(checkout)
    return os.path.relpath(RECORD, page.parent) if there else ""


def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(lambda name: (files("roadcue.reports") / name).read_text(encoding="utf-8")),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html")
