"""Painted quadrangles and discs: what every object of the world is made of."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import IntEnum

import numpy as np

from roadcue.roadworld.semantic_class import SemanticClass

Colour = tuple[float, float, float]
"""RGB, 0 to 255, under white light."""
Point = tuple[float, float, float]


class Glass(IntEnum):
    """Whether a face is of glass, which is smooth, and whether a lamp behind it shines when it is dark."""

    NONE = 0
    PANE = 1
    LAMP = 2


@dataclass(frozen=True)
class Mesh:
    """One or many objects as arrays, float32, metres.

    Quadrangles: `quads` (n, 4, 3), `sizes` (n,) half the longest side. Discs, which turn to the camera: `centres`
    (m, 3), `radii` (m,). Of both, quadrangles first: `normals` (n + m, 3) outwards, zero where it is painted from
    all sides, `colours` (n + m, 3) RGB, `classes` (n + m,) uint8 of `SemanticClass`,
    `shines` (n + m,) for lamps, which neither light nor dusk changes, `glass` (n + m,) uint8 of `Glass`, `owner`
    (n + m,) the object. Of the objects: `origins` (k, 2), by whose distance they are sorted, and `recess` (k,)
    metres added to that distance.
    """

    quads: np.ndarray
    sizes: np.ndarray
    centres: np.ndarray
    radii: np.ndarray
    normals: np.ndarray
    colours: np.ndarray
    classes: np.ndarray
    shines: np.ndarray
    glass: np.ndarray
    owner: np.ndarray
    origins: np.ndarray
    recess: np.ndarray

    @property
    def middles(self) -> np.ndarray:
        """(n + m, 3): of quadrangles, then discs."""
        # The middle of two opposite corners: exact for the parallelograms that all but a few of them are.
        return np.concatenate([(self.quads[:, 0] + self.quads[:, 2]) / 2, self.centres])

    def only(self, faces: np.ndarray) -> "Mesh":
        """The quadrangles and discs with the given ascending numbers, of the same objects."""
        n = len(self.quads)
        quads, discs = faces[faces < n], faces[faces >= n] - n
        return replace(
            self,
            quads=self.quads[quads],
            sizes=self.sizes[quads],
            centres=self.centres[discs],
            radii=self.radii[discs],
            normals=self.normals[faces],
            colours=self.colours[faces],
            classes=self.classes[faces],
            shines=self.shines[faces],
            glass=self.glass[faces],
            owner=self.owner[faces],
        )


def join(meshes: Sequence[Mesh]) -> Mesh:
    """Many meshes, or none, as one that holds all their objects."""
    meshes = meshes or [Shape(SemanticClass.SKY).mesh()]
    first = np.cumsum([0, *(len(mesh.origins) for mesh in meshes)])
    owners = [mesh.owner + k for mesh, k in zip(meshes, first, strict=False)]
    n = [len(mesh.quads) for mesh in meshes]

    def quads_then_discs(columns: list[np.ndarray]) -> np.ndarray:
        quads = [column[:k] for column, k in zip(columns, n, strict=True)]
        discs = [column[k:] for column, k in zip(columns, n, strict=True)]
        return np.concatenate([*quads, *discs])

    return Mesh(
        quads=np.concatenate([mesh.quads for mesh in meshes]),
        sizes=np.concatenate([mesh.sizes for mesh in meshes]),
        centres=np.concatenate([mesh.centres for mesh in meshes]),
        radii=np.concatenate([mesh.radii for mesh in meshes]),
        normals=quads_then_discs([mesh.normals for mesh in meshes]),
        colours=quads_then_discs([mesh.colours for mesh in meshes]),
        classes=quads_then_discs([mesh.classes for mesh in meshes]),
        shines=quads_then_discs([mesh.shines for mesh in meshes]),
        glass=quads_then_discs([mesh.glass for mesh in meshes]),
        owner=quads_then_discs(owners),
        origins=np.concatenate([mesh.origins for mesh in meshes]),
        recess=np.concatenate([mesh.recess for mesh in meshes]),
    )


def place(meshes: Sequence[Mesh], xy: np.ndarray, heading: np.ndarray) -> Mesh:
    """k single objects, each turned to its `heading` (k,) and moved to its `xy` (k, 2), as one mesh."""
    mesh = join(meshes)
    c, s = np.cos(heading), np.sin(heading)
    turn = np.zeros((len(meshes), 3, 3), np.float32)
    turn[:, 0, 0], turn[:, 0, 1], turn[:, 1, 0], turn[:, 1, 1], turn[:, 2, 2] = c, s, -s, c, 1
    move = np.pad(xy, ((0, 0), (0, 1))).astype(np.float32)
    quad_owner, disc_owner = mesh.owner[: len(mesh.quads)], mesh.owner[len(mesh.quads) :]
    return replace(
        mesh,
        quads=mesh.quads @ turn[quad_owner] + move[quad_owner, None],
        centres=(mesh.centres[:, None] @ turn[disc_owner])[:, 0] + move[disc_owner],
        normals=(mesh.normals[:, None] @ turn[mesh.owner])[:, 0],
        origins=(mesh.origins[:, None] @ turn[:, :2, :2])[:, 0] + move[:, :2],
    )


class Shape:
    """A drawing in progress: quadrangles and discs in metres, x forward, y left, z up, painted in this order.

    A face is of the shape's class, `semantic`, unless it says another.
    """

    def __init__(self, semantic: SemanticClass) -> None:
        self.semantic = semantic
        self._quads: list[Sequence[Point]] = []
        self._discs: list[tuple[float, float, float, float]] = []
        self._quad_looks: list[tuple[float, ...]] = []
        self._disc_looks: list[tuple[float, ...]] = []

    def mesh(self, origin: tuple[float, float] = (0.0, 0.0), recess: float = 0.0) -> Mesh:
        """The finished drawing as one object."""
        quads = np.array(self._quads, np.float32).reshape(-1, 4, 3)
        discs = np.array(self._discs, np.float32).reshape(-1, 4)
        looks = np.array(self._quad_looks + self._disc_looks, np.float32).reshape(-1, 9)
        return Mesh(
            quads=quads,
            sizes=np.abs(quads[:, 2] - quads[:, 0]).max(axis=1) / 2,
            centres=discs[:, :3],
            radii=discs[:, 3],
            normals=looks[:, :3],
            colours=looks[:, 3:6],
            classes=looks[:, 6].astype(np.uint8),
            shines=looks[:, 7] > 0,
            glass=looks[:, 8].astype(np.uint8),
            owner=np.zeros(len(looks), int),
            origins=np.array([origin], np.float32),
            recess=np.array([recess], np.float32),
        )

    def quad(
        self,
        corners: Sequence[Point],
        colour: Colour,
        normal: Point = (0, 0, 0),
        shines: bool = False,
        semantic: SemanticClass | None = None,
        glass: Glass = Glass.NONE,
    ) -> None:
        """Add one quadrangle, its four corners in order."""
        self._quads.append(corners)
        self._quad_looks.append((*normal, *colour, self.semantic if semantic is None else semantic, shines, glass))

    def upright(
        self, start: tuple[float, float], end: tuple[float, float], z: tuple[float, float], colour: Colour
    ) -> None:
        """Add an upright quadrangle above the line from `start` to `end`, painted from both sides."""
        self.quad([(*start, z[0]), (*end, z[0]), (*end, z[1]), (*start, z[1])], colour)

    def disc(
        self,
        centre: Point,
        radius: float,
        colour: Colour,
        normal: Point = (0, 0, 0),
        shines: bool = False,
        semantic: SemanticClass | None = None,
        glass: Glass = Glass.NONE,
    ) -> None:
        """Add one disc, which turns to the camera; one with a normal is not seen from behind."""
        self._discs.append((*centre, radius))
        self._disc_looks.append((*normal, *colour, self.semantic if semantic is None else semantic, shines, glass))

    def box(
        self,
        x: tuple[float, float],
        y: tuple[float, float],
        z: tuple[float, float],
        colour: Colour,
        top: Colour | None = None,
    ) -> None:
        """Add a box by its extents, without its underside; `top` is the colour of its upper face."""
        for normal in ((-1, 0, 0), (1, 0, 0), (0, -1, 0), (0, 1, 0)):
            self.panel(x, y, z, normal, colour)
        self.quad([(x[i], y[j], z[1]) for i, j in ((0, 0), (1, 0), (1, 1), (0, 1))], top or colour, (0, 0, 1))

    def panel(
        self,
        x: tuple[float, float],
        y: tuple[float, float],
        z: tuple[float, float],
        normal: Point,
        colour: Colour,
        shines: bool = False,
        semantic: SemanticClass | None = None,
        glass: Glass = Glass.NONE,
    ) -> None:
        """Add the upright face of a box that looks along `normal`, (+-1, 0, 0) or (0, +-1, 0)."""
        if normal[0]:
            at = x[normal[0] > 0]
            ends = ((at, y[0]), (at, y[1]))
        else:
            at = y[normal[1] > 0]
            ends = ((x[0], at), (x[1], at))
        (x0, y0), (x1, y1) = ends
        self.quad(
            [(x0, y0, z[0]), (x1, y1, z[0]), (x1, y1, z[1]), (x0, y0, z[1])], colour, normal, shines, semantic, glass
        )
