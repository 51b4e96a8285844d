"""What of a scene a picture holds: every thing as a box, every surface as cells, and what hides what."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from roadcue.roadworld.sidewalk.scene import Place, Scene, Thing
from roadcue.roadworld.view import View
from roadcue.schema import CameraCalibration

ROWS, COLUMNS = 72, 96
CELLS = ROWS * COLUMNS
"""The picture in cells, of which one pixel decides."""
_PIECE_M = 1.0
_CLOSEST_M = 0.4
_CORNERS = np.array([(i, j, k) for i in (-1, 1) for j in (-1, 1) for k in (0, 1)], float)


@dataclass(frozen=True)
class Sightings:
    """Of each thing, arrays (n,): `u` the middle of what the picture holds of it, 0 to 1; `distance` in metres to its
    nearest point on the ground; `inside`, the share of it within the picture's borders; `visible`, the share of that
    which nothing hides; `area` within the borders and `cover` not hidden, as shares of the picture. `hides` (ROWS,
    COLUMNS) where any thing is.
    """

    u: np.ndarray
    distance: np.ndarray
    inside: np.ndarray
    visible: np.ndarray
    area: np.ndarray
    cover: np.ndarray
    hides: np.ndarray


class GroundCells(NamedTuple):
    """The cells below the horizon, arrays (n,): `labels` of the ground there, `distance` in metres, `u`, the cell."""

    labels: np.ndarray
    distance: np.ndarray
    u: np.ndarray
    rows: np.ndarray
    columns: np.ndarray


def look(things: list[Thing], places: Sequence[Place], view: View) -> Sightings:
    """What is seen of things that are at these places. Long ones are taken apart into pieces of a metre."""
    if not things:
        none = np.zeros(0)
        return Sightings(none, none, none, none, none, none, np.zeros((ROWS, COLUMNS), bool))
    owner, low, high = _pieces(things, places)
    first = np.searchsorted(owner, np.arange(len(things)))
    boxes = _boxes(view, low, high)
    begins, ends = np.minimum.reduceat(boxes[:, :2], first), np.maximum.reduceat(boxes[:, 2:], first)
    kept_begins, kept_ends = np.clip(begins, 0, 1), np.clip(ends, 0, 1)
    area = (kept_ends - kept_begins).prod(axis=1)
    here = view.position[:2]
    distance = np.hypot(*(np.clip(here, low[:, :2], high[:, :2]) - here).T)
    owner_of_cell = _painted(boxes, owner, distance)
    cover = np.bincount(owner_of_cell[owner_of_cell >= 0], minlength=len(things)) / CELLS
    room = (_cells(kept_ends) - _cells(kept_begins)).prod(axis=1) / CELLS
    return Sightings(
        u=(kept_begins[:, 0] + kept_ends[:, 0]) / 2,
        distance=np.minimum.reduceat(distance, first),
        inside=area / np.maximum((ends - begins).prod(axis=1), 1e-9),
        visible=cover / np.maximum(room, 1 / CELLS),
        area=area,
        cover=cover,
        hides=owner_of_cell >= 0,
    )


def cells_of_ground(scene: Scene, view: View) -> GroundCells:
    """The surfaces that the cells of a camera that is not shaken show where nothing stands before them."""
    camera = view.camera
    rows, columns, u, offsets, distance = _cells_below_horizon(
        camera.intrinsic.tobytes(), camera.extrinsic.tobytes(), camera.width, camera.height
    )
    c, s = view.forward[:2] / np.hypot(*view.forward[:2])
    points = view.position[:2] + offsets @ np.array([[c, s], [-s, c]])
    return GroundCells(scene.labels_at(points), distance, u, rows, columns)


@lru_cache(maxsize=2)
def _cells_below_horizon(intrinsic: bytes, extrinsic: bytes, width: int, height: int) -> tuple[np.ndarray, ...]:
    """Of each cell its row, column and u, the ground ahead and left of the camera (n, 2), and how far that is."""
    camera = CameraCalibration(np.frombuffer(intrinsic), np.frombuffer(extrinsic).reshape(4, 4), width, height)
    rows, columns = (each.ravel() for each in np.mgrid[:ROWS, :COLUMNS])
    u, v = (columns + 0.5) / COLUMNS, (rows + 0.5) / ROWS
    f_u, f_v, c_u, c_v = camera.intrinsic[:4]
    rays = np.stack([np.ones(CELLS), (c_u - u * width) / f_u, (c_v - v * height) / f_v], axis=1)
    rays = rays @ camera.extrinsic[:3, :3].T
    forward = camera.extrinsic[:2, 0] / np.hypot(*camera.extrinsic[:2, 0])
    below = rays[:, 2] < -0.01
    offsets = rays[below, :2] * (-camera.extrinsic[2, 3] / rays[below, 2:])
    offsets = offsets @ np.array([[forward[0], -forward[1]], [forward[1], forward[0]]])
    return rows[below], columns[below], u[below], offsets, np.hypot(*offsets.T)


def _pieces(things: list[Thing], places: Sequence[Place]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(owner (n,), lower corners (n, 3), upper corners (n, 3)) of all pieces, those of a thing together."""
    half = np.array([thing.half for thing in things])
    middle = np.array([place[:2] for place in places])
    counts = np.maximum(np.ceil(2 * half[:, :2] / _PIECE_M).astype(int), 1)
    shorter = counts.argmin(axis=1)
    counts[np.arange(len(things)), shorter] = 1  # sliced across its longer side only
    n = counts.max(axis=1)
    owner = np.repeat(np.arange(len(things)), n)
    place = np.arange(len(owner)) - np.repeat(np.cumsum(n) - n, n)
    size = 2 * half[owner, :2] / counts[owner]
    low = (middle - half[:, :2])[owner] + np.where(counts[owner] > 1, place[:, None], 0) * size
    base = np.array([[thing.base] for thing in things])[owner]
    return owner, np.hstack([low, base]), np.hstack([low + size, half[owner, 2:]])


def _boxes(view: View, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """(n, 4) left, top, right, bottom of what the camera sees of the boxes, the picture being 0 to 1; 0 if behind."""
    corners = np.where(_CORNERS > 0, high[:, None], low[:, None])
    where = view.to_camera(corners)
    behind = where[..., 0].max(axis=1) < _CLOSEST_M
    where[..., 0] = np.maximum(where[..., 0], _CLOSEST_M)
    pixels = view.pixels(where) / [view.camera.width, view.camera.height]
    boxes = np.concatenate([pixels.min(axis=1), pixels.max(axis=1)], axis=1)
    boxes[behind] = boxes[behind][:, [0, 1, 0, 1]]
    return boxes


def _painted(boxes: np.ndarray, owner: np.ndarray, distance: np.ndarray) -> np.ndarray:
    """(ROWS, COLUMNS) which thing is nearest in each cell, or -1."""
    grid = np.full((ROWS, COLUMNS), -1)
    cells = np.hstack([_cells(boxes[:, :2]), _cells(boxes[:, 2:])])
    seen = np.flatnonzero((cells[:, 2:] > cells[:, :2]).all(axis=1))
    for i in seen[np.argsort(-distance[seen])].tolist():
        left, top, right, bottom = cells[i].tolist()
        grid[top:bottom, left:right] = owner[i]
    return grid


def _cells(places: np.ndarray) -> np.ndarray:
    """Places in the picture (n, 2) as cell borders."""
    return np.rint(np.clip(places, 0, 1) * [COLUMNS, ROWS]).astype(int)
