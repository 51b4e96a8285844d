"""The light of a sequence: time of day, weather, haze, and the hills on the horizon."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Daylight:
    """The light of a sequence: colours RGB 0 to 255, `sun` (3,) towards it, `ambient` and `direct` as factors.

    Haze begins `clear_m` metres away and grows by the factor e every `haze_m`; `noise` is one sigma in grey levels.
    """

    sun: np.ndarray
    ambient: np.ndarray
    direct: np.ndarray
    zenith: np.ndarray
    horizon: np.ndarray
    haze_m: float
    clear_m: float
    noise: float

    def shade(self, colours: np.ndarray, normals: np.ndarray) -> np.ndarray:
        """Colours (n, 3) of surfaces with the given normals, (n, 3) or (1, 3), zero for those that face anywhere."""
        facing = np.maximum(normals @ self.sun, 0)
        facing[~normals.any(axis=1)] = 0.5
        return colours * (self.ambient + facing[:, None] * self.direct)

    def through_haze(self, colours: np.ndarray, distance: np.ndarray) -> np.ndarray:
        """Colours (n, 3) as they look from (n,) metres away."""
        clear = np.exp(-np.maximum(distance - self.clear_m, 0) / self.haze_m)[:, None]
        return colours * clear + self.horizon * (1 - clear)


def draw_daylight(rng: np.random.Generator) -> Daylight:
    """A time of day and a weather: sun or overcast, noon to dusk."""
    azimuth, elevation = rng.uniform(0, 2 * np.pi), rng.uniform(0.15, 1.1)
    sun = np.array([np.cos(azimuth) * np.cos(elevation), np.sin(azimuth) * np.cos(elevation), np.sin(elevation)])
    overcast = rng.uniform(0, 1)
    exposure = rng.choice([1.1, 0.85, 0.55], p=[0.6, 0.25, 0.15]) * rng.uniform(0.85, 1.1)
    warm = np.array([1.0, 0.95, 0.86]) if elevation < 0.5 else np.array([1.0, 1.0, 0.98])
    blue, grey = np.array([96, 146, 212]), np.array([178, 184, 190])
    zenith = (blue * (1 - overcast) + grey * overcast) * exposure
    horizon = (np.array([206, 216, 224]) * (1 - overcast) + np.array([196, 198, 200]) * overcast) * exposure * warm
    return Daylight(
        sun=sun,
        ambient=(0.55 + 0.25 * overcast) * exposure * np.array([0.97, 0.99, 1.0]),
        direct=(0.6 * (1 - overcast) + 0.1) * exposure * warm,
        zenith=zenith,
        horizon=horizon,
        haze_m=float(np.exp(rng.uniform(np.log(110), np.log(600)))),
        clear_m=8.0,
        noise=float(rng.integers(1, 4)),
    )


def draw_skyline(rng: np.random.Generator) -> np.ndarray:
    """Tangents of the hills' elevation, (360,) by bearing."""
    bearing = np.linspace(0, 2 * np.pi, 360)
    waves = sum(
        rng.uniform(0, 0.03 / k**0.5) * np.sin(k * bearing + rng.uniform(0, 2 * np.pi)) for k in (2, 3, 5, 9, 14, 23)
    )
    return np.maximum(waves + rng.uniform(0.0, 0.05), 0.004)
