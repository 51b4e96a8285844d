"""A table of scores: figures of every method on the same rows, each with its interval."""

from collections.abc import Container, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from roadcue.metrics.bootstrap import Interval
from roadcue.metrics.comparison import nan_to_none


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
    gold: str | None = None
    """The method that is the gold standard itself, which nobody has made."""

    def to_json(self) -> dict[str, Any]:
        """Title, size, and method -> figure -> value and bounds; None for a bound that does not exist."""
        methods = {
            name: {key: asdict(interval) for key, interval in figures.items()}
            for name, figures in self.methods.items()
        }
        extent = {"samples": self.samples, "sequences": self.sequences}
        return {"title": self.title, **extent, "methods": nan_to_none(methods)}
