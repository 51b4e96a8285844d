"""Street lamps in the dark: the pools of light that they throw onto the ground and onto what stands there."""

from dataclasses import replace

import cv2
import numpy as np

from roadcue.roadworld.mesh import Glass, Mesh
from roadcue.roadworld.semantic_class import SemanticClass
from roadcue.roadworld.view import View

_STRENGTH = np.array([1.3, 1.15, 0.85])
"""By how much a lamp brightens the ground below it, beside the light of the night: sodium and warm white lamps."""
_FADES_FROM_M, _REACHES_M = 30.0, 40.0
"""How far before the camera lamps are that light what it sees, and from where on less and less."""
_LAMPS = 8
"""So many light what is seen, the nearest."""
_CELL = 16
"""Pools are soft: they are worked out for one pixel in so many, across and down."""
_ONE = 48
"""Of a byte: the factor 1."""


def alight(mesh: Mesh) -> Mesh:
    """The mesh when it is dark: its lamps are on, and shine in their own colour, as bright as that can be."""
    lamps = mesh.glass == Glass.LAMP
    brightest = 255 * mesh.colours / mesh.colours.max(axis=1, keepdims=True).clip(min=1)
    return replace(mesh, shines=mesh.shines | lamps, colours=np.where(lamps[:, None], brightest, mesh.colours))


def street_lamps(view: View, mesh: Mesh) -> np.ndarray:
    """(k, 4) the lamps that light what is seen: where, in the world's frame, and with what share of it."""
    n = len(mesh.quads)
    lamps = mesh.centres[(mesh.glass[n:] == Glass.LAMP) & (mesh.classes[n:] == SemanticClass.POLE)]
    ahead = view.to_camera(lamps)[:, 0]
    shares = np.clip((_REACHES_M - ahead) / (_REACHES_M - _FADES_FROM_M), 0, 1)
    near = np.column_stack([lamps, shares])[(ahead > -_REACHES_M / 4) & (ahead < _REACHES_M)]
    away = np.hypot(*(near[:, :2] - view.position[:2]).T)
    return near[np.argsort(away, kind="stable")[:_LAMPS]]


def brightened(lamps: np.ndarray, places: np.ndarray) -> np.ndarray:
    """(..., 3) the factors on red, green and blue by which lamps (k, 4) brighten the ground at places (..., 2).

    A lamp that hangs h above the ground lights it by the cube of the cosine of the angle at which its light falls,
    1 / (1 + (r / h)^2)^1.5 as much r metres aside as below it (the inverse square and cosine laws).
    """
    factors = np.ones((*places.shape[:-1], 3))
    for x, y, height, share in lamps.tolist():
        aside = ((places - [x, y]) ** 2).sum(axis=-1) / height**2
        factors += share * _STRENGTH * ((1 + aside) ** -1.5)[..., None]
    return factors


def light_ground(picture: np.ndarray, view: View, lamps: np.ndarray, first: int) -> None:
    """Brighten the ground of `picture` (height, width, channels) uint8, from row `first` on."""
    rows = picture[first:]
    if not len(lamps) or not len(rows):
        return
    row, column = (np.arange(0, side, _CELL) + (_CELL - 1) / 2 for side in rows.shape[:2])
    pixels = np.stack([*np.broadcast_arrays(column, row[:, None] + first), np.ones((len(row), len(column)))], axis=-1)
    ground = pixels @ view.to_ground().T
    factors = brightened(lamps, ground[..., :2] / np.maximum(ground[..., 2:], 1e-6) + view.position[:2])
    small = np.clip(np.rint(_ONE * factors), 0, 255).astype(np.uint8)
    small = np.dstack([small, np.full(small.shape[:2], _ONE, np.uint8)])
    size = (small.shape[1] * _CELL, small.shape[0] * _CELL)
    whole = cv2.resize(small, size, interpolation=cv2.INTER_LINEAR)[: len(rows), : rows.shape[1]]
    cv2.multiply(rows, whole, rows, scale=1 / _ONE)
