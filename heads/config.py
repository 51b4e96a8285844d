"""What can be set about a head. The command line's help is made of these, so nothing heavy is imported here."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class WaypointConfig:
    """The waypoint head: a small MLP from pooled features, past states and intent to 20 waypoints."""

    directions: int = 12
    """Directions of the features that the layers see: those that best tell what the corrected path gets wrong, by
    reduced-rank ridge regression on the training set. 0: all features."""
    hidden: int = 512
    """Units of each of the two hidden layers."""
    dropout: float = 0.1
    """Share of hidden units left out at each training step, 0 to below 1."""
    normalize: bool = True
    """Scale features, past states and waypoints by their mean and spread over the training set; off is the head of
    the source document as it was, on raw metres."""
    residual: Literal["none", "ego", "constant_velocity"] = "ego"
    """What the head corrects: nothing (it predicts the whole path), the path that a ridge regression predicts from
    past states and intent (ego), or the path at constant velocity; it starts exactly at that path."""

    def __post_init__(self) -> None:
        if self.directions < 0:
            raise ValueError(f"directions must be 0 (all features) or more, got {self.directions}")
        if self.hidden < 1:
            raise ValueError(f"hidden must be at least 1 unit, got {self.hidden}")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout is a share from 0 to below 1, got {self.dropout}")
        if self.residual not in ("none", "ego", "constant_velocity"):
            raise ValueError(f"residual is one of none, ego, constant_velocity; got {self.residual!r}")
