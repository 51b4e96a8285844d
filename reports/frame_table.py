"""Single frames as a table: what was answered, and what is true."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.table import Table
from rich.text import Text

from roadcue.errors import printable
from roadcue.reports.table import bare_table

LINES = 100
"""More are not read on a terminal, and laying out each takes milliseconds."""


@dataclass(frozen=True)
class FrameLine:
    """One question of one frame; `unlike` is None where nothing is known of its pictures."""

    id: str
    sequence: str
    question: str
    answers: tuple[str, ...]
    truth: str
    unlike: bool | None


def frame_table(title: str, answered_by: Sequence[str], lines: Sequence[FrameLine]) -> Table:
    """A line per frame, for the first `LINES`, with the answers of the runs or heads that `answered_by` names."""
    table = bare_table(title)
    for name in ("frame", "question", *answered_by, "true"):
        table.add_column(Text(printable(name)), overflow="fold")
    for line in lines[:LINES]:
        mark = " (unlike)" if line.unlike else ""
        cells = (f"{line.id}{mark}", line.question, *line.answers, line.truth)
        table.add_row(*(Text(printable(cell)) for cell in cells))
    below = [f"The first {LINES} of {len(lines):,}."] if len(lines) > LINES else []
    if any(line.unlike for line in lines[:LINES]):
        below.append("Unlike: its pictures are unlike those that the run has learnt from.")
    table.caption = Text(" ".join(below)) if below else None
    return table
