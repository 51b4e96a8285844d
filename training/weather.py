"""Other weather and light over a picture that is learnt from: nothing in it moves, so that no label changes.

Document 000 (3.2): "Augment road data: Add weather/lighting variations". One of six is drawn for a picture: another
hour's brightness and contrast, the colour of another light, dusk or night with the noise of a short exposure, haze
that leaves what is near, rain, snow. Ranges are RoadCue's choice: whoever looks can still tell what is there.
"""

from collections.abc import Callable, Sequence

import cv2
import numpy as np

Change = Callable[[np.ndarray, np.random.Generator], np.ndarray]
"""(height, width, 3) float32 RGB in 0 to 1 and a generator -> the same shape, which may leave the range."""


def drawn_weather(share: float, rng: np.random.Generator) -> Callable[[np.ndarray], np.ndarray] | None:
    """With a chance of `share` what another weather or light makes of a picture (height, width, 3) uint8; else None.

    A generator made of (seed, epoch, row) draws the same again after a resume.
    """
    if rng.random() >= share:
        return None
    change = CHANGES[int(rng.integers(len(CHANGES)))]
    return lambda picture: changed(change, picture, rng)


def changed(change: Change, picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A picture (height, width, 3) uint8 after a change of its levels."""
    levels = change(picture.astype(np.float32) / 255, rng)
    return np.asarray(np.rint(levels.clip(0, 1) * 255), np.uint8)


def _exposure(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Another hour: gamma 0.6 to 1.6, and contrast 0.6 to 1.3 times around the mean."""
    bright = picture ** np.float32(rng.uniform(0.6, 1.6))
    mean = bright.mean()
    return np.asarray(mean + (bright - mean) * np.float32(rng.uniform(0.6, 1.3)))


def _tint(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Another light: low sun, shade, lamps."""
    warmth, green = rng.uniform(-0.2, 0.2), rng.uniform(-0.05, 0.05)
    return picture * np.array([1 + warmth, 1 + green, 1 - warmth], np.float32)


def _dusk(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A third to two thirds of the light, bluish, with noise."""
    dark = picture * (rng.uniform(0.33, 0.67) * np.array([0.9, 0.95, 1.05])).astype(np.float32)
    noise = np.float32(rng.uniform(0.01, 0.04)) * rng.standard_normal(picture.shape, np.float32)
    return np.asarray(dark + noise)


def _haze(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Grey light between the camera and things: thick above the middle of the picture, less and less below it."""
    rows = np.linspace(-1, 1, len(picture), dtype=np.float32)[:, None, None]
    thickness = np.float32(rng.uniform(0.3, 0.75)) * np.clip(1 - rows, 0.2, 1)
    return np.asarray(picture * (1 - thickness) + np.float32(rng.uniform(0.65, 0.9)) * thickness)


def _rain(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A dull sky and streaks."""
    streaks = _specks(picture, rng, high=max(3, len(picture) // 24), wide=1)
    dull = (picture - 0.5) * np.float32(rng.uniform(0.6, 0.85)) + 0.5
    return np.asarray(dull * np.float32(rng.uniform(0.75, 0.95)) + 0.25 * streaks)


def _snow(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Flakes, and light from below."""
    size = max(2, len(picture) // 150)
    return np.asarray(picture * 0.85 + 0.12 + 0.6 * _specks(picture, rng, high=size, wide=size))


def _specks(picture: np.ndarray, rng: np.random.Generator, *, high: int, wide: int) -> np.ndarray:
    """(height, width, 1) float32, 1 in boxes of so many pixels and 0 elsewhere: about as many in every picture."""
    there = (rng.random(picture.shape[:2], np.float32) < 200 / picture.shape[0] / picture.shape[1]).astype(np.float32)
    return np.asarray(cv2.dilate(there, np.ones((high, wide), np.uint8)))[..., None]


CHANGES: Sequence[Change] = (_exposure, _tint, _dusk, _haze, _rain, _snow)
