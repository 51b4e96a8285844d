"""How sure a figure is: the size of the bootstrap, and the interval that it gives.

Imported by `--help`, so nothing heavy is imported here; `metrics.resampling` does the work.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Bootstrap:
    """How many resamples are drawn for an interval, of what, and the seed that decides which."""

    resamples: int = 2000
    seed: int = 0
    training_seeds: int = 1
    """The rows are what so many trainings say that differ in their seed alone: all rows of the first, then the same
    rows of the next. A figure is the mean over them, and with several they are resampled as the sequences are."""


DEFAULT_BOOTSTRAP = Bootstrap()
"""For every interval for which nothing else is asked: that of eval.py, of a sweep, of the benchmarks."""


@dataclass(frozen=True)
class Interval:
    """A value and its 95 % interval, in the value's unit.

    `low` and `high` are NaN where fewer than two sequences contribute: one drive says nothing about another.
    """

    value: float
    low: float
    high: float
