"""What the halves of a pair differ in: a reason to walk otherwise, or something that must not matter.

Each is drawn from a random stream of its own, for a scene that is there already; None where it has no place.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from roadcue.roadworld.daylight import Daylight, draw_sun
from roadcue.roadworld.mesh import Colour, Mesh, Shape
from roadcue.roadworld.semantic_class import SemanticClass
from roadcue.roadworld.sidewalk.scene import Place, Scene, Surface, Thing
from roadcue.roadworld.sidewalk.street import BEHIND_M, FAR_M
from roadcue.roadworld.sidewalk.things import Maker, car_along, obstacle, someone, traffic_sign

_AHEAD_M, _ASIDE_M = (2.4, 4.6), 0.25
"""Where a reason is before the walker, and how far from the line of sight at most."""
_HOLE_LENGTH_M, _HOLE_WIDTH_M = (0.9, 1.5), (0.9, 1.8)
_RIM, _WALL, _DEEP = (226, 218, 204), (112, 86, 60), (22, 20, 20)
_FLAT_M = 100.0
"""A hole is painted before all that stands farther away by less, as ground is."""
_WALLS: tuple[Colour, ...] = ((188, 78, 60), (222, 190, 92), (118, 150, 184), (134, 164, 118), (232, 228, 220))
_OTHER_COLOUR = 60
"""By so many grey levels, in one of the channels, a house's two colours differ at least."""
_OTHER_SUN = 0.5
"""The cosine of the angle between two suns is at most so much."""


@dataclass(frozen=True)
class Difference:
    """What the half with it shows and the other does not: in words, the thing, and the light.

    `thing` is None where only the light differs. `instead_of` is what the half without has in its place, if anything.
    """

    reason: str
    thing: Thing | None
    instead_of: Thing | None
    light: Daylight


def _before_the_walker(make: Maker, words: str) -> "Draw":
    """Puts what `make` makes onto the sidewalk, close ahead."""

    def draw(rng: np.random.Generator, scene: Scene, here: Place, light: Daylight) -> Difference | None:
        thing = make(rng, *_ahead(rng, here))
        if _label_under(scene, thing) != "sidewalk" or not scene.has_room(thing.xy, thing.half):
            return None
        return Difference(words.format(thing.name), thing, None, light)

    return draw


def _gap(rng: np.random.Generator, scene: Scene, here: Place, light: Daylight) -> Difference | None:
    """Slabs are missing across as much of the sidewalk as the hole is wide. Labels know it as an obstacle."""
    x, y = _ahead(rng, here)
    length, width = float(rng.uniform(*_HOLE_LENGTH_M)), float(rng.uniform(*_HOLE_WIDTH_M))
    path = _surface(scene, x, y)
    if path.label != "sidewalk":
        return None
    right, left = max(y - width / 2, path.y[0] + 0.03), min(y + width / 2, path.y[1] - 0.03)
    middle, half = (x, (right + left) / 2), (length / 2, (left - right) / 2, 0.0)
    thing = Thing("obstacle", "a hole in the sidewalk", (_hole(rng, half[0], half[1]),), middle, 0.0, half)
    return Difference("a gap in the sidewalk", thing, None, light) if scene.has_room(middle, half) else None


def _parked_car(rng: np.random.Generator, scene: Scene, here: Place, light: Daylight) -> Difference | None:
    roads = [each for each in scene.surfaces if each.label == "road" and each.x == (BEHIND_M, FAR_M)]
    if not roads or roads[0].y[0] < here.y < roads[0].y[1]:
        return None
    near, far = sorted(roads[0].y, key=lambda kerb: abs(kerb - here.y))
    thing = car_along(rng, float(rng.uniform(6, 20)), far + float(np.sign(near - far)) * 1.1)
    if not scene.has_room(thing.xy, thing.half):
        return None
    return Difference("a car parked on the far side of the road", thing, None, light)


def _house_colour(rng: np.random.Generator, scene: Scene, here: Place, light: Daylight) -> Difference | None:
    houses = [thing for thing in scene.things if thing.name == "a house" and 3 < thing.xy[0] < 25]
    if not houses:
        return None
    house, paint = houses[rng.integers(len(houses))], np.array(_WALLS[rng.integers(len(_WALLS))], np.float32)
    (mesh,) = house.looks
    wall = mesh.colours[0]  # a house begins with its walls
    if np.abs(paint - wall).max() < _OTHER_COLOUR:
        return None
    colours = np.where((mesh.colours == wall).all(axis=1, keepdims=True), paint, mesh.colours)
    other = replace(house, looks=(replace(mesh, colours=colours),))
    return Difference("a house in another colour", other, house, light)


def _sign(rng: np.random.Generator, scene: Scene, here: Place, light: Daylight) -> Difference | None:
    paths = [each.y for each in scene.surfaces if each.label == "sidewalk"]
    edges = paths[0] if paths else (-1.0, 1.0)
    side = int(rng.integers(2))
    y = edges[side] + (-1, 1)[side] * float(rng.uniform(0.5, 1.6))
    thing = traffic_sign(rng, float(rng.uniform(3.5, 14)), y)
    if _label_under(scene, thing) in ("sidewalk", "road") or not scene.has_room(thing.xy, thing.half):
        return None
    return Difference("a traffic sign beside the way", thing, None, light)


def _sun(rng: np.random.Generator, scene: Scene, here: Place, light: Daylight) -> Difference | None:
    sun = draw_sun(rng, light.hour)
    if not light.sun_shines or sun @ light.sun > _OTHER_SUN:
        return None
    return Difference("the sun at another angle", None, None, replace(light, sun=sun))


Draw = Callable[[np.random.Generator, Scene, Place, Daylight], Difference | None]
"""From a stream, a scene, where the walker is, and its light."""
DRAW: Mapping[str, Draw] = {
    "obstacle": _before_the_walker(obstacle, "{} on the sidewalk"),
    "gap": _gap,
    "person": _before_the_walker(someone, "{} close ahead on the sidewalk"),
    "parked_car": _parked_car,
    "house_colour": _house_colour,
    "sign": _sign,
    "sun": _sun,
}
"""One for each of the spec's `KINDS`."""


def _ahead(rng: np.random.Generator, here: Place) -> tuple[float, float]:
    """A place before the walker."""
    ahead, aside = rng.uniform(*_AHEAD_M), rng.uniform(-_ASIDE_M, _ASIDE_M)
    c, s = np.cos(here.heading), np.sin(here.heading)
    return float(here.x + ahead * c - aside * s), float(here.y + ahead * s + aside * c)


def _surface(scene: Scene, x: float, y: float) -> Surface:
    return scene.surfaces[int(scene.topmost(np.array([(x, y)]))[0])]


def _label_under(scene: Scene, thing: Thing) -> str:
    """The label of the ground under the middle of a thing."""
    return _surface(scene, *thing.xy).label


def _hole(rng: np.random.Generator, along: float, across: float) -> Mesh:
    """A hole with a ragged rim, so many metres to each side: its far wall is in the light, and below it is dark."""
    shape = Shape(SemanticClass.OBSTACLE)
    edges = np.linspace(-across, across, 9)
    near, far = (side * along * rng.uniform(0.8, 1.0, 9) for side in (-1, 1))
    _stripe(shape, near, far, edges, _RIM)
    _stripe(shape, 0.86 * near, 0.92 * far, 0.95 * edges, _WALL)
    _stripe(shape, 0.86 * near, 0.5 * far, 0.93 * edges, _DEEP)
    return shape.mesh(recess=_FLAT_M)


def _stripe(shape: Shape, near: np.ndarray, far: np.ndarray, y: np.ndarray, colour: Colour) -> None:
    """Add what lies on the ground between two ragged lines, points (n,) at `y` each."""
    line = np.stack([near, far, y], axis=1).tolist()
    for (x0, x1, right), (x2, x3, left) in pairwise(line):
        shape.quad([(x0, right, 0), (x2, left, 0), (x3, left, 0), (x1, right, 0)], colour, (0, 0, 1))
