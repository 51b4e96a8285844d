"""The comparison as tables: every figure with its interval, and a mark on the methods that see no image."""

import math
import textwrap
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, replace

from rich import box
from rich.table import Table
from rich.text import Text

from metrics.bootstrap import Interval
from metrics.comparison import Comparison, MethodScores
from reports.colours import colours

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
    """A method's line of a table; `difference` is None for the reference and in the tables by group."""

    name: str
    sees_image: bool
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
                _percent(method.overall[key]) if key == "miss_rate" else _metres(method.overall[key])
                for key in COLUMNS
            ),
            _difference(method.difference["ade_5s"]) if method.difference else None,
        )
        for method in ranked(comparison)
    ]


def group_rows(comparison: Comparison, sees_image: Container[str], kind: str) -> list[Row]:
    """A row per method with ADE at 5 s in each of the comparison's groups by `kind`, "intent" or "speed"."""

    def groups(method: MethodScores) -> Mapping[str, Mapping[str, Interval]]:
        return method.by_intent if kind == "intent" else method.by_speed

    return [
        Row(
            method.name,
            method.name in sees_image,
            tuple(_metres(groups(method)[group]["ade_5s"]) for group in comparison.group_sizes[kind]),
        )
        for method in ranked(comparison)
    ]


def extent(comparison: Comparison) -> str:
    """How much the comparison is made on."""
    return f"{_count(comparison.samples, 'sample')} of {_count(comparison.sequences, 'sequence')}"


def how_made(comparison: Comparison) -> str:
    """What the intervals and differences are, in a sentence or two."""
    if comparison.sequences < 2:
        return "No 95 % intervals: they come from a bootstrap over sequences, and there is only one."
    return (
        f"95 % intervals from {comparison.resamples:,} bootstrap resamples over sequences (seed {comparison.seed}); "
        f"differences in ADE 5 s to {comparison.reference!r}, in pairs on the same samples, * where the interval "
        "leaves out zero."
    )


def comparison_table(comparison: Comparison, sees_image: Container[str]) -> Table:
    """The comparison for a terminal of 80 columns or more; `sees_image` holds the methods that see an image."""
    found = rows(comparison, sees_image)
    table = _table(
        f"Displacement against the log, {extent(comparison)}",
        [*COLUMNS.values(), "Δ ADE 5 s (m)"],
        {row: [*map(str, row.cells), str(row.difference or "reference")] for row in found},
    )
    table.caption = Text(f"{SEES} sees the image  {BLIND} does not. {how_made(comparison)}")
    return table


def group_table(comparison: Comparison, sees_image: Container[str], kind: str) -> Table:
    """ADE at 5 s by `kind`, "intent" or "speed", for a terminal of 80 columns or more."""
    return _table(
        f"ADE 5 s (m) by {kind}",
        [
            f"{group} (n\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}{size:,})"
            for group, size in comparison.group_sizes[kind].items()
        ],
        {row: [*map(str, row.cells)] for row in group_rows(comparison, sees_image, kind)},
    )


def _table(title: str, columns: list[str], cells: Mapping[Row, list[str]]) -> Table:
    table = Table(title=Text(title), box=box.SIMPLE_HEAD, padding=(0, 1), collapse_padding=True, pad_edge=False)
    table.title_justify = table.caption_justify = "left"
    table.add_column("", width=1)
    table.add_column("method")
    for name, column in zip(columns, zip(*cells.values(), strict=True), strict=True):
        widest = max(len(line) for cell in column for line in cell.splitlines())
        header = textwrap.fill(name, widest, break_long_words=False)
        # In a narrow terminal the names of the methods wrap, never a number.
        table.add_column(Text(header), justify="right", no_wrap=True)
    paint = colours(row.name for row in cells)
    for row, texts in cells.items():
        mark = Text(SEES if row.sees_image else BLIND, style=paint[row.name])
        table.add_row(mark, Text(row.name), *map(Text, texts))
    return table


def _metres(interval: Interval) -> Cell:
    digits = _digits(interval)
    return _cell(interval, lambda metres: f"{metres:.{digits}f}", "–")


def _percent(interval: Interval) -> Cell:
    return replace(_cell(interval, lambda share: f"{100 * share:.0f}", "–"), value=f"{interval.value:.0%}")


def _difference(interval: Interval) -> Cell:
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


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
