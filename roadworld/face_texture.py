"""What upright surfaces look like from close by: leaves, plaster and bricks, anchored in the world.

The pattern of a face lies on its own plane and is counted from the world's origin, so that the parts of a wall go on
into one another; that of a crown turns to the camera as its discs do. Each face is painted with a number of its own
in the fourth channel, by which its pixels are found again when the picture is finished.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import cv2
import numpy as np

from roadcue.roadworld.mesh import Glass, Mesh
from roadcue.roadworld.pattern import NEUTRAL, UPRIGHT_PER_M, upright_levels
from roadcue.roadworld.semantic_class import SemanticClass
from roadcue.roadworld.view import View

_SMOOTH, _LEAVES, _PLASTER, _BRICKS = -1, 0, 1, 2
_KINDS = {SemanticClass.TREE: _LEAVES, SemanticClass.PLANT: _LEAVES, SemanticClass.BUILDING: _PLASTER}
_TABLE = np.array([_KINDS.get(semantic, _SMOOTH) for semantic in SemanticClass])
_REDDISH = 1.3
_LOOKS_UP = 0.1
"""The least upward component of a normal of what is no wall."""
_LEAST_SIDE_M = 0.3
_LEAST_PX = 14.0
"""Half the size of the smallest face that has a pattern."""
_GRAZING = 0.04
"""The least cosine of the angle between the line of sight and a face's normal."""
_NUMBERS = 40
"""So many faces have a pattern, those that look biggest."""
_STEPS = 6
"""Contrasts differ by at least one step in so many."""
_ORIGIN_TO_PATTERN = np.array([[7.3, 3.1], [2.9, 8.7]])
"""Where in the pattern a crown is, by where it stands."""


class Face(NamedTuple):
    """A face with a pattern: its number, the (3, 3) from pixels to homogeneous texels, its box in the picture."""

    number: int
    pattern: np.ndarray
    texels: np.ndarray
    rows: slice
    columns: slice


@dataclass(frozen=True)
class FaceTextures:
    """Of a mesh in a view: the `numbers` (n + m,) uint8 of its faces, 0 for smooth ones, and those with patterns."""

    numbers: np.ndarray
    faces: Sequence[Face]

    @classmethod
    def of(cls, view: View, mesh: Mesh, where: np.ndarray, pattern: int, contrasts: np.ndarray) -> "FaceTextures":
        """`where` (n + m, 3) are the faces' middles in the camera's frame, and `contrasts` (n + m,) less in haze."""
        n = len(mesh.quads)
        numbers = np.zeros(len(where), np.uint8)
        sizes = np.concatenate([mesh.sizes, mesh.radii])
        depth = where[:, 0] - sizes
        depth[n:] = where[n:, 0]
        looks = sizes * view.focal / np.maximum(depth, view.near)
        some = np.flatnonzero((looks > _LEAST_PX) & (sizes > _LEAST_SIDE_M / 2))
        kinds = _kinds(mesh, some)
        some, kinds = some[kinds != _SMOOTH], kinds[kinds != _SMOOTH]
        some, kinds = _biggest_first(some, kinds, looks)
        planes, phase, narrow = _planes(view, mesh, some)
        facing = np.abs(np.linalg.det(np.concatenate([planes[:, :, :2], where[some, :, None]], axis=2)))
        facing /= np.sqrt((where[some] ** 2).sum(axis=1))
        footprint = sizes[some] / looks[some] / np.sqrt(np.maximum(facing, _GRAZING))
        levels = np.maximum(np.rint(np.log2(footprint * UPRIGHT_PER_M)), 0).astype(int)
        levels_there = len(upright_levels(pattern)[0])
        kept = np.flatnonzero((facing > _GRAZING) & (levels < levels_there) & (narrow > _LEAST_SIDE_M))
        if not len(kept):
            return cls(numbers, [])
        some, kinds, planes, phase, levels = (each[kept] for each in (some, kinds, planes, phase, levels))
        firsts, groups = _together(mesh, some)
        numbers[some] = groups + 1
        boxes = _boxes(view, mesh, some, groups)
        texels = np.linalg.inv(planes[firsts]) @ view.rays()
        texels[:, :2] += phase[firsts, :, None] * texels[:, 2:]
        texels[:, :2] *= (UPRIGHT_PER_M / 2 ** levels[firsts])[:, None, None]
        texels[:, :, 2] += (texels[:, :, :2] * boxes[:, None, :2]).sum(axis=2)
        steps = np.rint(_STEPS * contrasts[some[firsts]]).astype(int)
        tiles = zip(kinds[firsts].tolist(), levels[firsts].tolist(), steps.tolist(), strict=True)
        faces = [
            Face(i + 1, _contrasted(pattern, *tile), texels[i], slice(top, bottom), slice(left, right))
            for i, (tile, (left, top, right, bottom)) in enumerate(zip(tiles, boxes.tolist(), strict=True))
            if left < right and top < bottom
        ]
        return cls(numbers, faces)

    def onto(self, picture: np.ndarray, numbers: np.ndarray) -> None:
        """Put the patterns onto `picture` (height, width, 3) uint8, whose faces have `numbers` (height, width)."""
        texture = np.full(numbers.shape, NEUTRAL, np.uint8)
        flags = cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP
        (bottom, right), (top, left) = (0, 0), numbers.shape
        for face in self.faces:
            # Of one pixel cv2.compare refuses to say: it may be a picture or a number.
            own = np.equal(numbers[face.rows, face.columns], face.number).view(np.uint8)
            if not cv2.countNonZero(own):
                continue
            size = own.shape[::-1]
            looks = cv2.warpPerspective(face.pattern, face.texels, size, flags=flags, borderMode=cv2.BORDER_WRAP)
            cv2.copyTo(looks, own, texture[face.rows, face.columns])
            top, bottom = min(top, face.rows.start), max(bottom, face.rows.stop)
            left, right = min(left, face.columns.start), max(right, face.columns.stop)
        if top < bottom:
            box = picture[top:bottom, left:right]
            cv2.multiply(box, cv2.merge([texture[top:bottom, left:right]] * 3), box, scale=1 / NEUTRAL)


def _biggest_first(faces: np.ndarray, kinds: np.ndarray, looks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The `_NUMBERS` faces that look biggest."""
    order = np.argsort(-looks[faces], kind="stable")[:_NUMBERS]
    return faces[order], kinds[order]


def _together(mesh: Mesh, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The first of each group of faces that have one number, and the group (k,) of each: the discs of a crown."""
    n = len(mesh.quads)
    crown = np.where(faces < n, -1 - faces, mesh.owner[faces])
    _, firsts, groups = np.unique(crown, return_index=True, return_inverse=True)
    return firsts, groups


def _boxes(view: View, mesh: Mesh, faces: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """(g, 4) left, top, right, bottom in which groups of faces are painted; all, where one is too near."""
    camera, flat = view.camera, faces < len(mesh.quads)
    quads, discs = view.to_camera(mesh.quads[faces[flat]]), faces[~flat] - len(mesh.quads)
    before = quads[..., 0].min(axis=1) <= view.near
    corners = view.pixels(np.where(before[:, None, None], 1.0, quads))
    low, high = np.empty((len(faces), 2)), np.empty((len(faces), 2))
    low[flat], high[flat] = corners.min(axis=1), corners.max(axis=1)
    low[np.flatnonzero(flat)[before]], high[np.flatnonzero(flat)[before]] = 0, [camera.width, camera.height]
    centres = view.to_camera(mesh.centres[discs])
    middle, reach = view.pixels(centres), (mesh.radii[discs] * view.focal / centres[:, 0])[:, None]
    low[~flat], high[~flat] = middle - reach, middle + reach
    boxes = np.full((groups.max() + 1, 4), np.inf)
    np.minimum.at(boxes, groups, np.hstack([low, -high]))
    boxes[:, 2:] *= -1
    edge = [-1, -1, 2, 2]  # smoothed outlines are a little wider
    return np.clip(boxes + edge, 0, [camera.width, camera.height] * 2).astype(int)


def _planes(view: View, mesh: Mesh, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of some faces, (k, 3, 3) in the camera's frame: as columns unit vectors along and up, and a point.

    Then (k, 2) where in the pattern that point is, and (k,) the length of the shorter side, all in metres.
    """
    flat = faces < len(mesh.quads)
    corners, discs = mesh.quads[faces[flat]][:, [0, 1, 3]].astype(float), faces[~flat] - len(mesh.quads)
    sides = corners[:, 1:] - corners[:, :1]
    lengths = np.maximum(np.sqrt((sides**2).sum(axis=2)), 1e-9)
    sides /= lengths[..., None]
    planes, phase, narrow = np.empty((len(faces), 3, 3)), np.empty((len(faces), 2)), np.empty(len(faces))
    planes[flat, :, :2] = view.rotate_to_camera(sides).swapaxes(1, 2)
    planes[~flat, :, :2] = [[0, 0], [-1, 0], [0, 1]]
    planes[flat, :, 2], planes[~flat, :, 2] = view.to_camera(corners[:, 0]), view.to_camera(mesh.centres[discs])
    phase[flat] = (corners[:, :1] * sides).sum(axis=2)
    phase[~flat] = mesh.origins[mesh.owner[faces[~flat]]] @ _ORIGIN_TO_PATTERN
    narrow[flat], narrow[~flat] = lengths.min(axis=1), 2 * mesh.radii[discs]
    return planes, phase % (len(upright_levels(0)[0][0]) / UPRIGHT_PER_M), narrow


def _kinds(mesh: Mesh, faces: np.ndarray) -> np.ndarray:
    """(k,) which pattern each of some faces has; what shines, glass, roofs and awnings are smooth."""
    classes, owner = mesh.classes[faces], mesh.owner[faces]
    kinds = _TABLE[classes]
    kinds[(classes == SemanticClass.TREE) & (faces < len(mesh.quads))] = _PLASTER  # its trunk
    of_house = mesh.recess[owner] > 0
    bricks = np.where(of_house, _built_of_bricks(mesh.origins[owner]), _reddish(mesh.colours[faces]))
    kinds[(classes == SemanticClass.BUILDING) & bricks] = _BRICKS
    kinds[(classes == SemanticClass.BUILDING) & (mesh.normals[faces, 2] > _LOOKS_UP)] = _SMOOTH
    kinds[mesh.shines[faces] | (mesh.glass[faces] != Glass.NONE)] = _SMOOTH
    return kinds


def _built_of_bricks(origins: np.ndarray) -> np.ndarray:
    """(k,) one house in three, by where it stands: another colour is not another material."""
    built: np.ndarray = np.floor(origins @ [7.3, 13.1]) % 3 == 0
    return built


def _reddish(colours: np.ndarray) -> np.ndarray:
    """(n,) whether a wall is by so much redder than blue that it is of bricks."""
    red: np.ndarray = colours[:, 0] > _REDDISH * colours[:, 2]
    return red


@lru_cache(maxsize=1024)
def _contrasted(pattern: int, kind: int, level: int, contrast: int) -> np.ndarray:
    """A level of a pattern (n, n) with a contrast in `_STEPS`."""
    values = NEUTRAL + (np.arange(256) - NEUTRAL) * (contrast / _STEPS)
    return cv2.LUT(upright_levels(pattern)[kind][level], np.clip(np.rint(values), 0, 255).astype(np.uint8))
