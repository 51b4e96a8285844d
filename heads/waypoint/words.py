"""What the waypoint head predicts, in metres, seconds and words."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from roadcue.schema import STEP_S, WAYPOINTS


@dataclass(frozen=True)
class WaypointPrediction:
    """Where to go.

    `waypoints_m` (20, 2) metres, ego frame: x forward, y left, origin at the rear axle at t = 0;
    `times_s` (20,) seconds after t = 0: 0.25 ... 5.
    """

    waypoints_m: np.ndarray
    times_s: np.ndarray

    @property
    def sentence(self) -> str:
        """Where the path ends, such as "In 5 s 23.1 m ahead and 1.2 m to the left."; of one sample."""
        x, y = (float(number) for number in self.waypoints_m[-1])
        way, side = "ahead" if x >= 0 else "back", "left" if y >= 0 else "right"
        return f"In {self.times_s[-1]:g} s {abs(x):.1f} m {way} and {abs(y):.1f} m to the {side}."

    def to_json(self) -> dict[str, Any]:
        """Both arrays as lists."""
        return {"waypoints_m": self.waypoints_m.tolist(), "times_s": self.times_s.tolist()}


class WaypointPredictions(WaypointPrediction, Sequence[WaypointPrediction]):
    """The predictions of b samples, one after the other: `waypoints_m` (b, 20, 2) metres, ego frame."""

    @classmethod
    def of(cls, waypoints: np.ndarray) -> "WaypointPredictions":
        """From waypoints (b, 20, 2) metres, ego frame."""
        return cls(waypoints, STEP_S * np.arange(1, WAYPOINTS + 1))

    def __len__(self) -> int:
        return len(self.waypoints_m)

    def __getitem__(self, row: Any) -> Any:
        if isinstance(row, slice):
            return WaypointPredictions(self.waypoints_m[row], self.times_s)
        return WaypointPrediction(self.waypoints_m[row], self.times_s)
