"""What every table is made of: figures with their intervals, and a mark on the methods that see no image."""

import math
import re
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from roadcue.errors import printable
from roadcue.metrics.bootstrap import Interval
from roadcue.reports.colours import colours
from roadcue.terminal_table import print_table

SEES, BLIND = "●", "○"
"""Before a method that sees an image, and before one that does not."""
TERMINAL = 80
"""Columns in which a table has to be read."""
FEW_SEQUENCES = 20
"""Below it a bootstrap over whole sequences gives intervals that are too narrow: with five to thirty groups it
rejects a true hypothesis too often (Cameron, Gelbach and Miller 2008)."""


@dataclass(frozen=True)
class Cell:
    """A value and its interval as text; `clear` when the interval of a difference leaves out zero."""

    value: str
    interval: str
    clear: bool = False

    def __str__(self) -> str:
        return f"{self.value}{' *' if self.clear else ''}\n{self.interval}"


@dataclass(frozen=True)
class Row:
    """A method's line of a table; `difference` is None for the reference and in the tables by group.

    `sees_image` is None for the path that was driven, which no method has made.
    """

    name: str
    sees_image: bool | None
    cells: tuple[Cell, ...]
    difference: Cell | None = None


def table_of(title: str, columns: list[str], cells: Mapping[Row, list[str]], rows_are: str = "method") -> Table:
    """A line per method, or whatever else has rows, with its mark and its numbers."""
    table = bare_table(title)
    table.add_column("", width=1)
    table.add_column(rows_are)
    numbers = dict(zip(columns, zip(*cells.values(), strict=True), strict=True))
    for name, column in numbers.items():
        add_numbers(table, name, column)
    narrowest = 1 + _longest_word(row.name for row in cells)
    narrowest += sum(max(_widest(column), _longest_word([name])) for name, column in numbers.items())
    if narrowest + 2 * (len(numbers) + 2) > TERMINAL:  # two blanks between columns, one at each edge
        table.padding = (0, 0)  # names lose no letter for the sake of blanks
    paint = colours(row.name for row in cells)
    for row, texts in cells.items():
        table.add_row(Text(mark(row), style=paint[row.name]), Text(printable(row.name)), *map(Text, texts))
    return table


def bare_table(title: str) -> Table:
    """A table with nothing but a title."""
    table = Table(title=Text(title), box=box.SIMPLE_HEAD, padding=(0, 1), collapse_padding=True, pad_edge=False)
    table.title_justify = table.caption_justify = "left"
    return table


def print_tables(tables: Iterable[Table]) -> None:
    """Print them, each above what is to be known of it: what has been said below an earlier one is not said again.

    Titles and what is said are as wide as the terminal, also where the table is narrow.
    """
    console, said = Console(), set[str]()
    for table in tables:
        sentences = [each for each in re.split(r"(?<=\.) ", str(table.caption or "")) if each not in said]
        said.update(sentences)
        console.print(Text(str(table.title or ""), style="table.title"))
        table.title = table.caption = None
        print_table(table)
        if any(sentences):
            console.print(Text(" ".join(sentences), style="table.caption"), end="\n\n")


def add_numbers(table: Table, name: str, column: Sequence[str]) -> None:
    """A column as wide as its widest number: in a narrow terminal the names wrap, never a number."""
    header = textwrap.fill(name, _widest(column), break_long_words=False)
    table.add_column(Text(header), justify="right", no_wrap=True, min_width=_widest(column))


def _widest(column: Iterable[str]) -> int:
    return max(len(line) for cell in column for line in cell.splitlines())


def _longest_word(names: Iterable[str]) -> int:
    return max(len(word) for name in names for word in name.split())


def mark(row: Row) -> str:
    """What stands before the name of a row."""
    return {True: SEES, False: BLIND, None: "–"}[row.sees_image]


def plain(interval: Interval) -> Cell:
    """A number such as metres or a score: 2.50, and 1.50–3.50 below it."""
    digits = _digits(interval)
    return _cell(interval, lambda metres: f"{metres:.{digits}f}", "–")


def percent(interval: Interval) -> Cell:
    """A share: 25%, and 20–30 below it."""
    return replace(_cell(interval, lambda share: f"{100 * share:.0f}", "–"), value=f"{interval.value:.0%}")


def difference(interval: Interval) -> Cell:
    """A difference with its sign: −0.76 *, and −1.52…−0.01 below it."""
    digits = _digits(interval)
    cell = _cell(interval, lambda metres: f"{metres:+.{digits}f}".replace("-", "−"), "…")
    return replace(cell, clear=excludes_zero(interval))


def excludes_zero(interval: Interval) -> bool:
    """Whether a difference is more than chance; never where there are no bounds."""
    return interval.low > 0 or interval.high < 0


def few_sequences(sequences: int) -> str:
    """A warning that belongs beside intervals over so many sequences; nothing where they are enough, or none."""
    if not 1 < sequences < FEW_SEQUENCES:
        return ""
    return (
        f"Caution: the intervals rest on {sequences} sequences; with fewer than {FEW_SEQUENCES} they are too narrow, "
        "so do not lean on them."
    )


def _digits(interval: Interval) -> int:
    """Centimetres below 10 m, decimetres from there on: a narrow terminal shows every cell whole."""
    return 2 if max(map(abs, (interval.value, interval.low, interval.high))) < 10 else 1


def _cell(interval: Interval, text: Callable[[float], str], between: str) -> Cell:
    """The value above its bounds, or above a dash where there are none."""
    bounds = "–" if math.isnan(interval.low) else f"{text(interval.low)}{between}{text(interval.high)}"
    return Cell(text(interval.value), bounds)


def share_unlike(share: float | None) -> str:
    """How many pictures are unlike those that were learnt from, in a sentence; nothing where that is not known."""
    return "" if share is None else f"{share:.1%} of the samples have pictures unlike those that were learnt from."


ONE_SEED = "One training seed: whether another gives the same, only several tell (train.py --seeds)."
"""What is said wherever a difference rests on one training."""


def seeds_said(training_seeds: Mapping[str, int]) -> str:
    """Of how many trainings the methods are, in a sentence; nothing where that is not known of any."""
    counts = set(training_seeds.values())
    if counts <= {1}:
        return ONE_SEED if counts else ""
    several = f"Means of {' or '.join(map(str, sorted(counts - {1})))} training seeds"
    if 1 not in counts:
        return f"{several}."
    single = [repr(method) for method, seeds in training_seeds.items() if seeds == 1]
    return f"{several}, but for {', '.join(single)}. {ONE_SEED}"
