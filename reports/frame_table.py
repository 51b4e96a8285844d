"""Single frames as a table: what was answered, and what is true."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.table import Table
from rich.text import Text

from roadcue.reports.table import bare_table


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
    """A line per frame with the answers of the runs or heads that `answered_by` names."""
    table = bare_table(title)
    for name in ("frame", "question", *answered_by, "true"):
        table.add_column(Text(name), overflow="fold")
    for line in lines:
        mark = " (unlike)" if line.unlike else ""
        table.add_row(*map(Text, (f"{line.id}{mark}", line.question, *line.answers, line.truth)))
    if any(line.unlike for line in lines):
        table.caption = Text("Unlike: its pictures are unlike those that the run has learnt from.")
    return table
