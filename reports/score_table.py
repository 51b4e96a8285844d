"""A table of scores: a line per method, a column per figure."""

from collections.abc import Container, Mapping

from rich.table import Table
from rich.text import Text

from roadcue.metrics.bootstrap import Interval
from roadcue.metrics.score_table import ScoreTable
from roadcue.reports.table import (
    BLIND,
    SEES,
    Cell,
    Row,
    difference,
    few_sequences,
    percent,
    plain,
    seeds_said,
    table_of,
)
from roadcue.sentences import counted


def score_table_extent(scores: ScoreTable) -> str:
    """How many samples and sequences the table is made of."""
    return f"{counted(scores.samples, 'sample')} of {counted(scores.sequences, 'sequence')}"


def score_table_caption(scores: ScoreTable) -> str:
    """What the intervals are over, what the figures mean, and of how many training seeds they are."""
    over = "seeds and sequences" if max(scores.training_seeds.values(), default=1) > 1 else "sequences"
    few = few_sequences(scores.sequences)
    said = (f"95 % intervals over {over}.", few, scores.meaning, seeds_said(scores.training_seeds))
    return " ".join(filter(None, said))


def score_table_rows(scores: ScoreTable, sees_image: Container[str]) -> list[Row]:
    """A row per method, in the order of the scores."""
    return [
        Row(
            name,
            None if name == scores.gold else name in sees_image,
            tuple(_cell(scores, key, name, figures) for key in scores.columns),
        )
        for name, figures in scores.methods.items()
    ]


def _cell(scores: ScoreTable, key: str, name: str, figures: Mapping[str, Interval]) -> Cell:
    """A dash for what a method does not answer; the method that the others are compared with is named as that."""
    if key not in figures:
        return Cell("reference" if key in scores.signed and name == next(iter(scores.methods)) else "–", "")
    return (difference if key in scores.signed else plain if key in scores.plain else percent)(figures[key])


def score_table(scores: ScoreTable, sees_image: Container[str]) -> Table:
    """The table for a terminal of 80 columns or more."""
    rows = {row: [*map(str, row.cells)] for row in score_table_rows(scores, sees_image)}
    table = table_of(f"{scores.title}, {score_table_extent(scores)}", [*scores.columns.values()], rows)
    table.caption = Text(f"{SEES} sees the image  {BLIND} does not. {score_table_caption(scores)}")
    return table
