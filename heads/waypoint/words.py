"""What the waypoint head predicts, in metres, seconds and words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from roadcue.heads.prediction import PicturePrediction, ood_scores
from roadcue.schema import STEP_S, WAYPOINTS


@dataclass(frozen=True)
class WaypointPrediction(PicturePrediction):
    """Where to go.

    `waypoints_m` (20, 2) metres, ego frame: x forward, y left, origin at the rear axle at t = 0;
    `times_s` (20,) seconds after t = 0: 0.25 ... 5.
    """

    waypoints_m: np.ndarray
    times_s: np.ndarray

    @property
    def sentence(self) -> str:
        """Where the path ends, such as "In 5 s 23.1 m ahead and 1.2 m to the left."; of one sample.

        Before it, if so, that the picture is unlike those that were learnt from.
        """
        x, y = (float(number) for number in self.waypoints_m[-1])
        way, side = "ahead" if x >= 0 else "back", "left" if y >= 0 else "right"
        caution = f"Not sure: {self.reason}. " if self.reason else ""
        return f"{caution}In {self.times_s[-1]:g} s {abs(x):.1f} m {way} and {abs(y):.1f} m to the {side}."

    def to_json(self) -> dict[str, Any]:
        """Both arrays as lists, and what is said of the picture."""
        return {"waypoints_m": self.waypoints_m.tolist(), "times_s": self.times_s.tolist(), **self.about_picture()}


@dataclass(frozen=True)
class WaypointPredictions(Sequence[WaypointPrediction]):
    """The predictions of b samples, one after the other.

    `waypoints_m` (b, 20, 2) metres, ego frame; `times_s` (20,); `ood_scores`: b of them, as `WaypointPrediction` has.
    """

    waypoints_m: np.ndarray
    times_s: np.ndarray
    ood_scores: Sequence[float | None]

    @classmethod
    def of(cls, prediction: Mapping[str, np.ndarray]) -> "WaypointPredictions":
        """From what a waypoint head's `forward` returned: "waypoints" (b, 20, 2) metres, ego frame."""
        waypoints = prediction["waypoints"]
        return cls(waypoints, STEP_S * np.arange(1, WAYPOINTS + 1), ood_scores(prediction, len(waypoints)))

    def to_json(self) -> dict[str, Any]:
        """Both arrays as lists, and the predictions' scores, null where there is none."""
        scores = [each.about_picture()["ood_score"] for each in self]
        return {"waypoints_m": self.waypoints_m.tolist(), "times_s": self.times_s.tolist(), "ood_scores": scores}

    def __len__(self) -> int:
        return len(self.waypoints_m)

    def __getitem__(self, row: Any) -> Any:
        if isinstance(row, slice):
            return WaypointPredictions(self.waypoints_m[row], self.times_s, self.ood_scores[row])
        return WaypointPrediction(self.waypoints_m[row], self.times_s, ood_score=self.ood_scores[row])
