"""Near objects by kind, as a table: what was claimed of each, by presence and by place."""

from collections.abc import Mapping

from rich.table import Table

from roadcue.metrics.bootstrap import Interval
from roadcue.metrics.objects import Counts
from roadcue.reports.table import Row, plain, table_of


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
        "object",
    )


def counts_text(counts: Counts) -> str:
    """Such as 24/18/35."""
    return f"{counts.tp}/{counts.fn}/{counts.fp}"
