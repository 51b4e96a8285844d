"""The scene of a walk: surfaces, things that are labelled, things that only stand behind, and where one walks.

World frame: x along the path, y to its left, metres; the middle of the path, where there is one, is y = 0. The walker
is about at x = 0 when the first picture is taken, at t = 0.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from roadcue.roadworld.ground import Marks
from roadcue.roadworld.mesh import Colour, Mesh
from roadcue.roadworld.semantic_class import SemanticClass

STRIDE_M = 1.4
"""Walked from one step of a foot to the next of the same."""


class Surface(NamedTuple):
    """A rectangle of ground with its sides along the axes; `label`: sidewalk, road, grass, or nothing of these."""

    label: str
    x: tuple[float, float]
    y: tuple[float, float]
    colour: Colour
    semantic: SemanticClass


@dataclass(frozen=True, eq=False)
class Thing:
    """Something that stands or moves; two are never the same, however alike.

    `label` is its kind of `OBJECT_KINDS`, or "" for what is no such object; `name` what a caption calls it. `looks`
    holds one mesh, or those of one stride of somebody who walks. `xy` is the middle of its extent at t = 0, `half`
    half that extent along the world's x and y, and its height up to 2 m; 0 for what hides nothing. `velocity` is in
    metres a second, `ahead` how far along its heading the mesh's origin lies from `xy`. The extent of a sign
    or a light begins with its head, `base` metres above the ground. Parts of a `mass` (a hedge) count by the room
    that they take up, not each.
    """

    label: str
    name: str
    looks: tuple[Mesh, ...]
    xy: tuple[float, float]
    heading: float
    half: tuple[float, float, float]
    velocity: tuple[float, float] = (0.0, 0.0)
    ahead: float = 0.0
    base: float = 0.0
    mass: bool = False

    @property
    def walks(self) -> bool:
        """Whether it is somebody on foot who moves."""
        return self.label == "person" and any(self.velocity)

    def at(self, t: float) -> "Place":
        """Where it is at t seconds when nothing turns or holds it up."""
        (x, y), (along_x, along_y) = self.xy, self.velocity
        return Place(x + t * along_x, y + t * along_y, self.heading, t * float(np.hypot(along_x, along_y)))

    def look(self, place: "Place") -> Mesh:
        """Its mesh at a place on its way."""
        return self.looks[int(place.walked / STRIDE_M * len(self.looks)) % len(self.looks)]

    def origin(self, place: "Place") -> tuple[float, float]:
        """Where its mesh's origin is when the middle of its extent is at a place."""
        return place.x + self.ahead * np.cos(place.heading), place.y + self.ahead * np.sin(place.heading)


class Place(NamedTuple):
    """Where somebody or something is: metres, radians, and how many metres it has moved since t = 0."""

    x: float
    y: float
    heading: float
    walked: float = 0.0


class Way(NamedTuple):
    """Where one may walk: between two y, best between `right` and `left`, and over a road between two x, if any."""

    low: float
    high: float
    right: float
    left: float
    road: tuple[float, float] | None = None


_STRAIGHT_ON = Way(-1.0, 1.0, -0.5, 0.5)


@dataclass
class Scene:
    """Everything that a walk's pictures show, but for light and lens. Later surfaces lie on earlier ones.

    It reaches farther ahead by the metres that the walker comes on a long walk, `reach`. He is at y = `start` at
    t = 0; when that is `astray` he soon goes over to the `way`, which is the path's, or straight on where there is
    none. `beside` says for "left" and "right" what the path is bordered by, in a caption's words. `season` is that
    of its trees.
    """

    surfaces: list[Surface] = field(default_factory=list)
    marks: list[Marks] = field(default_factory=list)
    things: list[Thing] = field(default_factory=list)
    beside: dict[str, str] = field(default_factory=dict)
    zebra: bool = False
    reach: float = 0.0
    start: float = 0.0
    astray: bool = False
    way: Way = _STRAIGHT_ON
    season: str = field(kw_only=True)

    def topmost(self, points: np.ndarray) -> np.ndarray:
        """The number of the topmost surface at each of the ground points (n, 2), -1 for none."""
        numbers = np.full(len(points), -1)
        x, y = points.T
        for number, ((x0, x1), (y0, y1)) in enumerate((surface.x, surface.y) for surface in self.surfaces):
            numbers[(x >= x0) & (x < x1) & (y >= y0) & (y < y1)] = number
        return numbers

    def labels_at(self, points: np.ndarray) -> np.ndarray:
        """The labels of the topmost surfaces at ground points (n, 2)."""
        return np.array([*(surface.label for surface in self.surfaces), ""])[self.topmost(points)]

    def has_room(self, xy: tuple[float, float], half: tuple[float, float, float], gap: float = 0.25) -> bool:
        """Whether a thing of that extent would touch no other thing; what moves is left to itself."""
        return all(
            abs(other.xy[0] - xy[0]) > other.half[0] + half[0] + gap
            or abs(other.xy[1] - xy[1]) > other.half[1] + half[1] + gap
            for other in self.things
        )
