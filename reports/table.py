"""The comparison as tables: every figure with its interval, and a mark on the methods that see no image."""

import math
import textwrap
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, replace

from rich import box
from rich.table import Table
from rich.text import Text

from roadcue.metrics.bootstrap import Interval
from roadcue.metrics.comparison import Comparison, MethodScores
from roadcue.metrics.rated_comparison import RatedComparison
from roadcue.reports.colours import colours

COLUMNS: Mapping[str, str] = {
    "ade_1s": "ADE 1 s (m)",
    "ade_3s": "ADE 3 s (m)",
    "ade_5s": "ADE 5 s (m)",
    "fde_5s": "FDE 5 s (m)",
    "miss_rate": "miss rate",
}
"""The metrics of the table, with what heads their column."""
SEES, BLIND = "●", "○"
"""Before a method that sees an image, and before one that does not."""
_MANY = 4
"""More groups than this do not fit beside each other in 80 columns."""


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


def ranked(comparison: Comparison) -> list[MethodScores]:
    """The methods, best ADE at 5 s first: the order of every table and figure."""
    return sorted(comparison.methods, key=lambda method: method.overall["ade_5s"].value)


def rows(comparison: Comparison, sees_image: Container[str]) -> list[Row]:
    """A row per method with the metrics of `COLUMNS` and the paired difference of ADE at 5 s to the reference."""
    return [
        Row(
            method.name,
            method.name in sees_image,
            tuple(
                percent(method.overall[key]) if key == "miss_rate" else plain(method.overall[key]) for key in COLUMNS
            ),
            difference(method.difference["ade_5s"]) if method.difference else None,
        )
        for method in ranked(comparison)
    ]


def group_rows(comparison: Comparison, sees_image: Container[str], kind: str) -> list[Row]:
    """A row per method with ADE at 5 s in each of the comparison's groups by `kind`, such as "intent"."""
    return [
        Row(
            method.name,
            method.name in sees_image,
            tuple(plain(method.by(kind)[group]["ade_5s"]) for group in comparison.group_sizes[kind]),
        )
        for method in ranked(comparison)
    ]


def extent(comparison: Comparison) -> str:
    """How much the comparison is made on."""
    return f"{count(comparison.samples, 'sample')} of {count(comparison.sequences, 'sequence')}"


def how_made(comparison: Comparison | RatedComparison, figure: str = "ADE 5 s") -> str:
    """What the intervals and the differences in a figure are, in a sentence or two."""
    if comparison.sequences < 2:
        return "No 95 % intervals: they come from a bootstrap over sequences, and there is only one."
    return (
        f"95 % intervals from {comparison.resamples:,} bootstrap resamples over sequences (seed {comparison.seed}); "
        f"differences in {figure} to {comparison.reference!r}, in pairs on the same samples, * where the interval "
        "leaves out zero."
    )


def comparison_table(comparison: Comparison, sees_image: Container[str]) -> Table:
    """The comparison for a terminal of 80 columns or more; `sees_image` holds the methods that see an image."""
    found = rows(comparison, sees_image)
    table = table_of(
        f"Displacement against the log, {extent(comparison)}",
        [*COLUMNS.values(), "Δ ADE 5 s (m)"],
        {row: [*map(str, row.cells), str(row.difference or "reference")] for row in found},
    )
    table.caption = Text(f"{SEES} sees the image  {BLIND} does not. {how_made(comparison)}")
    return table


def group_table(comparison: Comparison, sees_image: Container[str], kind: str) -> Table:
    """ADE at 5 s by `kind`, such as "intent", for a terminal of 80 columns or more."""
    sizes, found = comparison.group_sizes[kind], group_rows(comparison, sees_image, kind)
    heads = [f"{group} (n\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}{size:,})" for group, size in sizes.items()]
    title = f"ADE 5 s (m) by {kind}"
    if len(sizes) <= _MANY:
        return table_of(title, heads, {row: [*map(str, row.cells)] for row in found})
    table = _bare(title)  # a terminal has more lines than columns
    table.add_column(kind)
    for row in found:
        _add_numbers(table, f"{_mark(row)} {row.name}", [*map(str, row.cells)])
    for head, cells in zip(heads, zip(*(row.cells for row in found), strict=True), strict=True):
        table.add_row(Text(head), *(Text(str(cell)) for cell in cells))
    return table


def table_of(title: str, columns: list[str], cells: Mapping[Row, list[str]], rows_are: str = "method") -> Table:
    """A line per method, or whatever else has rows, with its mark and its numbers."""
    table = _bare(title)
    table.add_column("", width=1)
    table.add_column(rows_are)
    for name, column in zip(columns, zip(*cells.values(), strict=True), strict=True):
        _add_numbers(table, name, column)
    paint = colours(row.name for row in cells)
    for row, texts in cells.items():
        table.add_row(Text(_mark(row), style=paint[row.name]), Text(row.name), *map(Text, texts))
    return table


def _bare(title: str) -> Table:
    table = Table(title=Text(title), box=box.SIMPLE_HEAD, padding=(0, 1), collapse_padding=True, pad_edge=False)
    table.title_justify = table.caption_justify = "left"
    return table


def _add_numbers(table: Table, name: str, column: Sequence[str]) -> None:
    """A column as wide as its widest number: in a narrow terminal the names wrap, never a number."""
    widest = max(len(line) for cell in column for line in cell.splitlines())
    table.add_column(Text(textwrap.fill(name, widest, break_long_words=False)), justify="right", no_wrap=True)


def _mark(row: Row) -> str:
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
    return replace(cell, clear=interval.low > 0 or interval.high < 0)


def _digits(interval: Interval) -> int:
    """Centimetres below 10 m, decimetres from there on: a narrow terminal shows every cell whole."""
    return 2 if max(map(abs, (interval.value, interval.low, interval.high))) < 10 else 1


def _cell(interval: Interval, text: Callable[[float], str], between: str) -> Cell:
    """The value above its bounds, or above a dash where there are none."""
    bounds = "–" if math.isnan(interval.low) else f"{text(interval.low)}{between}{text(interval.high)}"
    return Cell(text(interval.value), bounds)


def count(number: int, noun: str) -> str:
    """Such as 1 sample, 1,680 samples."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
