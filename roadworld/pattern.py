"""Square patterns without a seam, of which surfaces are made: noise as nature has it, cracks, bricks, leaves.

A pattern is uint8, 128 where it changes nothing (255 in the sun), and comes in levels, each half as fine as the one
before it.
"""

from functools import lru_cache

import cv2
import numpy as np

NEUTRAL = 128
"""Where a pattern leaves a surface as it is; twice as much is twice as bright."""
PATTERNS = 6
"""Different sets of patterns, made once in a process when they are first used."""
GROUND_PER_M, GRAIN_PER_M, SHADE_PER_M, UPRIGHT_PER_M = 12, 96, 4, 48
"""Texels to a metre."""
_JOINT = 1.16
"""How bright mortar is beside the bricks."""
_SIZE = 256
"""Of all patterns, in texels: what is looked up at random should stay in a processor's cache."""
_LEVELS = 5


def _noise(rng: np.random.Generator, slope: float, cut: float = 0.0) -> np.ndarray:
    """(n, n) of mean 0 and deviation 1, whose amplitude falls with frequency to the power of `slope`.

    1 is what natural pictures have (Field, Relations between the statistics of natural images, 1987). `cut`: waves
    longer than this share of the pattern are left out.
    """
    frequency = np.hypot(np.fft.fftfreq(_SIZE)[:, None], np.fft.rfftfreq(_SIZE)) * _SIZE
    spectrum = np.fft.rfft2(rng.standard_normal((_SIZE, _SIZE))) / np.maximum(frequency, 1) ** slope
    spectrum[frequency < (1 / cut if cut else 1)] = 0
    waves = np.fft.irfft2(spectrum, (_SIZE, _SIZE))
    return waves / waves.std()


@lru_cache(maxsize=PATTERNS)
def ground_levels(seed: int) -> list[np.ndarray]:
    """The ground, (n, n, 3): asphalt with cracks and tar seams; slabs with stains; grass or earth."""
    rng = np.random.default_rng([seed, 1])
    asphalt = 1 + 0.015 * _noise(rng, 0.7) + 0.05 * _noise(rng, 1.4)
    lines = np.zeros((_SIZE, _SIZE), np.float32)
    for metres, width, dark in (*[(5, 1, 0.18)] * 3, (14, 2, 0.22)):
        _crack(rng, lines, metres * GROUND_PER_M, width, dark)
    slabs = 1 + 0.025 * _noise(rng, 0.5) + 0.05 * _noise(rng, 1.5)
    slabs -= 0.16 * np.clip(_noise(rng, 1.2) - 1.6, 0, 1)
    grass = 1 + 0.12 * _noise(rng, 0.6) + 0.14 * _noise(rng, 1.1)
    return _levels(np.stack([asphalt - lines, slabs, grass], axis=-1))


@lru_cache(maxsize=PATTERNS)
def grain_levels(seed: int) -> list[np.ndarray]:
    """What all ground has from close by, (n, n)."""
    rng = np.random.default_rng([seed, 2])
    return _levels(1 + 0.045 * _noise(rng, 0.7, cut=0.1))


@lru_cache(maxsize=2 * PATTERNS)
def shade_levels(seed: int, share: float) -> list[np.ndarray]:
    """(n, n), 255 in the sun and 0 in the shade of leaves and roofs, which is `share` of the ground."""
    waves = _noise(np.random.default_rng([seed, 3]), 1.25)
    edge = np.quantile(waves, share)
    return _halved(np.clip(255 * (0.5 + (waves - edge) / 0.5), 0, 255))


@lru_cache(maxsize=PATTERNS)
def upright_levels(seed: int) -> tuple[list[np.ndarray], list[np.ndarray], list[np.ndarray]]:
    """Leaves, plaster and bricks, each (n, n)."""
    rng = np.random.default_rng([seed, 4])
    clumps = _noise(rng, 0.9)
    leaves = 1 + 0.24 * clumps + 0.1 * _noise(rng, 0.3) - 0.5 * np.clip(-clumps - 0.3, 0, 1)
    runs = cv2.resize(_noise(rng, 1.0)[: _SIZE // 8], (_SIZE, _SIZE), interpolation=cv2.INTER_LINEAR)
    plaster = 1 + 0.02 * _noise(rng, 0.4) + 0.05 * _noise(rng, 1.4) + 0.025 * runs
    return _levels(leaves), _levels(plaster), _levels(_bricks(rng) + 0.04 * _noise(rng, 0.6))


def _bricks(rng: np.random.Generator) -> np.ndarray:
    """Courses of bricks of many shades, 16 by 4 texels each with their joints, every other course half a brick on."""
    column, row = np.meshgrid(np.arange(_SIZE), np.arange(_SIZE))
    column = (column + 8 * (row // 4 % 2)) % _SIZE
    shades = rng.normal(0.97, 0.09, (_SIZE // 4, _SIZE // 16))
    return np.where((column % 16 == 15) | (row % 4 == 3), _JOINT, shades[row // 4, column // 16])


def _crack(rng: np.random.Generator, lines: np.ndarray, length: float, width: int, dark: float) -> None:
    """A line that wanders over the edges of the pattern and comes in again on the other side."""
    steps = int(length / 6)
    turns = rng.uniform(0, 2 * np.pi) + np.cumsum(rng.normal(0, 0.35 / width, steps))
    points = rng.uniform(0, _SIZE, 2) + np.cumsum(6 * np.stack([np.cos(turns), np.sin(turns)], axis=1), axis=0)
    for i in range(-2, 3):
        for j in range(-2, 3):
            moved = np.rint(points + _SIZE * np.array([i, j])).astype(np.int32)
            cv2.polylines(lines, [moved], False, dark, width)


def _levels(pattern: np.ndarray) -> list[np.ndarray]:
    """Level 0 and those below it, (n, n) or (n, n, channels) uint8, of a pattern that is made neutral on average."""
    return _halved(NEUTRAL * pattern / pattern.mean(axis=(0, 1)))


def _halved(pattern: np.ndarray) -> list[np.ndarray]:
    """A pattern and what is left of it at half the size, and half of that, uint8."""
    levels = [pattern.astype(np.float32)]
    while len(levels) < _LEVELS:
        half = len(levels[-1]) // 2
        levels.append(cv2.resize(levels[-1], (half, half), interpolation=cv2.INTER_AREA))
    return [np.clip(np.rint(each), 0, 255).astype(np.uint8) for each in levels]
