"""What can be set about a head. The command line's help is made of these, so nothing heavy is imported here."""

from dataclasses import dataclass
from typing import Any, Literal, get_args, get_type_hints


@dataclass(frozen=True)
class WaypointConfig:
    """The waypoint head: from pooled features, past states and intent to 20 waypoints."""

    kind: Literal["linear", "mlp", "query", "gru", "unicycle", "modes", "vocabulary"] = "unicycle"
    """What makes the path: linear, mlp, query (attends to the cells of the feature grid), gru (point after point),
    unicycle (acceleration and curvature, rolled out), modes (several paths, scored), vocabulary (scored anchors)."""
    directions: int = 12
    """Directions of the features that the layers see: those that best tell what the corrected path gets wrong, by
    reduced-rank ridge regression on the training set. 0: all features, as the query kind always sees them."""
    hidden: int | None = None
    """Units of each hidden layer. Default: 512, or 64 of the gru and query kinds, which run theirs for every
    waypoint; the linear kind has none."""
    dropout: float = 0.1
    """Share of hidden units left out at each training step, 0 to below 1."""
    past_dropout: float = 0.0
    """Share of the rows at each training step whose past states are hidden from the layers, 0 to below 1; the
    corrected path and the unicycle's speed keep theirs."""
    normalize: bool = True
    """Scale features, past states and waypoints by their mean and spread over the training set; off is the head of
    the source document as it was, on raw metres."""
    residual: Literal["none", "ego", "constant_velocity"] = "none"
    """What the head corrects: nothing (it predicts the whole path), the path that a ridge regression predicts from
    past states and intent (ego), or the path at constant velocity; it starts exactly at that path (the vocabulary
    kind as near as an anchor is)."""
    loss: Literal["l1", "l2", "smooth", "rater"] = "l2"
    """What is minimised: l1, l2 (the mean distance to the log), smooth (l1, squared below 1 m), rater (l2, and the
    rater feedback lost if a rater liked the log best)."""
    queries: Literal["waypoint", "scene"] = "waypoint"
    """Of the query kind: a query for each waypoint, or one for the scene that becomes the path."""
    modes: int = 6
    """Of the modes kind: how many paths."""
    anchors: int = 1024
    """Of the vocabulary kind: how many anchors, the k-means centres of the training paths."""

    @property
    def units(self) -> int:
        """Units of each hidden layer: `hidden`, or what is usual for the kind."""
        usual = 64 if self.kind in ("gru", "query") else 512
        return usual if self.hidden is None else self.hidden

    def __post_init__(self) -> None:
        if self.directions < 0:
            raise ValueError(f"directions must be 0 (all features) or more, got {self.directions}")
        _check_layers(self.units, self.dropout)
        for name in ("modes", "anchors"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        if not 0 <= self.past_dropout < 1:
            raise ValueError(f"past_dropout is a share of rows from 0 to below 1, got {self.past_dropout}")
        for name in ("kind", "residual", "loss", "queries"):
            if getattr(self, name) not in choices(name):
                raise ValueError(f"{name} is one of {', '.join(choices(name))}; got {getattr(self, name)!r}")


@dataclass(frozen=True)
class FieldConfig:
    """The field head: where sidewalk and road are, and what is near and far, from pooled features."""

    hidden: int = 256
    """Units of each hidden layer."""
    layers: int = 1
    """Hidden layers, 1 or more."""
    dropout: float = 0.5
    """Share of the features and of the hidden units left out at each training step, 0 to below 1."""
    balanced: bool = True
    """Let every class of sidewalk and road weigh the same however rare it is, and rare objects more; off: as often
    as they come."""

    def __post_init__(self) -> None:
        _check_layers(self.hidden, self.dropout, self.layers)


@dataclass(frozen=True)
class CueConfig:
    """The cue head: deviate left, keep straight, deviate right; and keep pace, slow down, stop."""

    hidden: int = 256
    """Units of each hidden layer."""
    layers: int = 2
    """Hidden layers, 1 or more."""
    dropout: float = 0.5
    """Share of the features and of the hidden units left out at each training step, 0 to below 1."""
    coverage: float = 0.9
    """Share of the frames whose set of cues shall hold the true one, above 0 and below 1."""
    offset_m: float = 1.0
    """A logged path deviates when it is at least so many metres beside the line of its heading at t = 0."""
    offset_at_s: float = 3.0
    """When it is looked at: seconds after t = 0, a multiple of 0.25 from 1 to 5."""

    def __post_init__(self) -> None:
        _check_layers(self.hidden, self.dropout, self.layers)
        if not 0 < self.coverage < 1:
            raise ValueError(f"coverage is a share of the frames above 0 and below 1, got {self.coverage}")
        if not self.offset_m > 0:
            raise ValueError(f"offset_m is metres above 0, got {self.offset_m}")
        if not 1 <= self.offset_at_s <= 5 or self.offset_at_s % 0.25:
            raise ValueError(f"offset_at_s is a multiple of 0.25 s from 1 to 5, got {self.offset_at_s}")


def _check_layers(hidden: int, dropout: float, layers: int = 1) -> None:
    if layers < 1:
        raise ValueError(f"layers must be at least 1, got {layers}")
    if hidden < 1:
        raise ValueError(f"hidden must be at least 1 unit, got {hidden}")
    if not 0 <= dropout < 1:
        raise ValueError(f"dropout is a share of hidden units from 0 to below 1, got {dropout}")


def choices(setting: str) -> tuple[Any, ...]:
    """The words that a setting of `WaypointConfig` can be, in order."""
    return get_args(get_type_hints(WaypointConfig)[setting])
