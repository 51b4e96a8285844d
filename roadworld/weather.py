"""The weathers, all that each of them changes: how often it comes, its haze, its wet ground, what falls."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np


@dataclass(frozen=True)
class Falling:
    """What falls: one streak or flake for every so many `pixels_each` of a picture.

    `draw` puts one on a sheet (height, width, 3) uint8 at pixel (x, y); `size` is 0.4 to 1.6, `height` the picture's.
    """

    pixels_each: int
    draw: Callable[[np.ndarray, float, float, float, int], object]


@dataclass(frozen=True)
class Weather:
    """One weather. `share` is how often drives have it, `walks` how often walks do, by the hour; both sum to 1.

    `overcast`: the sky is covered. `haze` multiplies the distance of a clear day in which haze grows by the factor e,
    and `haze_m` is that distance itself, a range in metres. `exposure` multiplies all light. `wet`, a range within 0
    to 1, is how much the ground mirrors the sky. `ground` (3,) RGB lies on the open ground instead of grass.
    `snow`, a range within 0 to 1, is how much snow lies on what is paved and on what looks up.
    """

    share: float
    walks: Mapping[str, float]
    overcast: bool = True
    haze: float = 1.0
    haze_m: tuple[float, float] | None = None
    exposure: float = 1.0
    wet: tuple[float, float] | None = None
    ground: tuple[float, float, float] | None = None
    snow: tuple[float, float] | None = None
    falling: Falling | None = None


def _streak(sheet: np.ndarray, x: float, y: float, size: float, height: int) -> None:
    end = (round(x - 0.006 * size * height), round(y + 0.045 * size * height))
    cv2.line(sheet, (round(x), round(y)), end, (34, 36, 40), 1, cv2.LINE_AA)


def _flake(sheet: np.ndarray, x: float, y: float, size: float, height: int) -> None:
    cv2.circle(sheet, (round(x), round(y)), round(size * height / 350), (120, 120, 120), -1, cv2.LINE_AA)


SNOW = (222.0, 226.0, 232.0)
WEATHERS = {
    "dry": Weather(
        0.66, {"noon": 0.32, "low sun": 0.14, "overcast": 0.15, "dusk": 0.08, "night": 0.06}, overcast=False
    ),
    "rain": Weather(
        0.17,
        {"overcast": 0.11, "night": 0.02},
        haze=0.5,
        exposure=0.85,
        wet=(0.6, 1.0),
        falling=Falling(1500, _streak),
    ),
    "fog": Weather(0.09, {"noon": 0.05}, haze_m=(32, 60)),
    "snow": Weather(
        0.08,
        {"noon": 0.03, "overcast": 0.02, "dusk": 0.02},
        haze=0.35,
        ground=SNOW,
        snow=(0.25, 0.9),
        falling=Falling(2200, _flake),
    ),
}
"""People walk mostly by day and on clear ground, as in SENSATION's pictures."""


def draw_weather(rng: np.random.Generator) -> str:
    """The weather of a drive, a key of `WEATHERS`."""
    return str(rng.choice(list(WEATHERS), p=[each.share for each in WEATHERS.values()]))


def draw_walk(rng: np.random.Generator) -> tuple[str, str]:
    """The hour and the weather of a walk."""
    shares = {(hour, name): share for name, each in WEATHERS.items() for hour, share in each.walks.items()}
    return list(shares)[rng.choice(len(shares), p=list(shares.values()))]


@lru_cache(maxsize=8)
def falling(height: int, width: int, weather: str, margin: int) -> np.ndarray | None:
    """What falls, to be added to a picture at any shift of up to `margin` pixels; None when nothing does.

    (height + margin, width + margin, 3) uint8.
    """
    falls = WEATHERS[weather].falling
    if falls is None:
        return None
    rng = np.random.default_rng(1)
    sheet = np.zeros((height + margin, width + margin, 3), np.uint8)
    count = round(height * width / falls.pixels_each)
    for x, y, size in rng.uniform([0, 0, 0.4], [width + margin, height + margin, 1.6], (count, 3)):
        falls.draw(sheet, x, y, size, height)
    return sheet
