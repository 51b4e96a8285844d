"""A table on a terminal: however narrow that is, no letter and no figure of it is lost."""

import copy

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table

_FOLDED = 12
"""Columns that are enough for what may be folded anywhere, such as the name of a frame."""
_ENDLESS = 10_000


def print_table(table: Table) -> None:
    """Print it as wide as the terminal; where its words and figures need more, its lines go on in the next ones."""
    Console(width=max(Console().width, _narrowest(table))).print(table)


def _narrowest(table: Table) -> int:
    """The columns in which each word stands whole, and each cell that may not be wrapped."""
    measured = copy.deepcopy(table)
    for column in measured.columns:
        if column.overflow == "fold":
            column.max_width = _FOLDED
    console = Console(width=_ENDLESS)
    return Measurement.get(console, console.options, measured).minimum
