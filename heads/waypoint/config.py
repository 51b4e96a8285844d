"""The waypoint head's options, which the command line shows, so nothing heavy is imported here."""

from dataclasses import dataclass, replace
from typing import Any, Literal, get_args, get_type_hints

from roadcue.heads.layers import check_layers

_MOST = {"modes": 256, "anchors": 65_536}
RANK, FEW = 12, 3
"""The rank of a head for which none is chosen; and the lower one that is tried beside it: see `candidates`."""


@dataclass(frozen=True)
class WaypointConfig:
    """The waypoint head: from pooled features, past states and intent to 20 waypoints."""

    kind: Literal["linear", "mlp", "query", "gru", "unicycle", "modes", "vocabulary"] = "unicycle"
    """The decoder: linear, mlp, query (attends to the cells of the feature grid), gru (point after point),
    unicycle (acceleration and curvature, rolled out), modes (several paths, scored), vocabulary (scored anchors)."""
    rank: int | None = None
    """Linear combinations of the features that the layers see: those that best predict what the corrected path gets
    wrong, by reduced-rank ridge regression on the training set. 0: all features, as the query kind always sees.
    Default: 12; chosen with the residual where that is auto."""
    hidden: int | None = None
    """Units of each hidden layer. Default: 512, or 64 for the gru and query kinds, which run their layers once for
    every waypoint; the linear kind has none."""
    dropout: float = 0.1
    """Share of hidden units left out at each training step, 0 to below 1."""
    past_dropout: float = 0.0
    """Share of the rows at each training step whose past states are hidden from the layers, 0 to below 1; the
    corrected path and the unicycle's speed still use them."""
    normalize: bool = True
    """Normalise features, past states and waypoints with their mean and spread over the training set; off: raw
    metres, as in the source document's head."""
    residual: Literal["auto", "none", "ego", "constant_velocity"] = "auto"
    """What the head corrects: nothing (it predicts the whole path), the path that a ridge regression predicts from
    past states and intent (ego), or the path at constant velocity; untrained it predicts exactly that path (the
    vocabulary kind its smallest correction). auto: none or ego, chosen on held-out training sequences."""
    correction: float | None = None
    """Share of the learnt correction that is added to the path that is corrected, 0 (that path alone) to 1. Default:
    1; chosen with the residual where that is auto."""
    loss: Literal["l1", "l2", "smooth", "rater"] = "l2"
    """What is minimised: l1, l2 (the mean distance to the log), smooth (l1, squared below 1 m), rater (l2, plus the
    share of the rater feedback score that is lost if a rater likes the log best)."""
    queries: Literal["waypoint", "scene"] = "waypoint"
    """For the query kind: one query for each waypoint, or one query (scene) that becomes the whole path."""
    modes: int = 6
    """For the modes kind: how many paths."""
    anchors: int = 1024
    """For the vocabulary kind: how many anchors, the k-means centres of the training paths."""

    @property
    def units(self) -> int:
        """Units of each hidden layer: `hidden`, or the default of the kind."""
        default = 64 if self.kind in ("gru", "query") else 512
        return default if self.hidden is None else self.hidden

    @property
    def numbers_read(self) -> int:
        """`rank`, or the default one as long as it is to be chosen."""
        return RANK if self.rank is None else self.rank

    def candidates(self) -> tuple["WaypointConfig", ...]:
        """What `residual` "auto" is chosen among, with all of the correction; itself where nothing is open."""
        if self.residual != "auto":
            return (self,)
        ranks = (RANK, FEW) if self.rank is None else (self.rank,)
        none = replace(self, residual="none", rank=ranks[0], correction=1.0)
        return none, *(replace(none, residual="ego", rank=rank) for rank in ranks)

    def __post_init__(self) -> None:
        if self.residual != "auto":  # then nothing is chosen
            for name, default in (("rank", RANK), ("correction", 1.0)):
                if getattr(self, name) is None:
                    object.__setattr__(self, name, default)
        if self.numbers_read < 0:
            raise ValueError(f"rank must be 0 (all features) or more, got {self.rank}")
        if self.correction is not None and not 0 <= self.correction <= 1:
            raise ValueError(f"correction is a share from 0 to 1, got {self.correction}")
        if self.residual == "none" and self.correction != 1:
            raise ValueError(f"correction {self.correction} is of a corrected path, and residual none corrects none")
        check_layers(self.units, self.dropout)
        for name in ("modes", "anchors"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
            if getattr(self, name) > _MOST[name]:
                raise ValueError(
                    f"{name} must be at most {_MOST[name]}, got {getattr(self, name)}: each is a path that the head "
                    "scores for every row"
                )
        if not 0 <= self.past_dropout < 1:
            raise ValueError(f"past_dropout is a share of rows from 0 to below 1, got {self.past_dropout}")
        for name in ("kind", "residual", "loss", "queries"):
            if getattr(self, name) not in choices(name):
                raise ValueError(f"{name} is one of {', '.join(choices(name))}; got {getattr(self, name)!r}")


def choices(setting: str) -> tuple[Any, ...]:
    """The values that an option of `WaypointConfig` can have, in order."""
    return get_args(get_type_hints(WaypointConfig)[setting])
