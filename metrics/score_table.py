"""A table of scores: figures of every method on the same rows, each with its interval."""

from collections.abc import Container, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from roadcue.metrics.bootstrap import Interval
from roadcue.metrics.comparison import nan_to_none
from roadcue.metrics.selective import RiskCoverage

DIFFERENCE = "difference"
"""The figure that holds a method's `headline` minus that of the first method, in pairs on the same rows."""


@dataclass(frozen=True)
class ScoreTable:
    """One table: figures of every method on the same rows. `columns`: figure -> what heads its column."""

    title: str
    columns: Mapping[str, str]
    methods: Mapping[str, Mapping[str, Interval]]
    samples: int
    sequences: int
    meaning: str = ""
    plain: Container[str] = ()
    """The figures that are no shares."""
    signed: Container[str] = ()
    """The figures that are differences; the method that they are taken to has none."""
    gold: str | None = None
    """The method that is the gold standard itself, which nobody has made."""
    headline: str | None = None
    """The figure, a share, by which it is said which method wins; all methods but the first have its `DIFFERENCE`."""
    curves: Mapping[str, RiskCoverage] = field(default_factory=dict)
    """Method -> how often it is right when it answers only some rows; of a table about that."""
    training_seeds: Mapping[str, int] = field(default_factory=dict)
    """Method -> how many trainings its figures are the mean of; empty where it is not known who made the answers."""

    def of_seeds(self, trainings: int) -> "ScoreTable":
        """The table of so many trainings, which has counted the samples of each of them."""
        seeds = dict.fromkeys(self.methods, trainings)
        return replace(self, samples=self.samples // trainings, training_seeds=seeds)

    def to_json(self) -> dict[str, Any]:
        """Title, size, and method -> figure -> value and bounds; None for a bound that does not exist.

        And "training_seeds" and "curves", where there are any.
        """
        methods = {
            name: {key: asdict(interval) for key, interval in figures.items()}
            for name, figures in self.methods.items()
        }
        extent: dict[str, Any] = {"samples": self.samples, "sequences": self.sequences}
        extent |= {"training_seeds": dict(self.training_seeds)} if self.training_seeds else {}
        curves = {"curves": {name: asdict(curve) for name, curve in self.curves.items()}} if self.curves else {}
        return {"title": self.title, **extent, "methods": nan_to_none(methods), **curves}
