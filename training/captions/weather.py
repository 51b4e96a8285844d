"""Other weather and light over a picture that is learnt from: nothing in it moves, so that no label changes.

Document 000 (3.2): "Augment road data: Add weather/lighting variations". One of six is drawn for a picture: another
hour's brightness and contrast, the colour of another light, dusk or night with the noise of a short exposure, haze
that leaves what is near, rain, snow. Ranges are RoadCue's choice: whoever looks can still tell what is there.

Shape legend: S the side of a captioner's square input.
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

Change = Callable[[np.ndarray, np.random.Generator], np.ndarray]
"""(3, S, S) float32 in 0 to 1 and a generator -> the same shape, which may leave the range."""


def other_weather(pixels: Tensor, share: float, rng: np.random.Generator) -> Tensor:
    """(3, S, S) uint8 -> the same picture in another weather or light with a chance of `share`, else as it is.

    A generator made of (seed, epoch, row) draws the same again after a resume.
    """
    if rng.random() >= share:
        return pixels
    change = CHANGES[int(rng.integers(len(CHANGES)))]
    changed = change(pixels.numpy().astype(np.float32) / 255, rng)
    return torch.from_numpy(np.rint(changed.clip(0, 1) * 255).astype(np.uint8))


def _exposure(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Another hour: gamma 0.6 to 1.6, and contrast 0.6 to 1.3 times around the mean."""
    bright = picture ** rng.uniform(0.6, 1.6)
    mean = bright.mean()
    return np.asarray(mean + (bright - mean) * rng.uniform(0.6, 1.3), np.float32)


def _tint(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Another light: low sun, shade, lamps."""
    warmth, green = rng.uniform(-0.2, 0.2), rng.uniform(-0.05, 0.05)
    return picture * np.array([1 + warmth, 1 + green, 1 - warmth], np.float32)[:, None, None]


def _dusk(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A third to two thirds of the light, bluish, with noise."""
    dark = picture * rng.uniform(0.33, 0.67) * np.array([0.9, 0.95, 1.05], np.float32)[:, None, None]
    return dark + rng.normal(0, rng.uniform(0.01, 0.04), picture.shape).astype(np.float32)


def _haze(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Grey light between the camera and things: thick above the middle of the picture, less and less below it."""
    rows = np.linspace(-1, 1, picture.shape[1], dtype=np.float32)[:, None]
    thickness = rng.uniform(0.3, 0.75) * np.clip(1 - rows, 0.2, 1)
    return picture * (1 - thickness) + np.float32(rng.uniform(0.65, 0.9)) * thickness


def _rain(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A dull sky and streaks."""
    length = max(3, picture.shape[1] // 24)
    streaks = _specks(picture, rng, 0.004)
    falling = sum((np.roll(streaks, down, axis=0) for down in range(1, length)), start=streaks)
    dull = (picture - 0.5) * rng.uniform(0.6, 0.85) + 0.5
    return dull * rng.uniform(0.75, 0.95) + 0.25 * falling.clip(0, 1)


def _snow(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Flakes of two by two pixels and more, and light from below."""
    size = max(2, picture.shape[1] // 150)
    flakes = _specks(picture, rng, 0.004)
    grown = sum(
        (np.roll(flakes, (down, right), (0, 1)) for down in range(size) for right in range(size)), start=flakes
    )
    return picture * 0.85 + 0.12 + 0.6 * grown.clip(0, 1)


def _specks(picture: np.ndarray, rng: np.random.Generator, share: float) -> np.ndarray:
    """(S, S) float32: 1 at a share of the pixels, 0 elsewhere."""
    return (rng.random(picture.shape[1:], np.float32) < share).astype(np.float32)


CHANGES: Sequence[Change] = (_exposure, _tint, _dusk, _haze, _rain, _snow)
