"""What upright surfaces look like from close by: leaves, plaster and bricks, anchored in the world.

The pattern of a face lies on its own plane and is counted from the world's origin, so that the parts of a wall go on
into one another; that of a crown turns to the camera as its discs do. Each face is painted with a number of its own in
the fourth channel, by which its pixels are found again when the picture is finished.
"""

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from roadcue.roadworld.mesh import Glass, Mesh
from roadcue.roadworld.pattern import NEUTRAL, UPRIGHT_PER_M, upright_levels
from roadcue.roadworld.semantic_class import SemanticClass
from roadcue.roadworld.view import View

_SMOOTH, _LEAVES, _PLASTER, _BRICKS = -1, 0, 1, 2
_KINDS = {SemanticClass.TREE: _LEAVES, SemanticClass.PLANT: _LEAVES, SemanticClass.BUILDING: _PLASTER}
_REDDISH = 1.3
"""A wall that is by so much redder than blue is of bricks."""
_LEAST_SIDE_M = 0.3
_LEAST_PX = 6.0
"""Half the size of the smallest face that has a pattern."""
_GRAZING = 0.04
"""The least cosine of the angle between the line of sight and a face's normal."""
_NUMBERS = 255
"""As many as a byte tells from one another; the nearest faces have a pattern."""
_ORIGIN_TO_PATTERN = np.array([[7.3, 3.1], [2.9, 8.7]])
"""Where in the pattern a crown is, by where it stands."""


@dataclass(frozen=True)
class FaceTextures:
    """Of a mesh as it is seen: the `numbers` (n + m,) uint8 of its faces, 0 for smooth ones, and of each number:

    `texels` (256, 9), from pixels to homogeneous texels; where its level begins, `starts` (256,), and its `sizes`
    (256,) in texels; and its `contrasts` (256,).
    """

    numbers: np.ndarray
    texels: np.ndarray
    starts: np.ndarray
    sizes: np.ndarray
    contrasts: np.ndarray
    pattern: int

    @classmethod
    def of(cls, view: View, mesh: Mesh, pattern: int, contrasts: np.ndarray) -> "FaceTextures":
        """`contrasts` (n + m,) of the faces: less where haze lies before them."""
        n, kinds = len(mesh.quads), _kinds(mesh)
        sizes, middles = np.concatenate([mesh.sizes, mesh.radii]), view.to_camera(mesh.middles)
        depth = np.maximum(middles[:, 0] - sizes * (np.arange(len(sizes)) < n), view.near)
        some = np.flatnonzero((kinds != _SMOOTH) & (sizes > _LEAST_SIDE_M / 2) & (sizes * view.focal > _LEAST_PX * depth))
        along, up, begin, phase = _planes(view, mesh, some)
        facing = np.abs((np.cross(along, up) * middles[some]).sum(axis=1)) / np.linalg.norm(middles[some], axis=1)
        footprint = depth[some] / view.focal / np.sqrt(np.maximum(facing, _GRAZING))
        levels = np.maximum(np.rint(np.log2(footprint * UPRIGHT_PER_M)), 0).astype(int)
        starts, widths, _ = _flat(pattern)
        kept = np.flatnonzero((facing > _GRAZING) & (levels < len(widths)))
        kept = kept[np.argsort(depth[some[kept]], kind="stable")][:_NUMBERS]
        faces, levels, number = some[kept], levels[kept], np.arange(1, len(kept) + 1)
        numbers = np.zeros(len(sizes), np.uint8)
        numbers[faces] = number
        planes = np.linalg.inv(np.stack([along[kept], up[kept], begin[kept]], axis=2)) @ view.rays(0)
        planes[:, :2] += phase[kept, :, None] * planes[:, 2:]
        planes[:, :2] *= (UPRIGHT_PER_M / 2**levels)[:, None, None]
        tables = [np.zeros((256, 9), np.float32), np.zeros(256, np.int32), np.ones(256, np.int32), np.zeros(256)]
        tables[0][:, 8] = 1
        for table, values in zip(
            tables, (planes.reshape(-1, 9), starts[kinds[faces], levels], widths[levels], contrasts[faces]), strict=True
        ):
            table[number] = values
        texels, begins, width, contrast = tables
        return cls(numbers, texels, begins, width, contrast.astype(np.float32), pattern)

    def onto(self, picture: np.ndarray) -> None:
        """Put the patterns onto `picture` (height, width, 4) uint8, whose last channel holds the numbers."""
        numbers = cv2.extractChannel(picture, 3)
        at = np.flatnonzero(numbers)
        number = numbers.ravel()[at]
        row, column = np.divmod(at.astype(np.int32), numbers.shape[1])
        row, column = row.astype(np.float32), column.astype(np.float32)
        h = self.texels.T.copy()
        u, v, w = (h[i][number] * column + h[i + 1][number] * row + h[i + 2][number] for i in (0, 3, 6))
        # Where two smoothed outlines meet, a pixel has the number of neither: any pattern will do there, none may fail.
        w[np.abs(w) < 1e-6] = 1
        u, v = (np.clip(each / w, -1e8, 1e8).astype(np.int32) for each in (u, v))
        size = self.sizes[number]
        values = _flat(self.pattern)[2][self.starts[number] + (v & (size - 1)) * size + (u & (size - 1))]
        texture = np.full(numbers.shape, NEUTRAL, np.uint8)
        texture.ravel()[at] = np.clip(NEUTRAL + values * self.contrasts[number], 0, 255)
        cv2.multiply(picture, cv2.merge([texture] * 4), picture, scale=1 / NEUTRAL)


def _planes(view: View, mesh: Mesh, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Of some faces, (k, 3) in the camera's frame: unit vectors along and up, and a point; and its pattern's (k, 2)."""
    n = len(mesh.quads)
    quads, discs = faces[faces < n], faces[faces >= n]
    corners = mesh.quads[quads][:, [0, 1, 3]].astype(float)
    along, up = (_unit(corners[:, i] - corners[:, 0]) for i in (1, 2))
    of_quads = np.stack([(corners[:, 0] * side).sum(axis=1) for side in (along, up)], axis=1)
    of_discs = mesh.origins[mesh.owner[discs]] @ _ORIGIN_TO_PATTERN
    turned = [np.broadcast_to(side, (len(discs), 3)) for side in ([0.0, -1, 0], [0.0, 0, 1])]
    begin = view.to_camera(np.concatenate([corners[:, 0], mesh.centres[discs - n]]))
    along, up = (np.concatenate([view.rotate_to_camera(a), b]) for a, b in zip((along, up), turned, strict=True))
    period = len(upright_levels(0)[0][0]) / UPRIGHT_PER_M
    return along, up, begin, np.concatenate([of_quads, of_discs]) % period


def _unit(vectors: np.ndarray) -> np.ndarray:
    """(n, 3) of length 1."""
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)


def _kinds(mesh: Mesh) -> np.ndarray:
    """(n + m,) which pattern each face has; what shines and glass are smooth."""
    table = np.full(len(SemanticClass), _SMOOTH)
    table[list(_KINDS)] = list(_KINDS.values())
    kinds = table[mesh.classes]
    kinds[(kinds == _PLASTER) & (mesh.colours[:, 0] > _REDDISH * mesh.colours[:, 2])] = _BRICKS
    kinds[mesh.shines | (mesh.glass != Glass.NONE)] = _SMOOTH
    return kinds


@lru_cache(maxsize=8)
def _flat(pattern: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where each level begins (kinds, levels), how wide it is (levels,), and all of them in a row, less `NEUTRAL`."""
    kinds = upright_levels(pattern)
    widths = np.array([len(level) for level in kinds[0]])
    starts = np.cumsum([0, *(level.size for levels in kinds for level in levels)])[:-1].reshape(len(kinds), -1)
    every = np.concatenate([level.ravel() for levels in kinds for level in levels])
    return starts, widths, every.astype(np.float32) - NEUTRAL
