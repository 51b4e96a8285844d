"""What is between the scene and the file: what falls, blur, sensor noise, a camera that shakes."""

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from roadcue.roadworld.weather import falling

_SHIFTS = 64
"""Pixels by which a sheet of noise, or of rain, can be shifted, down and across."""
_SHAKES = np.radians([0.1, 0.12, 0.08])
"""One sigma of roll, pitch and yaw."""
_MOST_SHAKE = np.radians(0.3)


@dataclass(frozen=True)
class Lens:
    """A sequence's camera: `noise` is one sigma in grey levels, `blur` a kernel (width, height) in pixels."""

    noise: float
    blur: tuple[int, int]
    shaking: float
    seed: int

    def shake(self, frame: int) -> tuple[float, float, float]:
        """Roll, pitch and yaw in radians, at most 0.3 degrees, by which vibration turns the camera in a frame."""
        turn = np.random.default_rng([self.seed, frame]).standard_normal(3) * _SHAKES * self.shaking
        roll, pitch, yaw = np.clip(turn, -_MOST_SHAKE, _MOST_SHAKE).tolist()
        return roll, pitch, yaw

    def fall(self, picture: np.ndarray, weather: str, frame: int) -> None:
        """Put onto a finished picture what falls, each frame's its own; it falls along the picture's columns."""
        height, width = picture.shape[:2]
        y, x = self._shift(frame)
        if (sheet := falling(height, width, weather, _SHIFTS)) is not None:
            cv2.add(picture, sheet[y : y + height, x : x + width], picture)

    def expose(self, picture: np.ndarray, frame: int) -> None:
        """Put onto a picture the blur and the noise, each frame's its own."""
        height, width = picture.shape[:2]
        y, x = self._shift(frame)
        if self.blur != (1, 1):
            cv2.blur(picture, self.blur, picture)
        brighter, darker = _noise(height, width, self.noise)[:, y : y + height, x : x + width]
        cv2.add(picture, brighter, picture)
        cv2.subtract(picture, darker, picture)

    def _shift(self, frame: int) -> tuple[int, int]:
        return (self.seed + frame * 29) % _SHIFTS, (self.seed + frame * 37) % _SHIFTS


def draw_lens(rng: np.random.Generator) -> Lens:
    """One sequence in four is a little out of focus or smeared by motion; gain decides the noise."""
    blurs = [(1, 1), (3, 1), (3, 3)]
    return Lens(
        noise=float(rng.choice([1, 2, 3, 5], p=[0.35, 0.3, 0.25, 0.1])),
        blur=blurs[rng.choice(len(blurs), p=[0.75, 0.15, 0.1])],
        shaking=float(rng.choice([0.0, 0.5, 1.0])),
        seed=int(rng.integers(1 << 31)),
    )


@lru_cache(maxsize=8)
def _noise(height: int, width: int, sigma: float) -> np.ndarray:
    """Gaussian noise, what makes brighter and what makes darker, (2, height + shifts, width + shifts, 3) uint8."""
    shape = (height + _SHIFTS, width + _SHIFTS, 3)
    noise = np.rint(np.random.default_rng(0).standard_normal(shape, np.float32) * sigma)
    return np.stack([noise.clip(0), (-noise).clip(0)]).astype(np.uint8)
