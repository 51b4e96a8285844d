"""Painted quadrangles and discs: what every object of the world is made of."""

from dataclasses import dataclass, field, replace

import numpy as np

Colour = tuple[float, float, float]
"""RGB, 0 to 255, under white light."""


@dataclass(frozen=True)
class Mesh:
    """One or many objects as arrays, float32, metres.

    Quadrangles: `quads` (n, 4, 3), `normals` (n, 3) outwards, zero where it is painted from both sides, `sizes` (n,)
    half its longest side. Discs, which always face the camera: `centres` (m, 3), `radii` (m,). Of both, quadrangles
    first: `colours` (n + m, 3) RGB, `shines` (n + m,) for lamps, which neither light nor dusk changes, `owner`
    (n + m,) the object. Of the objects: `origins` (k, 2), by whose distance they are sorted, and `recess` (k,)
    metres added to that distance.
    """

    quads: np.ndarray
    normals: np.ndarray
    sizes: np.ndarray
    centres: np.ndarray
    radii: np.ndarray
    colours: np.ndarray
    shines: np.ndarray
    owner: np.ndarray
    origins: np.ndarray
    recess: np.ndarray

    @property
    def middles(self) -> np.ndarray:
        """(n + m, 3): of quadrangles, then discs."""
        # The middle of two opposite corners: exact for the parallelograms that all but a few of them are.
        return np.concatenate([(self.quads[:, 0] + self.quads[:, 2]) / 2, self.centres])

    def only(self, parts: np.ndarray) -> "Mesh":
        """The quadrangles and discs with the given ascending numbers, of the same objects."""
        n = len(self.quads)
        quads, discs = parts[parts < n], parts[parts >= n] - n
        return replace(
            self,
            quads=self.quads[quads],
            normals=self.normals[quads],
            sizes=self.sizes[quads],
            centres=self.centres[discs],
            radii=self.radii[discs],
            colours=self.colours[parts],
            shines=self.shines[parts],
            owner=self.owner[parts],
        )


def join(meshes: list[Mesh]) -> Mesh:
    """Many meshes as one that holds all their objects."""
    first = np.cumsum([0, *(len(mesh.origins) for mesh in meshes)])
    owners = [mesh.owner + k for mesh, k in zip(meshes, first, strict=False)]
    n = [len(mesh.quads) for mesh in meshes]

    def quads_then_discs(columns: list[np.ndarray]) -> np.ndarray:
        parts = [c[:k] for c, k in zip(columns, n, strict=True)] + [c[k:] for c, k in zip(columns, n, strict=True)]
        return np.concatenate(parts)

    return Mesh(
        quads=np.concatenate([mesh.quads for mesh in meshes]),
        normals=np.concatenate([mesh.normals for mesh in meshes]),
        sizes=np.concatenate([mesh.sizes for mesh in meshes]),
        centres=np.concatenate([mesh.centres for mesh in meshes]),
        radii=np.concatenate([mesh.radii for mesh in meshes]),
        colours=quads_then_discs([mesh.colours for mesh in meshes]),
        shines=quads_then_discs([mesh.shines for mesh in meshes]),
        owner=quads_then_discs(owners),
        origins=np.concatenate([mesh.origins for mesh in meshes]),
        recess=np.concatenate([mesh.recess for mesh in meshes]),
    )


def place(meshes: list[Mesh], xy: np.ndarray, heading: np.ndarray) -> Mesh:
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
        normals=(mesh.normals[:, None] @ turn[quad_owner])[:, 0],
        centres=(mesh.centres[:, None] @ turn[disc_owner])[:, 0] + move[disc_owner],
        origins=(mesh.origins[:, None] @ turn[:, :2, :2])[:, 0] + move[:, :2],
    )


@dataclass
class Shape:
    """A drawing in progress: quadrangles and discs in metres, x forward, y left, z up, painted in this order."""

    quads: list[np.ndarray] = field(default_factory=list)
    normals: list[np.ndarray] = field(default_factory=list)
    colours: list[Colour] = field(default_factory=list)
    shines: list[bool] = field(default_factory=list)
    discs: list[tuple[float, float, float, float]] = field(default_factory=list)
    disc_colours: list[Colour] = field(default_factory=list)
    disc_shines: list[bool] = field(default_factory=list)

    def mesh(self, origin: tuple[float, float] = (0.0, 0.0), recess: float = 0.0) -> Mesh:
        """The finished drawing as one object."""
        quads = np.array(self.quads, np.float32)
        discs = np.array(self.discs, np.float32).reshape(-1, 4)
        return Mesh(
            quads=quads,
            normals=np.array(self.normals, np.float32),
            sizes=np.abs(quads[:, 2] - quads[:, 0]).max(axis=1) / 2,
            centres=discs[:, :3],
            radii=discs[:, 3],
            colours=np.array([*self.colours, *self.disc_colours], np.float32),
            shines=np.array([*self.shines, *self.disc_shines]),
            owner=np.zeros(len(quads) + len(discs), int),
            origins=np.array([origin], np.float32),
            recess=np.array([recess], np.float32),
        )

    def quad(
        self, corners: np.ndarray, colour: Colour, normal: np.ndarray | None = None, shines: bool = False
    ) -> None:
        """Add one quadrangle, corners (4, 3) in order."""
        self.quads.append(corners)
        self.normals.append(np.zeros(3) if normal is None else normal)
        self.colours.append(colour)
        self.shines.append(shines)

    def upright(
        self, start: tuple[float, float], end: tuple[float, float], z: tuple[float, float], colour: Colour
    ) -> None:
        """Add an upright quadrangle above the line from `start` to `end`, painted from both sides."""
        corners = [(*start, z[0]), (*end, z[0]), (*end, z[1]), (*start, z[1])]
        self.quad(np.array(corners), colour)

    def disc(self, x: float, y: float, z: float, radius: float, colour: Colour, shines: bool = False) -> None:
        """Add one disc that always faces the camera."""
        self.discs.append((x, y, z, radius))
        self.disc_colours.append(colour)
        self.disc_shines.append(shines)

    def box(
        self,
        x: tuple[float, float],
        y: tuple[float, float],
        z: tuple[float, float],
        colour: Colour,
        top: Colour | None = None,
    ) -> None:
        """Add a box by its extents, without its underside; `top` is the colour of its upper face."""
        for axis in (0, 1):
            for k in (0, 1):
                normal = np.zeros(3)
                normal[axis] = 2 * k - 1
                self.panel(x, y, z, normal, colour)
        corners = np.array([(x[i], y[j], z[1]) for i, j in ((0, 0), (1, 0), (1, 1), (0, 1))])
        self.quad(corners, top or colour, np.array([0.0, 0, 1]))

    def panel(
        self,
        x: tuple[float, float],
        y: tuple[float, float],
        z: tuple[float, float],
        normal: np.ndarray,
        colour: Colour,
        shines: bool = False,
    ) -> None:
        """Add the upright face of a box that looks along `normal`, (+-1, 0, 0) or (0, +-1, 0)."""
        axis = int(np.argmax(np.abs(normal)))
        side = int(normal[axis] > 0)
        ends = [(x[side], y[0]), (x[side], y[1])] if axis == 0 else [(x[0], y[side]), (x[1], y[side])]
        corners = [(*ends[0], z[0]), (*ends[1], z[0]), (*ends[1], z[1]), (*ends[0], z[1])]
        self.quad(np.array(corners), colour, normal, shines)
