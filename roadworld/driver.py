"""The Intelligent Driver Model: how hard a driver brakes for what is ahead."""

from dataclasses import dataclass

import numpy as np

from roadcue.roadworld.road import STEP_M, Path


@dataclass(frozen=True)
class Driver:
    """Parameters of the Intelligent Driver Model (Treiber, Hennecke and Helbing, Phys. Rev. E 62, 2000, eq. 2-4).

    Metres, seconds; `lateral_accel` limits the speed in curves.
    """

    desired_speed: float
    headway: float = 1.3
    least_gap: float = 2.2
    max_accel: float = 1.7
    comfort_brake: float = 2.0
    lateral_accel: float = 2.2

    def speed_limits(self, path: Path) -> np.ndarray:
        """(n,) m/s along a path: the desired speed, less in curves, and reachable by comfortable braking."""
        in_curves = np.sqrt(self.lateral_accel / np.maximum(np.abs(path.curvature), 1e-4))
        # v(s)^2 <= v(s')^2 + 2 b (s' - s) for every later s'.
        braking = 2 * 0.7 * self.comfort_brake * STEP_M * np.arange(len(in_curves))
        energy = np.minimum(self.desired_speed, in_curves) ** 2 + braking
        return np.sqrt(np.minimum.accumulate(energy[::-1])[::-1] - braking)

    def free_accel(self, speed: float, limit: float) -> float:
        """Acceleration in m/s^2 on an empty road with speed limit `limit`."""
        if speed <= limit:
            return self.max_accel * (1 - (speed / limit) ** 4)
        return max(1.5 * (limit - speed), -self.comfort_brake * 1.5)

    def following_accel(self, speed: float, gap: float, lead_speed: float) -> float:
        """The interaction term: acceleration in m/s^2 owed to an obstacle `gap` metres ahead."""
        closing = speed * (speed - lead_speed) / (2 * (self.max_accel * self.comfort_brake) ** 0.5)
        wanted = self.least_gap + max(0.0, speed * self.headway + closing)
        return self.max_accel * (1 - (wanted / max(gap, 0.1)) ** 2)
