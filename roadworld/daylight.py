"""The light of a sequence: its hour in its weather, and the hills on the horizon."""

from dataclasses import dataclass, replace

import numpy as np

from roadcue.roadworld.semantic_class import SemanticClass
from roadcue.roadworld.weather import SNOW, WEATHERS, draw_weather

HOURS = {"noon": 0.34, "low sun": 0.16, "overcast": 0.22, "dusk": 0.13, "night": 0.15}
"""How often drives have each."""
_UP = np.array([[0.0, 0, 1]])
_BRIGHT = 0.8
"""The light on white things by day."""
_HIDES_SKY = 1.5
_HOLDS_SNOW = 0.7
"""The least upward component of a normal on which snow lies."""
_BEAM_M = 26.0
"""The light of headlights falls by the factor e in so many metres."""


@dataclass(frozen=True)
class Daylight:
    """The light of a sequence: colours RGB 0 to 255, `sun` (3,) towards it, `ambient` and `direct` as factors.

    Haze begins `clear_m` metres away and grows by the factor e every `haze_m`. `headlights` is how much they add to
    `ambient` close by. `wet`, 0 to 1: the ground mirrors the sky. `snow`, 0 to 1: how much it covers of what is paved
    or looks up. `weather` is a key of `WEATHERS`. `exposure`: the factor by which all of it was made brighter, of
    which the colours hold what is below 1. The lens multiplies in the rest, since what is painted cannot be brighter
    than white, and textures make it darker again.
    """

    hour: str
    weather: str
    sun: np.ndarray
    ambient: np.ndarray
    direct: np.ndarray
    zenith: np.ndarray
    horizon: np.ndarray
    haze_m: float
    clear_m: float = 8.0
    headlights: float = 0.0
    wet: float = 0.0
    snow: float = 0.0
    exposure: float = 1.0

    @property
    def gain(self) -> float:
        """What is left of the exposure for the lens."""
        return max(1.0, self.exposure)

    @property
    def sun_shines(self) -> bool:
        """Whether the sun's disc can be seen."""
        return self.hour in ("noon", "low sun") and not WEATHERS[self.weather].overcast

    @property
    def dark(self) -> bool:
        """Whether street lamps and lamps behind windows are on."""
        return self.hour == "night"

    @property
    def shadow(self) -> float:
        """How bright the ground is where the sun does not reach it, as a share of where it does.

        What throws shade also hides a part of the sky.
        """
        return float((self.ambient / (self.ambient + self.direct * self.sun[2])).mean() ** _HIDES_SKY)

    @property
    def brightness(self) -> float:
        """That of white things in the air, as a share of a bright day's."""
        return min(1.0, float((self.ambient + self.direct / 2).mean()) / _BRIGHT)

    def exposed(self, exposure: float) -> "Daylight":
        """The same light, brighter by a factor. Lamps that shine are beyond what a picture can hold, and stay so."""
        painted = min(1.0, exposure * self.exposure) / min(1.0, self.exposure)
        light = {name: painted * getattr(self, name) for name in ("ambient", "direct", "zenith", "horizon")}
        return replace(self, **light, exposure=exposure * self.exposure)

    def on_foot(self) -> "Daylight":
        """The same light for who carries no headlights."""
        return replace(self, headlights=0.0)

    def shade(self, colours: np.ndarray, normals: np.ndarray) -> np.ndarray:
        """Colours (n, 3) of surfaces with the given normals, (n, 3) or (1, 3), zero for those that face anywhere."""
        facing = np.maximum(normals @ self.sun, 0)
        facing[~normals.any(axis=1)] = 0.5
        return colours * (self.ambient + facing[:, None] * self.direct)

    def covered(self, colours: np.ndarray, classes: np.ndarray) -> np.ndarray:
        """Colours (n, 3) of the ground: on what is not paved there may lie something else in this weather."""
        lies = WEATHERS[self.weather].ground
        return np.where((classes == SemanticClass.GRASS)[:, None], lies, colours) if lies else colours

    def snowed(self, colours: np.ndarray, normals: np.ndarray) -> np.ndarray:
        """Colours (n, 3) of faces, on which snow lies where they look up, and a little where they face anywhere."""
        if not self.snow:
            return colours
        share = self.snow * np.where(normals.any(axis=1), 0.9 * (normals[:, 2] > _HOLDS_SNOW), 0.15)[:, None]
        return colours * (1 - share) + np.array(SNOW) * share

    def ground(self, colours: np.ndarray) -> np.ndarray:
        """Colours (n, 3) of what lies flat."""
        return self.shade(colours, _UP) * (1 - 0.3 * self.wet)

    def beam(self, ahead: np.ndarray, left: np.ndarray) -> np.ndarray:
        """The factor by which headlights brighten what is so many metres ahead and left of the camera.

        Of the broadcast shape of both, or of one that broadcasts to it.
        """
        if not self.headlights:
            return np.ones((1,) * left.ndim)
        across = left / np.maximum(ahead, 1)
        return 1 + self.headlights * np.exp(-ahead / _BEAM_M - 3 * across**2)

    def through_haze(self, colours: np.ndarray, distance: np.ndarray) -> np.ndarray:
        """Colours (n, 3) as they look from (n,) metres away."""
        clear = self.clearness(distance)[:, None]
        return colours * clear + self.horizon * (1 - clear)

    def clearness(self, distance: np.ndarray) -> np.ndarray:
        """(n,) how much of what is (n,) metres away haze leaves."""
        return np.exp(-np.maximum(distance - self.clear_m, 0) / self.haze_m)


def draw_daylight(rng: np.random.Generator, hour: str | None = None, weather: str | None = None) -> Daylight:
    """An hour and a weather, drawn unless they are named, with exposure and white balance."""
    hour = hour or str(rng.choice(list(HOURS), p=list(HOURS.values())))
    weather = weather or draw_weather(rng)
    conditions = WEATHERS[weather]
    clouds = 1.0 if hour == "overcast" or conditions.overcast else rng.uniform(0, 0.6)
    sun = draw_sun(rng, hour)
    blue, grey, pale = np.array([96, 146, 212]), np.array([170, 178, 186]), np.array([210, 220, 228])
    zenith = blue * (1 - clouds) + grey * clouds
    horizon = pale * (1 - clouds) + np.array([198, 202, 206]) * clouds
    ambient, direct = np.full(3, 0.55 + 0.25 * clouds), np.full(3, 0.1 + 0.6 * (1 - clouds))
    headlights = 0.0
    if hour == "low sun":
        horizon = horizon * [1.06, 0.94, 0.76]
        direct = direct * [1.3, 1.05, 0.75]
    elif hour == "dusk":
        zenith, horizon = zenith * [0.42, 0.42, 0.52], horizon * [0.84, 0.66, 0.56]
        ambient, direct, headlights = ambient * [0.62, 0.58, 0.62], direct * 0.2, 0.35
    elif hour == "night":
        zenith, horizon = np.array([10.0, 14, 28]), np.array([36.0, 38, 48])
        ambient, direct, headlights = np.array([0.27, 0.28, 0.34]), np.zeros(3), 2.2
    exposure = rng.uniform(0.95, 1.25) * rng.uniform([0.95, 0.98, 0.93], [1.05, 1.02, 1.07])  # and white balance
    exposure *= conditions.exposure
    haze_m = conditions.haze * float(np.exp(rng.uniform(np.log(200), np.log(700))))
    near_haze_m = rng.uniform(*(conditions.haze_m or (0, 1)))  # drawn in every weather: what follows stays the same
    return Daylight(
        hour,
        weather,
        sun,
        ambient * exposure,
        direct * exposure,
        zenith * exposure,
        horizon * exposure,
        haze_m=near_haze_m if conditions.haze_m else haze_m,
        headlights=headlights,
        wet=rng.uniform(*conditions.wet) if conditions.wet else 0.0,
        snow=rng.uniform(*conditions.snow) if conditions.snow else 0.0,
    )


def draw_sun(rng: np.random.Generator, hour: str) -> np.ndarray:
    """(3,) towards the sun of an hour."""
    azimuth = rng.uniform(0, 2 * np.pi)
    elevation = {"noon": rng.uniform(0.5, 1.1), "low sun": rng.uniform(0.1, 0.3)}.get(hour, 0.6)
    return np.array([np.cos(azimuth) * np.cos(elevation), np.sin(azimuth) * np.cos(elevation), np.sin(elevation)])


def draw_grass(rng: np.random.Generator, light: Daylight) -> np.ndarray:
    """(3,) RGB of the open ground: grass, earth or dry grass, unless the weather covers it."""
    if covered := WEATHERS[light.weather].ground:
        return np.array(covered, float)
    return np.array([[92.0, 128, 62], [124, 112, 82], [138, 130, 88]])[rng.choice(3, p=[0.6, 0.2, 0.2])]


def draw_skyline(rng: np.random.Generator) -> np.ndarray:
    """Tangents of the hills' elevation, (360,) by bearing."""
    bearing = np.linspace(0, 2 * np.pi, 360)
    waves = sum(
        rng.uniform(0, 0.03 / k**0.5) * np.sin(k * bearing + rng.uniform(0, 2 * np.pi)) for k in (2, 3, 5, 9, 14, 23)
    )
    return np.maximum(waves + rng.uniform(0.0, 0.05), 0.004)
