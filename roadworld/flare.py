"""Flare: what a lens makes of the sun in or near the picture, a veil around it and ghosts across the middle."""

import cv2
import numpy as np

_NEAR = 0.3
"""How far beside the picture the sun is still seen as a veil, as a share of the picture's height."""
_CELL = 8
"""Light that is scattered is smooth: it is worked out for one pixel in so many, across and down."""
_DAZZLES = 225
"""Where the sun's disc is darker, something stands before it."""
_VEIL = 110.0
"""Grey levels that the dirtiest lens scatters close to the sun."""
_REACH = 0.22
"""By the factor e the veil falls off, as a share of the picture's height."""
_GHOSTS = (
    (-0.45, 0.05, (10, 22, 10)),
    (-0.8, 0.08, (20, 12, 6)),
    (0.4, 0.03, (8, 12, 24)),
    (-1.3, 0.12, (8, 10, 16)),
)
"""Where on the line from the middle to the sun, how large as a share of the height, and what they add."""


def flare(picture: np.ndarray, sun: np.ndarray, veil: float) -> None:
    """Add to `picture` (height, width, 3) uint8 what a lens of a `veil`, 0 to 1, scatters of a sun at pixel (2,).

    The picture is one before its exposure above 1, in which a wall is not as bright as the sun.
    """
    height, width = picture.shape[:2]
    beside = np.hypot(*(sun - np.clip(sun, 0, [width, height]))) / height
    if beside > _NEAR or (not beside and _hidden(picture, sun)):
        return
    rows, columns = (np.arange(0, side, _CELL) + _CELL / 2 for side in (height, width))
    away = np.hypot(columns - sun[0], rows[:, None] - sun[1]) / height
    light = _VEIL * veil * (1 - beside / _NEAR) * np.exp(-away / _REACH)[..., None] * [1.0, 0.95, 0.85]
    if not beside:
        middle = np.array([width, height]) / 2
        for along, size, colour in _GHOSTS:
            x, y = middle + along * (sun - middle)
            edge = (size * height - np.hypot(columns - x, rows[:, None] - y)) / _CELL
            light += veil * np.clip(edge + 0.5, 0, 1)[..., None] * colour
    small = np.clip(light, 0, 255).astype(np.uint8)
    whole = cv2.resize(small, (small.shape[1] * _CELL, small.shape[0] * _CELL), interpolation=cv2.INTER_LINEAR)
    cv2.add(picture, whole[:height, :width], picture)


def _hidden(picture: np.ndarray, sun: np.ndarray) -> bool:
    """Whether something stands before the sun."""
    column, row = np.clip(sun.astype(int), 1, [picture.shape[1] - 2, picture.shape[0] - 2]).tolist()
    return bool(picture[row - 1 : row + 2, column - 1 : column + 2].mean() < _DAZZLES)
