"""What heads that answer questions are worth, as tables: a line per method, a column per figure."""

from collections.abc import Container, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from rich.table import Table
from rich.text import Text

from roadcue.metrics.bootstrap import Interval
from roadcue.metrics.comparison import nan_to_none
from roadcue.reports.table import BLIND, SEES, Row, count, percent, plain, table_of


@dataclass(frozen=True)
class AnswerScores:
    """One table: figures of every method on the same rows. `columns`: figure -> what heads its column."""

    title: str
    columns: Mapping[str, str]
    methods: Mapping[str, Mapping[str, Interval]]
    samples: int
    sequences: int
    meaning: str = ""
    plain: Container[str] = ()
    """The figures that are no shares."""
    truth: str | None = None
    """The method that is the truth itself, which nobody has made."""

    def to_json(self) -> dict[str, Any]:
        """Title, size, and method -> figure -> value and bounds; None for a bound that does not exist."""
        methods = {
            name: {key: asdict(interval) for key, interval in figures.items()}
            for name, figures in self.methods.items()
        }
        extent = {"samples": self.samples, "sequences": self.sequences}
        return {"title": self.title, **extent, "methods": nan_to_none(methods)}

    @property
    def extent(self) -> str:
        """How much it is made on."""
        return f"{count(self.samples, 'sample')} of {count(self.sequences, 'sequence')}"


def answers_rows(scores: AnswerScores, sees_image: Container[str]) -> list[Row]:
    """A row per method, in the order of the scores."""
    return [
        Row(
            name,
            None if name == scores.truth else name in sees_image,
            tuple((plain if key in scores.plain else percent)(figures[key]) for key in scores.columns),
        )
        for name, figures in scores.methods.items()
    ]


def answers_table(scores: AnswerScores, sees_image: Container[str]) -> Table:
    """The table for a terminal of 80 columns or more."""
    rows = {row: [*map(str, row.cells)] for row in answers_rows(scores, sees_image)}
    table = table_of(f"{scores.title}, {scores.extent}", [*scores.columns.values()], rows)
    table.caption = Text(
        f"{SEES} sees the image  {BLIND} does not. 95 % intervals over sequences. {scores.meaning}".strip()
    )
    return table
