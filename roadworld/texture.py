"""What the ground looks like from close by: asphalt, slabs, grass and snow, anchored at world x and y."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import ceil, inf

import cv2
import numpy as np

from roadcue.roadworld.camera import focal_length
from roadcue.roadworld.daylight import Daylight
from roadcue.roadworld.pattern import (
    GRAIN_PER_M,
    GROUND_PER_M,
    NEUTRAL,
    PATTERNS,
    SHADE_PER_M,
    grain_levels,
    ground_levels,
    shade_levels,
)
from roadcue.roadworld.semantic_class import SemanticClass
from roadcue.roadworld.spec import RoadWorldSpec
from roadcue.roadworld.view import View
from roadcue.roadworld.weather import SNOW

_CHANNELS = {1: SemanticClass.SIDEWALK, 2: SemanticClass.GRASS}
"""The classes that have a channel of the ground's pattern of their own; all others share channel 0."""
_FADES_FROM_M, _GROUND_TO_M, _GRAIN_TO_M = 25.0, 70.0, 9.0
"""Of the default front camera; of a camera with more pixels to a radian as many times farther."""
_FOCAL = focal_length(RoadWorldSpec.width, RoadWorldSpec.field_of_view)
_SEEN_LEVEL = 2
"""Of the ground's pattern, where it begins to fade."""
_NEAR_STEP, _SHADE_STEP = 3, 4
"""The finest levels are soft close by: one pixel in so many is looked up, across and down."""


@dataclass(frozen=True)
class Texture:
    """A sequence's surfaces: which set of patterns, a factor on their contrast, the share of the ground in shade."""

    pattern: int
    strength: float
    shady: float

    def on_ground(self, picture: np.ndarray, view: View, light: Daylight) -> None:
        """Put patterns, snow and shade onto `picture` (height, width, 4) uint8, whose last channel holds classes.

        Far away patterns are gone; of snow and shade their mean is left, as far as the horizon.
        """
        shady = bool(self.shady) and light.shadow < 1
        first = _row(view, inf) if light.snow or shady else _fades(view)[1]
        rows = picture[first:]
        if not len(rows):
            return
        classes = cv2.extractChannel(rows, 3)
        under = view.to_ground()
        looks = _look_up(view, under, ground_levels(self.pattern), GROUND_PER_M, first)
        pattern = cv2.extractChannel(looks, 0)
        for channel, semantic in _CHANNELS.items():
            cv2.copyTo(cv2.extractChannel(looks, channel), cv2.compare(classes, int(semantic), cv2.CMP_EQ), pattern)
        texture = cv2.LUT(pattern, self._contrast())
        if light.snow:
            texture = self._snow(rows, classes, pattern, texture, view, light)
        begin = max(_row(view, _GRAIN_TO_M * view.focal / _FOCAL), first)
        close = texture[begin - first :]
        if len(close):
            grain = _look_up(view, under, grain_levels(self.pattern), GRAIN_PER_M, begin)
            cv2.addWeighted(close, 1, grain, self.strength, -NEUTRAL * self.strength, close)
        mean = 1.0
        if shady:
            levels = _shade(self.pattern, self.shady, light.shadow)
            mean = float(levels[-1].mean()) / 255
            shade = _look_up(view, under, levels, SHADE_PER_M, first, _SHADE_STEP)
            cv2.multiply(texture, shade, texture, scale=1 / 255)
        _fade(texture, NEUTRAL * mean, view, first)
        far = slice(0, _fades(view)[1] - first)
        texture[far][classes[far] == SemanticClass.SKY] = NEUTRAL  # hills
        cv2.multiply(rows, cv2.merge([texture] * 4), rows, scale=1 / NEUTRAL)

    def _contrast(self) -> np.ndarray:
        """(256,) uint8: what becomes of a pattern's values."""
        values = NEUTRAL + (np.arange(256) - NEUTRAL) * self.strength
        return np.clip(np.rint(values), 0, 255).astype(np.uint8)

    def _snow(
        self,
        rows: np.ndarray,
        classes: np.ndarray,
        pattern: np.ndarray,
        texture: np.ndarray,
        view: View,
        light: Daylight,
    ) -> np.ndarray:
        """Cover `rows` of the picture, first where `pattern` is bright; the texture that is left.

        On what is not paved snow lies already, and becomes smoother.
        """
        covers = np.clip(255 * ((np.arange(256) - NEUTRAL) / 40 + 2 * light.snow - 0.6), 0, 255).astype(np.uint8)
        cover = cv2.LUT(pattern, covers)
        mean = cv2.LUT(ground_levels(self.pattern)[_SEEN_LEVEL][..., :2], covers).mean()
        _fade(cover, float(mean), view, view.camera.height - len(rows))
        cv2.bitwise_and(cover, cv2.compare(classes, int(SemanticClass.SKY), cv2.CMP_NE), cover)
        bare, share = cv2.bitwise_not(cover), np.arange(256)[:, None] / 255
        colour = np.append(np.clip(light.ground(np.array([SNOW])), 0, 255), 0)
        white, plain = (np.rint(share * each).astype(np.uint8) for each in (colour, NEUTRAL))
        cv2.multiply(rows, cv2.merge([bare] * 4), rows, scale=1 / 255)
        cv2.add(rows, cv2.LUT(cv2.merge([cover] * 4), white[None]), rows)
        left: np.ndarray = cv2.add(cv2.multiply(texture, bare, scale=1 / 255), cv2.LUT(cover, plain))
        return left


def draw_texture(rng: np.random.Generator) -> Texture:
    """Weak on smooth new ground, strong on old; in every other sequence trees and houses throw shade, if any is."""
    shady = rng.uniform(0.15, 0.7) if rng.random() < 0.5 else 0.0
    return Texture(int(rng.integers(PATTERNS)), float(rng.uniform(0.3, 1.2)), round(float(shady), 1))


@lru_cache(maxsize=4)
def _shade(pattern: int, share: float, shadow: float) -> list[np.ndarray]:
    """(n, n) uint8, 255 in the sun and `shadow` of it in the shade."""
    values = np.linspace(255 * shadow, 255, 256).astype(np.uint8)
    return [cv2.LUT(each, values) for each in shade_levels(pattern, share)]


def _row(view: View, metres: float) -> int:
    """The first row of the picture in whose middle the ground is at most so far away."""
    below = float(view.position[2]) / metres * view.focal
    return min(max(ceil(view.horizon_row + below), 0), view.camera.height)


def _fades(view: View) -> tuple[int, int]:
    """The rows from which on what lies farther fades, and from which on there is nothing of it left."""
    near, far = (_row(view, metres * view.focal / _FOCAL) for metres in (_FADES_FROM_M, _GROUND_TO_M))
    return near, far


def _fade(texture: np.ndarray, mean: float, view: View, first: int) -> None:
    """Far away a `texture` (rows from `first` on, width) uint8 becomes its mean."""
    near, far = (max(row - first, 0) for row in _fades(view))
    share = np.linspace(0, 1, near - far, endpoint=False)[:, None]
    texture[:far] = round(mean)
    texture[far:near] = np.rint(mean * (1 - share) + texture[far:near] * share)


def _look_up(
    view: View, under: np.ndarray, levels: Sequence[np.ndarray], per_m: float, first: int, near_step: int = _NEAR_STEP
) -> np.ndarray:
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
            step = 1 if level else near_step
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
