"""Fields and objects as tables: what each method tells of a picture, beside methods that do not look."""

from collections.abc import Container, Mapping

from rich.table import Table
from rich.text import Text

from metrics.bootstrap import Interval
from metrics.objects import Counts
from reports.table import BLIND, SEES, Row, plain, table_of

POSITION_COLUMNS: Mapping[str, str] = {
    "sidewalk_balanced_accuracy": "sidewalk bal. acc.",
    "sidewalk_macro_f1": "sidewalk F1",
    "road_balanced_accuracy": "road bal. acc.",
    "road_macro_f1": "road F1",
    "relation_balanced_accuracy": "relation bal. acc.",
    "relation_macro_f1": "relation F1",
}
OBJECT_COLUMNS: Mapping[str, str] = {
    "near_placed_f1": "presence x position F1",
    "near_presence_f1": "presence F1",
    "sidewalk_accuracy": "sidewalk accuracy",
    "road_accuracy": "road accuracy",
    "relation_accuracy": "relation accuracy",
    "sidewalk_calibration_error": "sidewalk ECE",
    "road_calibration_error": "road ECE",
}
"""The scores of the two tables with what heads their columns; one that no method has is left out."""


def fields_tables(
    rows: Mapping[str, Mapping[str, Interval]],
    sees_image: Container[str],
    *,
    extent: str,
    how_made: str,
    truth: str | None = None,
) -> list[Table]:
    """Two tables for a terminal of 80 columns or more: the positions, and near objects with accuracy and calibration.

    `rows` is method -> score key -> interval, in the order of the table; `sees_image` holds the methods that look,
    `truth` is the method that is the truth itself; `extent` says of what, `how_made` what the intervals are.
    """
    tables = [
        _table(f"{title}, {extent}", columns, rows, sees_image, truth)
        for title, columns in (
            ("Positions, every class counts the same", POSITION_COLUMNS),
            ("Near objects, mean over kinds; accuracy", OBJECT_COLUMNS),
        )
    ]
    tables[-1].caption = Text(f"{SEES} sees the image  {BLIND} does not. {how_made}")
    return tables


def kinds_table(
    title: str, presence: Mapping[str, Counts], placed: Mapping[str, Counts], f1: Mapping[str, Interval]
) -> Table:
    """A line per kind: its counts tp/fn/fp by presence and by place, and its F1 of presence x position."""
    return table_of(
        title,
        ["presence tp/fn/fp", "placed tp/fn/fp", "placed F1"],
        {
            Row(kind, None, ()): [counts_text(presence[kind]), counts_text(placed[kind]), str(plain(f1[kind]))]
            for kind in presence
        },
    )


def counts_text(counts: Counts) -> str:
    """Such as 24/18/35."""
    return f"{counts.tp}/{counts.fn}/{counts.fp}"


def _table(
    title: str,
    columns: Mapping[str, str],
    rows: Mapping[str, Mapping[str, Interval]],
    sees_image: Container[str],
    truth: str | None,
) -> Table:
    shown = [key for key in columns if any(key in scores for scores in rows.values())]
    return table_of(
        title,
        [columns[key] for key in shown],
        {
            Row(name, None if name == truth else name in sees_image, ()): [
                str(plain(scores[key])) if key in scores else "–" for key in shown
            ]
            for name, scores in rows.items()
        },
    )
