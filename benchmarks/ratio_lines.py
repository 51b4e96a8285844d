"""The last lines of every benchmark, `ratio NAME VALUE`: printed here, and read here."""

import re
from collections.abc import Mapping

AGAINST = "ratios against "
"""What the line above them begins with: a ratio without its reference says nothing."""
_LINE = re.compile(r"^ratio (\w+) (\S+)$", re.MULTILINE)


def print_ratios(reference: str, ratios: Mapping[str, float]) -> None:
    """A line for each; `reference` is what all are measured against in the same run.

    A name begins with that of the benchmark's file, so that no two benchmarks have one in common.
    """
    print(f"{AGAINST}{reference}:")
    for name, value in ratios.items():
        print(f"ratio {name} {value:.3g}")


def read_ratios(output: str) -> dict[str, float]:
    """Name -> value, of a name that stands there twice the last, as in the log of a step that was done again."""
    return {name: float(value) for name, value in _LINE.findall(output)}
