"""What upright surfaces look like from close by: leaves, plaster and bricks, anchored in the world.

The pattern of a face lies on its own plane and is counted from the world's origin, so that the parts of a wall go on
into one another; that of a crown turns to the camera as its discs do. Each face is painted with a number of its own in
the fourth channel, by which its pixels are found again when the picture is finished.
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
_REDDISH = 1.3
_LEAST_SIDE_M = 0.3
_LEAST_PX = 8.0
"""Half the size of the smallest face that has a pattern."""
_GRAZING = 0.04
"""The least cosine of the angle between the line of sight and a face's normal."""
_NUMBERS = 60
"""So many faces have a pattern, those that look biggest."""
_STEPS = 16
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
    """Of a mesh as it is seen: the `numbers` (n + m,) uint8 of its faces, 0 for smooth ones, and those with patterns."""

    numbers: np.ndarray
    faces: Sequence[Face]

    @classmethod
    def of(cls, view: View, mesh: Mesh, pattern: int, contrasts: np.ndarray) -> "FaceTextures":
        """`contrasts` (n + m,) of the faces: less where haze lies before them."""
        n, kinds = len(mesh.quads), _kinds(mesh)
        sizes = np.concatenate([mesh.sizes, mesh.radii])
        some = np.flatnonzero((kinds != _SMOOTH) & (sizes > _LEAST_SIDE_M / 2))
        middles, sizes = view.to_camera(mesh.middles[some]), sizes[some]
        depth = np.maximum(middles[:, 0] - sizes * (some < n), view.near)
        looks = sizes * view.focal / depth
        big = looks > _LEAST_PX
        some, middles, depth, looks = some[big], middles[big], depth[big], looks[big]
        along, up, begin, phase, narrow = _planes(view, mesh, some)
        facing = np.abs((np.cross(along, up) * middles).sum(axis=1)) / np.sqrt((middles**2).sum(axis=1))
        footprint = depth / view.focal / np.sqrt(np.maximum(facing, _GRAZING))
        levels = np.maximum(np.rint(np.log2(footprint * UPRIGHT_PER_M)), 0).astype(int)
        patterns = upright_levels(pattern)
        kept = np.flatnonzero((facing > _GRAZING) & (levels < len(patterns[0])) & (narrow > _LEAST_SIDE_M))
        kept = kept[np.argsort(-looks[kept], kind="stable")]
        # The discs of one crown have one number, that of the biggest.
        crown = np.where(some[kept] < n, -1 - some[kept], mesh.owner[some[kept]])
        _, firsts, groups = np.unique(crown, return_index=True, return_inverse=True)
        boxes = _boxes(view, mesh, some[kept])
        whole = np.tile([np.inf, np.inf, -np.inf, -np.inf], (len(firsts), 1))
        np.minimum.at(whole[:, :2], groups, boxes[:, :2])
        np.maximum.at(whole[:, 2:], groups, boxes[:, 2:])
        seen = np.flatnonzero((whole[:, :2] < whole[:, 2:]).all(axis=1))
        seen = seen[np.argsort(firsts[seen])][:_NUMBERS]
        number = np.zeros(len(firsts), np.uint8)
        number[seen] = np.arange(1, len(seen) + 1)
        numbers = np.zeros(len(kinds), np.uint8)
        numbers[some[kept]] = number[groups]
        kept, boxes = kept[firsts[seen]], whole[seen].astype(int)
        texels = np.linalg.inv(np.stack([along[kept], up[kept], begin[kept]], axis=2)) @ view.rays()
        texels[:, :2] += phase[kept, :, None] * texels[:, 2:]
        texels[:, :2] *= (UPRIGHT_PER_M / 2 ** levels[kept])[:, None, None]
        texels[:, :, 2] += (texels[:, :, :2] * boxes[:, None, :2]).sum(axis=2)
        chosen = some[kept]
        steps = np.rint(_STEPS * contrasts[chosen]).astype(int)
        tiles = zip(kinds[chosen].tolist(), levels[kept].tolist(), steps.tolist(), strict=True)
        faces = [
            Face(i + 1, _contrasted(pattern, *tile), texels[i], slice(top, bottom), slice(left, right))
            for i, (tile, (left, top, right, bottom)) in enumerate(zip(tiles, boxes.tolist(), strict=True))
        ]
        return cls(numbers, faces)

    def onto(self, picture: np.ndarray) -> None:
        """Put the patterns onto `picture` (height, width, 4) uint8, whose last channel holds the numbers."""
        numbers = cv2.extractChannel(picture, 3)
        texture = np.full(numbers.shape, NEUTRAL, np.uint8)
        flags = cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP
        for face in self.faces:
            own = cv2.compare(numbers[face.rows, face.columns], face.number, cv2.CMP_EQ)
            if not cv2.countNonZero(own):
                continue
            size = own.shape[::-1]
            looks = cv2.warpPerspective(face.pattern, face.texels, size, flags=flags, borderMode=cv2.BORDER_WRAP)
            cv2.copyTo(looks, own, texture[face.rows, face.columns])
        cv2.multiply(picture, cv2.merge([texture] * 4), picture, scale=1 / NEUTRAL)


def _boxes(view: View, mesh: Mesh, faces: np.ndarray) -> np.ndarray:
    """(k, 4) left, top, right, bottom in which faces are painted; the whole picture for one that begins before it."""
    n = len(mesh.quads)
    camera = view.camera
    quads, discs = view.to_camera(mesh.quads[faces[faces < n]]), faces[faces >= n] - n
    before = (quads[..., 0] <= view.near).any(axis=1)
    corners = view.pixels(np.where(before[:, None, None], 1.0, quads))
    low, high = corners.min(axis=1), corners.max(axis=1)
    low[before], high[before] = 0, [camera.width, camera.height]
    centres = view.to_camera(mesh.centres[discs])
    middle, reach = view.pixels(centres), (mesh.radii[discs] * view.focal / centres[:, 0])[:, None]
    boxes = np.empty((len(faces), 4))
    boxes[faces < n] = np.hstack([low - 1, high + 1])
    boxes[faces >= n] = np.hstack([middle - reach - 1, middle + reach + 1])
    return np.clip(np.floor(boxes), 0, [camera.width, camera.height] * 2)


def _planes(view: View, mesh: Mesh, faces: np.ndarray) -> tuple[np.ndarray, ...]:
    """Of some faces, (k, 3) in the camera's frame: unit vectors along and up, and a point.

    Then (k, 2) where in the pattern that point is, and (k,) the length of the shorter side, all in metres.
    """
    n = len(mesh.quads)
    quads, discs = faces[faces < n], faces[faces >= n]
    corners = mesh.quads[quads][:, [0, 1, 3]].astype(float)
    sides = [corners[:, i] - corners[:, 0] for i in (1, 2)]
    lengths = [np.maximum(np.linalg.norm(side, axis=1), 1e-9) for side in sides]
    along, up = (side / length[:, None] for side, length in zip(sides, lengths, strict=True))
    of_quads = np.stack([(corners[:, 0] * side).sum(axis=1) for side in (along, up)], axis=1)
    of_discs = mesh.origins[mesh.owner[discs]] @ _ORIGIN_TO_PATTERN
    turned = [np.broadcast_to(side, (len(discs), 3)) for side in ([0.0, -1, 0], [0.0, 0, 1])]
    begin = view.to_camera(np.concatenate([corners[:, 0], mesh.centres[discs - n]]))
    along, up = (np.concatenate([view.rotate_to_camera(a), b]) for a, b in zip((along, up), turned, strict=True))
    period = len(upright_levels(0)[0][0]) / UPRIGHT_PER_M
    narrow = np.concatenate([np.minimum(*lengths), 2 * mesh.radii[discs - n]])
    return along, up, begin, np.concatenate([of_quads, of_discs]) % period, narrow


def _kinds(mesh: Mesh) -> np.ndarray:
    """(n + m,) which pattern each face has; what shines and glass are smooth."""
    table = np.full(len(SemanticClass), _SMOOTH)
    table[list(_KINDS)] = list(_KINDS.values())
    kinds = table[mesh.classes]
    kinds[: len(mesh.quads)][mesh.classes[: len(mesh.quads)] == SemanticClass.TREE] = _PLASTER  # its trunk
    of_house = mesh.recess[mesh.owner] > 0
    bricks = np.where(of_house, _built_of_bricks(mesh.origins)[mesh.owner], _reddish(mesh.colours))
    kinds[(kinds == _PLASTER) & (mesh.classes == SemanticClass.BUILDING) & bricks] = _BRICKS
    kinds[mesh.shines | (mesh.glass != Glass.NONE)] = _SMOOTH
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
