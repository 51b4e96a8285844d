"""What the ground looks like from close by: asphalt, slabs, grass and snow, anchored at world x and y."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

import cv2
import numpy as np

from roadcue.roadworld.pattern import (
    GRAIN_PER_M,
    GROUND_PER_M,
    NEUTRAL,
    PATTERNS,
    SHADE_PER_M,
    grain_levels,
    ground_levels,
    shade,
)
from roadcue.roadworld.semantic_class import SemanticClass
from roadcue.roadworld.view import View

_CHANNELS = {1: SemanticClass.SIDEWALK, 2: SemanticClass.GRASS}
"""The classes that have a channel of the ground's pattern of their own; all others share channel 0."""
_FADES_FROM_M, _GROUND_TO_M, _GRAIN_TO_M = 25.0, 70.0, 9.0
_NEAR_STEP, _SHADE_STEP = 3, 4
"""The finest level close by, and shade, are soft: one pixel in so many is looked up, across and down."""
_SNOW = 240


@dataclass(frozen=True)
class Texture:
    """A sequence's surfaces: which set of patterns, a factor on their contrast, the share of the ground in shade."""

    pattern: int
    strength: float
    shady: float

    def on_ground(self, picture: np.ndarray, view: View, snow: float, shadow: float) -> None:
        """Put patterns onto `picture` (height, width, 4) uint8, whose last channel holds the classes of the ground.

        `snow`, 0 to 1, is how much of what is paved it covers; `shadow` how bright the ground is in the shade.
        """
        first = _row(view, _GROUND_TO_M)
        rows = picture[first:]
        if not len(rows):
            return
        classes = cv2.extractChannel(rows, 3)
        under = view.to_ground()
        looks = _look_up(view, under, ground_levels(self.pattern), GROUND_PER_M, first)
        texture = cv2.extractChannel(looks, 0)
        for channel, semantic in _CHANNELS.items():
            cv2.copyTo(cv2.extractChannel(looks, channel), cv2.compare(classes, int(semantic), cv2.CMP_EQ), texture)
        texture = cv2.LUT(texture, self._contrast(0.0))
        if snow:
            covered = cv2.LUT(texture, self._contrast(snow))
            cv2.copyTo(covered, cv2.compare(classes, int(SemanticClass.GRASS), cv2.CMP_NE), texture)
        fading = texture[: max(_row(view, _FADES_FROM_M) - first, 0)]
        share = np.linspace(0, 1, len(fading), endpoint=False)[:, None]
        fading[:] = np.rint(NEUTRAL * (1 - share) + fading * share)
        close = texture[max(_row(view, _GRAIN_TO_M) - first, 0) :]
        if len(close):
            grain = _look_up(view, under, grain_levels(self.pattern), GRAIN_PER_M, len(picture) - len(close))
            cv2.addWeighted(close, 1, grain, self.strength, -NEUTRAL * self.strength, close)
        if self.shady and shadow < 1:
            cv2.multiply(texture, self._shade(view, under, first, shadow), texture, scale=1 / 255)
        cv2.multiply(rows, cv2.merge([texture] * 4), rows, scale=1 / NEUTRAL)

    def _contrast(self, snow: float) -> np.ndarray:
        """(256,) uint8: what becomes of a pattern's values; snow lies first where the pattern is bright."""
        values = NEUTRAL + (np.arange(256) - NEUTRAL) * self.strength
        if snow:
            covered = np.clip((np.arange(256) - NEUTRAL) / 40 + 2 * snow - 0.6, 0, 1)
            values = values * (1 - covered) + _SNOW * covered
        return np.clip(np.rint(values), 0, 255).astype(np.uint8)

    def _shade(self, view: View, under: np.ndarray, first: int, shadow: float) -> np.ndarray:
        """(rows from `first` on, width) uint8: 255 in the sun."""
        width, height = view.camera.width, view.camera.height - first
        tile = cv2.LUT(shade(self.pattern, self.shady), np.linspace(255 * shadow, 255, 256).astype(np.uint8))
        looks = np.empty((height, width), np.uint8)
        _wrap(tile, _texels(view, under, SHADE_PER_M, len(tile), first), looks, _SHADE_STEP)
        return looks


def draw_texture(rng: np.random.Generator) -> Texture:
    """Weak on smooth new ground, strong on old; in every other sequence trees and houses throw shade, if any is."""
    shady = rng.uniform(0.15, 0.7) if rng.random() < 0.5 else 0.0
    return Texture(int(rng.integers(PATTERNS)), float(rng.uniform(0.3, 1.2)), round(float(shady), 1))


def _row(view: View, metres: float) -> int:
    """The first row of the picture in whose middle the ground is at most so far away."""
    below = float(view.position[2]) / metres * view.focal
    return min(max(ceil(view.horizon_row + below), 0), view.camera.height)


def _look_up(view: View, under: np.ndarray, levels: Sequence[np.ndarray], per_m: float, first: int) -> np.ndarray:
    """What a pattern shows at the pixels from row `first` on, in bands of rows whose footprints are alike."""
    height, width = view.camera.height, view.camera.width
    # A pixel's footprint is d / f across and d^2 / (h f) along; the third root of across * along^2 blurs a little
    # across and leaves a little to shimmer along.
    scale = view.focal * float(view.position[2]) ** (2 / 3) / per_m
    ends = [_row(view, (scale * 2 ** (level + 0.5)) ** (3 / 5)) for level in range(len(levels) - 1)]
    bands = [max(end, first) for end in (height, *ends, 0)]
    looks = np.empty((height - first, width, *levels[0].shape[2:]), np.uint8)
    for level, pattern in enumerate(levels):
        begin, end = bands[level + 1], bands[level]
        if begin < end:
            texels = _texels(view, under, per_m / 2**level, len(pattern), begin)
            step = 1 if level else _NEAR_STEP
            _wrap(pattern, texels, looks[begin - first : end - first], step)
    return looks


def _wrap(pattern: np.ndarray, texels: np.ndarray, looks: np.ndarray, step: int) -> None:
    """Fill `looks` (rows, columns) with a pattern; with a `step`, one pixel in so many, and softly between them."""
    rows, columns = looks.shape[:2]
    if step == 1:
        flags = cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP
        cv2.warpPerspective(pattern, texels, (columns, rows), looks, flags, borderMode=cv2.BORDER_WRAP)
        return
    size = (-(-columns // step), -(-rows // step))
    # The middles of the pixels of a picture that is made larger lie between those of the small one.
    onto_first = np.array([[step, 0, (step - 1) / 2], [0, step, (step - 1) / 2], [0, 0, 1]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    small = cv2.warpPerspective(pattern, texels @ onto_first, size, flags=flags, borderMode=cv2.BORDER_WRAP)
    large = cv2.resize(small, (size[0] * step, size[1] * step), interpolation=cv2.INTER_LINEAR)
    looks[:] = large[:rows, :columns]


def _texels(view: View, under: np.ndarray, per_m: float, texels: int, first: int) -> np.ndarray:
    """(3, 3) from pixels (column, row after `first`, 1) to homogeneous texels of a pattern on the ground."""
    phase = view.position[:2] % (texels / per_m)  # less whole patterns, so that numbers stay small
    lies = under.copy()
    lies[:2] = per_m * (under[:2] + phase[:, None] * under[2])
    lies[:, 2] += first * lies[:, 1]
    return lies
