"""The scene of a walk: surfaces, things that are labelled, things that only stand behind, and the way of the camera.

World frame: x along the path, y to its left, metres; the middle of the path, where there is one, is y = 0.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from roadcue.roadworld.ground import Marks
from roadcue.roadworld.mesh import Colour, Mesh
from roadcue.roadworld.semantic_class import SemanticClass


class Surface(NamedTuple):
    """A rectangle of ground with its sides along the axes; `label`: sidewalk, road, grass, or nothing of these."""

    label: str
    x: tuple[float, float]
    y: tuple[float, float]
    colour: Colour
    semantic: SemanticClass


@dataclass(frozen=True)
class Thing:
    """Something that stands or moves.

    `label` is its kind of `OBJECT_KINDS`, or "" for what is no such object; `name` what a caption calls it. `looks`
    holds one mesh, or one for each frame. `xy` is the middle of its extent in the first frame, `half` half that
    extent along the world's x and y, and its height up to 2 m; 0 for what hides nothing. `velocity` is in metres from
    one frame to the next, `ahead` how far along its heading the mesh's origin lies from `xy`. The extent of a sign
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

    def look(self, frame: int) -> Mesh:
        """Its mesh in a frame."""
        return self.looks[frame % len(self.looks)]

    def place(self, frame: int) -> np.ndarray:
        """Where its mesh's origin is in a frame, (2,)."""
        along = np.array([np.cos(self.heading), np.sin(self.heading)])
        return np.array(self.xy) + frame * np.array(self.velocity) + self.ahead * along


@dataclass
class Scene:
    """Everything that a walk's pictures show, but for light and lens. Later surfaces lie on earlier ones.

    `beside` says for "left" and "right" what the path is bordered by, in a caption's words.
    """

    surfaces: list[Surface] = field(default_factory=list)
    marks: list[Marks] = field(default_factory=list)
    things: list[Thing] = field(default_factory=list)
    camera_xy: np.ndarray = field(default_factory=lambda: np.zeros((0, 2)))
    camera_heading: np.ndarray = field(default_factory=lambda: np.zeros(0))
    beside: dict[str, str] = field(default_factory=dict)
    zebra: bool = False

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
