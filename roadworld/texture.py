"""What the ground looks like from close by: asphalt, slabs, grass and snow, anchored at world x and y."""

from collections.abc import Sequence
from dataclasses import dataclass

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

_CHANNELS = (
    (SemanticClass.ROAD, SemanticClass.MARKING, SemanticClass.KERB),
    (SemanticClass.SIDEWALK,),
    (SemanticClass.GRASS,),
)
"""The classes that have each channel of the ground's pattern."""
_GROUND_TO_M, _GRAIN_TO_M = 60.0, 9.0
_SHADE_STEP = 4
"""Shade is soft: one pixel in so many is looked up, across and down."""
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
        looks = _look_up(view, ground_levels(self.pattern), GROUND_PER_M, first)
        texture = np.full(classes.shape, NEUTRAL, np.uint8)
        for channel, those in enumerate(_CHANNELS):
            mask = np.zeros(256, np.uint8)
            mask[list(those)] = 255
            contrast = self._contrast(snow if SemanticClass.GRASS not in those else 0.0)
            cv2.copyTo(cv2.LUT(cv2.extractChannel(looks, channel), contrast), cv2.LUT(classes, mask), texture)
        close = texture[max(_row(view, _GRAIN_TO_M) - first, 0) :]
        if len(close):
            grain = _look_up(view, grain_levels(self.pattern), GRAIN_PER_M, len(picture) - len(close))
            cv2.addWeighted(close, 1, grain, self.strength, -NEUTRAL * self.strength, close)
        if self.shady and shadow < 1:
            cv2.multiply(texture, self._shade(view, first, shadow), texture, scale=1 / 255)
        cv2.multiply(rows, cv2.merge([texture] * 4), rows, scale=1 / NEUTRAL)

    def _contrast(self, snow: float) -> np.ndarray:
        """(256,) uint8: what becomes of a pattern's values; snow lies first where the pattern is bright."""
        values = NEUTRAL + (np.arange(256) - NEUTRAL) * self.strength
        if snow:
            covered = np.clip((np.arange(256) - NEUTRAL) / 16 + 2 * snow - 0.5, 0, 1)
            values = values * (1 - covered) + _SNOW * covered
        return np.clip(np.rint(values), 0, 255).astype(np.uint8)

    def _shade(self, view: View, first: int, shadow: float) -> np.ndarray:
        """(rows from `first` on, width) uint8: 255 in the sun."""
        width, height = view.camera.width, view.camera.height - first
        tile = cv2.LUT(shade(self.pattern, self.shady), np.linspace(255 * shadow, 255, 256).astype(np.uint8))
        texels = _texels(view, SHADE_PER_M, len(tile), first) @ np.diag([_SHADE_STEP, _SHADE_STEP, 1.0])
        size = (-(-width // _SHADE_STEP), -(-height // _SHADE_STEP))
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        small = cv2.warpPerspective(tile, texels, size, flags=flags, borderMode=cv2.BORDER_WRAP)
        return cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)


def draw_texture(rng: np.random.Generator) -> Texture:
    """Weak on smooth new ground, strong on old; in two sequences of five trees and houses throw shade, if any is."""
    shady = rng.uniform(0.15, 0.7) if rng.random() < 0.4 else 0.0
    return Texture(int(rng.integers(PATTERNS)), float(rng.uniform(0.5, 1.5)), round(float(shady), 1))


def _row(view: View, metres: float) -> int:
    """The first row of the picture in whose middle the ground is at most so far away."""
    below = view.position[2] / metres * view.focal
    return int(np.clip(np.ceil(view.horizon_row + below), 0, view.camera.height))


def _look_up(view: View, levels: Sequence[np.ndarray], per_m: float, first: int) -> np.ndarray:
    """What a pattern shows at the pixels from row `first` on, in bands of rows whose footprints are alike."""
    height, width = view.camera.height, view.camera.width
    # A pixel's footprint is d / f across and d^2 / (h f) along: their geometric mean is d^1.5 / (f h^0.5).
    scale = view.focal * np.sqrt(view.position[2]) / per_m
    ends = [_row(view, float((scale * 2 ** (level + 0.5)) ** (2 / 3))) for level in range(len(levels) - 1)]
    bands = np.clip([height, *ends, 0], first, None).tolist()
    looks = np.empty((height - first, width, *levels[0].shape[2:]), np.uint8)
    for level, pattern in enumerate(levels):
        begin, end = bands[level + 1], bands[level]
        if begin < end:
            texels = _texels(view, per_m / 2**level, len(pattern), begin)
            flags = cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP
            size = (width, end - begin)
            cv2.warpPerspective(
                pattern, texels, size, looks[begin - first : end - first], flags, borderMode=cv2.BORDER_WRAP
            )
    return looks


def _texels(view: View, per_m: float, texels: int, first: int) -> np.ndarray:
    """(3, 3) from pixels (column, row after `first`, 1) to homogeneous texels of the ground's pattern."""
    period = texels / per_m
    nearby = np.floor(view.position[:2] / period) * period  # whole patterns away, so that numbers stay small
    columns = view.flat(np.array([nearby, nearby + [1, 0], nearby + [0, 1]]))
    to_camera = np.stack([columns[1] - columns[0], columns[2] - columns[0], columns[0]], axis=1)
    to_texels = np.diag([per_m, per_m, 1.0]) @ np.linalg.inv(to_camera) @ view.rays(first)
    return to_texels
