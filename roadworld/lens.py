"""What is between the scene and the file: what falls, drops, glare, blur, the sensor's noise, a camera's colours."""

from dataclasses import dataclass, replace
from functools import lru_cache

import cv2
import numpy as np

from roadcue.loaders import jpeg
from roadcue.roadworld.daylight import Daylight
from roadcue.roadworld.flare import flare
from roadcue.roadworld.weather import falling

_SHIFTS = 64
"""Pixels by which a sheet of rain can be shifted, down and across."""
_SHAKES = np.radians([0.1, 0.12, 0.08])
"""One sigma of roll, pitch and yaw."""
_MOST_SHAKE = np.radians(0.3)
_MIDDLE = 128
"""The grey at which a sensor's noise is named."""
_NOISE_SCALE = 32
"""Of a sheet of noise, one sigma in grey levels."""
_GAIN = 2.0
"""In the dark a camera amplifies its noise by no more than this."""
_LUMA = np.array([0.299, 0.587, 0.114])
"""ITU-R BT.601."""


@dataclass(frozen=True)
class Lens:
    """A sequence's camera. Its shake, its noise and what falls before it are those of a `moment` of the sequence.

    `noise` is one sigma in grey levels at a middle grey, by day; `blur` a kernel (width, height) in pixels; `balance`
    factors on red, green and blue; `contrast` how far its tone curve bends, negative for a flat one, and `gamma` that
    curve's exponent by day; `saturation` 0 for grey; `corners` the share of the light that is lost there; `fringe`
    the pixels by which red and blue lie apart from green there; `sharpening` 0 for none; `drops` how many rain leaves
    on the glass, and `dirt` how many dull spots are on it; `veil` how much of the sun's light it scatters; `quality`
    that of a JPEG of its own, or None.
    """

    noise: float
    blur: tuple[int, int]
    shaking: float
    seed: int
    balance: tuple[float, float, float] = (1.0, 1.0, 1.0)
    contrast: float = 0.0
    gamma: float = 1.0
    saturation: float = 1.0
    corners: float = 0.0
    fringe: float = 0.0
    sharpening: float = 0.0
    drops: int = 0
    dirt: int = 0
    veil: float = 0.0
    quality: int | None = None

    def on(self, camera: str) -> "Lens":
        """The lens of one of several cameras: as good as this one, with noise, drops and dirt of its own."""
        return replace(self, seed=int(np.random.default_rng([self.seed, *camera.encode()]).integers(1 << 31)))

    def shake(self, moment: int) -> tuple[float, float, float]:
        """Roll, pitch and yaw in radians, at most 0.3 degrees, by which vibration then turns all cameras."""
        turn = np.random.default_rng([self.seed, moment]).standard_normal(3) * _SHAKES * self.shaking
        roll, pitch, yaw = np.clip(turn, -_MOST_SHAKE, _MOST_SHAKE).tolist()
        return roll, pitch, yaw

    def fall(self, picture: np.ndarray, light: Daylight, moment: int) -> None:
        """Put onto a finished picture what falls at a moment; it falls along the picture's columns."""
        height, width = picture.shape[:2]
        y, x = (self.seed + moment * 29) % _SHIFTS, (self.seed + moment * 37) % _SHIFTS
        if (sheet := falling(height, width, light.weather, _SHIFTS)) is not None:
            cv2.addWeighted(picture, 1, sheet[y : y + height, x : x + width], light.brightness, 0, picture)

    def expose(self, picture: np.ndarray, light: Daylight, moment: int, sun: np.ndarray | None) -> np.ndarray:
        """What the camera makes of a picture (height, width, 3) uint8; `sun` is its pixel (2,) in it or beside it.

        The noise is that of counted light, whose variance grows with the signal (Foi and others, Practical
        Poissonian-Gaussian noise modeling, 2008): on square roots it is the same everywhere. What the light's
        exposure has above 1 is multiplied in here, after all that makes light darker.
        """
        height, width = picture.shape[:2]
        if sun is not None and self.veil:
            flare(picture, sun, self.veil * min(1.0, light.exposure))
        if light.wet and self.drops:
            _wet(picture, self.seed, self.drops)
        if self.corners:
            cv2.multiply(picture, _corners(height, width, self.corners), picture, scale=1 / 255)
        if self.dirt:
            cv2.multiply(picture, _dirt(height, width, self.dirt, self.seed), picture, scale=1 / 255)
        if self.blur != (1, 1):
            cv2.blur(picture, self.blur, picture)
        if self.fringe:
            _fringe(picture, self.fringe)
        root = cv2.transform(cv2.LUT(picture, _roots(light.gain)), self._colours())
        gain = min(_GAIN, light.brightness**-0.5)
        sigma = gain * self.noise * np.sqrt(255 / _MIDDLE) / 2 / _NOISE_SCALE
        start = 3 * int(np.random.default_rng([self.seed, moment, 1]).integers(_NOISE_STARTS))
        noise = _noise(picture.size)[start : start + picture.size].reshape(picture.shape)
        cv2.addWeighted(root, 1, noise, sigma, -_MIDDLE * sigma, root)
        picture = cv2.LUT(root, _tones(self.contrast, 1 + round((self.gamma - 1) * light.brightness, 2)))
        if self.sharpening:
            soft = cv2.GaussianBlur(picture, (3, 3), 0)
            cv2.addWeighted(picture, 1 + self.sharpening, soft, -self.sharpening, 0, picture)
        return picture if self.quality is None else jpeg.decode(jpeg.encode(picture, self.quality))

    def _colours(self) -> np.ndarray:
        """(3, 3) on the square roots of the light: white balance, then saturation."""
        saturation = self.saturation * np.eye(3) + (1 - self.saturation) * _LUMA
        return saturation * np.sqrt(self.balance)


def draw_lens(rng: np.random.Generator) -> Lens:
    """One sequence in four is a little out of focus or smeared by motion; strong casts and curves are rare."""
    blurs: list[tuple[int, int]] = [(1, 1), (3, 1), (1, 3), (3, 3)]
    warm, greenish = rng.normal(0, [0.07, 0.025])
    red, green, blue = np.exp(np.clip([warm, greenish, -warm], -0.16, 0.16) + rng.normal(0, 0.06)).tolist()
    return Lens(
        noise=float(rng.choice([0.6, 1.2, 2, 4], p=[0.35, 0.3, 0.25, 0.1])),
        blur=blurs[rng.choice(len(blurs), p=[0.75, 0.1, 0.05, 0.1])],
        shaking=float(rng.choice([0.0, 0.5, 1.0])),
        seed=int(rng.integers(1 << 31)),
        balance=(red, green, blue),
        contrast=round(float(rng.uniform(-0.2, 1.0)), 1),
        gamma=round(float(np.clip(rng.normal(1.15, 0.25), 0.75, 1.6)), 2),
        saturation=float(np.clip(rng.normal(0.9, 0.15), 0.5, 1.2)),
        corners=round(float(rng.uniform(0.1, 0.45)), 1) if rng.random() < 0.5 else 0.0,
        fringe=float(rng.random() < 0.07),
        sharpening=float(rng.uniform(0.2, 0.8)) if rng.random() < 0.2 else 0.0,
        drops=int(rng.integers(2, 9)) if rng.random() < 0.4 else 0,
        dirt=int(rng.integers(1, 6)) if rng.random() < 0.1 else 0,
        veil=float(rng.uniform(0.3, 1.0)),
        quality=int(rng.integers(35, 85)) if rng.random() < 0.06 else None,
    )


_NOISE_STARTS = 1 << 19
"""A picture's noise begins at one of so many pixels of a long row of it."""


@lru_cache(maxsize=16)
def _roots(gain: float) -> np.ndarray:
    """(256,) uint8: the square roots of `gain` times the light."""
    return np.rint(np.sqrt(255 * np.minimum(gain * np.arange(256), 255))).astype(np.uint8)


@lru_cache(maxsize=16)
def _tones(contrast: float, gamma: float) -> np.ndarray:
    """(256,) uint8: from square roots of the light to grey levels, along a power and an S that leaves its middle."""
    x = (np.arange(256) / 255) ** (2 * gamma)
    return np.clip(np.rint(255 * (x + contrast * x * (1 - x) * (2 * x - 1))), 0, 255).astype(np.uint8)


@lru_cache(maxsize=4)
def _noise(size: int) -> np.ndarray:
    """(size and more,) uint8 around 128, three to a pixel: what light and what colours add."""
    rng = np.random.default_rng(0)
    pixels = size // 3 + _NOISE_STARTS
    grey, colours = rng.standard_normal((pixels, 1), np.float32), rng.standard_normal((pixels, 3), np.float32)
    return np.clip(np.rint(_MIDDLE + _NOISE_SCALE * (0.75 * grey + 0.66 * colours)), 0, 255).astype(np.uint8).ravel()


@lru_cache(maxsize=16)
def _corners(height: int, width: int, lost: float) -> np.ndarray:
    """(height, width, 3) uint8, 255 in the middle; light falls off with the fourth power of a cosine."""
    y, x = np.mgrid[:height, :width]
    away = np.hypot(y / height - 0.5, x / width - 0.5) / np.hypot(0.5, 0.5)
    fall = np.cos(away * np.arccos((1 - lost) ** 0.25)) ** 4
    return np.repeat(np.rint(255 * fall).astype(np.uint8)[..., None], 3, axis=2)


@lru_cache(maxsize=4)
def _dirt(height: int, width: int, spots: int, seed: int) -> np.ndarray:
    """(height, width, 3) uint8, 255 where the glass is clean: soft spots, since they are far out of focus."""
    y, x = np.mgrid[: height // 4, : width // 4] / [[[height / 4]], [[width / 4]]]
    clean = np.ones(y.shape)
    rng = np.random.default_rng([seed, 3])
    for row, column, size, dull in rng.uniform([0, 0, 0.02, 0.1], [1, 1, 0.08, 0.4], (spots, 4)).tolist():
        away = np.hypot(y - row, (x - column) * width / height) / size
        clean *= 1 - dull * np.clip(1.5 - away, 0, 1)
    whole = cv2.resize(np.rint(255 * clean).astype(np.uint8), (width, height), interpolation=cv2.INTER_LINEAR)
    return cv2.merge([whole] * 3)


def _fringe(picture: np.ndarray, pixels: float) -> None:
    """Red is a little larger and blue a little smaller than green: by `pixels` in the corners."""
    height, width = picture.shape[:2]
    for channel, sign in ((0, -1), (2, 1)):
        zoom = 1 + sign * pixels / (np.hypot(height, width) / 2)
        onto = np.array([[zoom, 0, (1 - zoom) * width / 2], [0, zoom, (1 - zoom) * height / 2]])
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        moved = cv2.warpAffine(
            cv2.extractChannel(picture, channel), onto, (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE
        )
        cv2.insertChannel(moved, picture, channel)


def _wet(picture: np.ndarray, seed: int, drops: int) -> None:
    """Drops on the glass, in which the scene is upside down and out of focus, before half of what is behind."""
    height, width = picture.shape[:2]
    for x, y, size in np.random.default_rng([seed, 2]).uniform([0.05, 0.05, 0.012], [0.95, 0.95, 0.04], (drops, 3)):
        radius = max(2, round(size * height))
        left, top = (
            int(np.clip(c - radius, 0, side - 2 * radius)) for c, side in ((x * width, width), (y * height, height))
        )
        spot = picture[top : top + 2 * radius, left : left + 2 * radius]
        around = picture[max(0, top - 3 * radius) : top + 5 * radius, max(0, left - 3 * radius) : left + 5 * radius]
        seen = cv2.resize(around[::-1, ::-1], spot.shape[1::-1], interpolation=cv2.INTER_AREA)
        spot[:] = np.where(_drop(radius), (0.5 * seen + 0.5 * spot).astype(np.uint8), spot)


@lru_cache(maxsize=64)
def _drop(radius: int) -> np.ndarray:
    """(2 radius, 2 radius, 1) bool."""
    at = (np.arange(2 * radius) + 0.5) / radius - 1
    return (np.hypot(at[:, None], at) < 1)[..., None]
