"""A scene drawn at random around where the sidewalk and the road are meant to be.

What is meant only guides the drawing: labels are computed from the finished geometry, and a scene that is not clear
is drawn again.
"""

from typing import NamedTuple

import numpy as np

from roadcue.roadworld.sidewalk.camera import Framing
from roadcue.roadworld.sidewalk.scene import Scene
from roadcue.roadworld.sidewalk.spec import FRAMES
from roadcue.roadworld.sidewalk.street import (
    BEHIND_M,
    FAR_M,
    lay_base,
    lay_path,
    lay_road_across,
    lay_road_along,
    lay_strip,
    line_with,
    strew,
)
from roadcue.roadworld.sidewalk.things import car_across, car_along, put, traffic_light

_STEP_M = 0.4
"""Walked from one frame to the next."""
_NEAR_X, _FAR_X = (2.9, 4.8), (6.9, 18.0)
"""Where things are put in the first frame: close, or well beyond."""
_CLOSE = 0.7
"""How often close."""
_NEAR_CAR_X, _FAR_CAR_X = (5.4, 7.1), (9.3, 20.0)
"""The same of the middle of a car."""


class _Way(NamedTuple):
    """Half the path's width, 0 without one; where the walker is left of its middle; whether the ground is grass."""

    half: float
    walker: float
    grassy: bool

    def edge(self, side: int) -> float:
        """How far from the path's middle its border, or the walker, is on a side: +1 left, -1 right."""
        return max(self.half, self.walker * side + 0.6)


def draw_scene(rng: np.random.Generator, sidewalk: str, road: str, framing: Framing) -> Scene:
    """A scene with the sidewalk and the road about where the SENSATION positions say, in the picture of a camera."""
    scene = Scene()
    half = 0.0 if sidewalk == "Outside" else rng.uniform(0.8, 1.7)
    beside = rng.uniform(1.4, 2.6) * framing.wide
    walker = {"Center": rng.uniform(-0.5, 0.5), "Left": -beside, "Right": beside, "Outside": 0.0}[sidewalk]
    way = _Way(half, walker, grassy=bool(rng.random() < 0.6))
    scene.camera_xy = np.stack([np.arange(FRAMES) * _STEP_M, np.full(FRAMES, walker)], axis=1)
    scene.camera_heading = np.radians(rng.uniform(-5, 5) + rng.normal(0, 0.7, FRAMES))
    lay_base(rng, scene, way.grassy)
    if road == "Not present":
        _away_from_roads(rng, scene, way)
    elif road == "Front":
        _before_a_road(rng, scene, way, framing.beyond)
    else:
        _beside_a_road(rng, scene, way, 1 if road == "Left" else -1)
    strew(rng, scene)
    return scene


def _beside_a_road(rng: np.random.Generator, scene: Scene, way: _Way, side: int) -> None:
    beyond_the_path = way.walker * side < -1
    near = way.edge(side) + rng.uniform(0.15, 0.6 if beyond_the_path else 2.2)
    far = near + rng.uniform(5.8, 7.2)
    if way.half:
        lay_path(rng, scene, 2 * way.half, [(BEHIND_M, FAR_M)], park=False)
        if near - way.half > 0.6 and rng.random() < 0.6:
            strip = sorted((side * (way.half + 0.1), side * near))
            lay_strip(rng, scene, (BEHIND_M, FAR_M), (strip[0], strip[1]), grassy=bool(rng.random() < 0.7))
    kerbs = sorted((side * near, side * far))
    lay_road_along(rng, scene, (kerbs[0], kerbs[1]))
    scene.beside[_name(side)] = "a road"
    _line(rng, scene, way, -side, (-3.0, 40.0))
    if rng.random() < 0.6:
        line_with(
            rng, scene, side, far + rng.uniform(1.5, 6), (0.0, 50.0), str(rng.choice(["houses", "wall", "hedge"]))
        )
    if rng.random() < 0.35:
        speed = float(rng.uniform(1.5, 4) * rng.choice([-1, 1]))
        lane = near + (far - near) * (0.72 if speed * side < 0 else 0.4)
        scene.things.append(car_along(rng, float(rng.uniform(8, 22)), side * lane, speed))
    for x in [_NEAR_CAR_X] * int(rng.random() < 0.45) + [_FAR_CAR_X] * int(rng.integers(0, 3)):
        put(rng, scene, "road", x, (side * (near + 1.1), side * (near + 1.1)))
    if near - way.half > 0.7 and way.half:
        _furnish(rng, scene, "verge", (side * (way.half + 0.25), side * (near - 0.25)), 6)
    _furnish_path(rng, scene, way)
    _furnish(rng, scene, "open", (-side * (way.edge(-side) + 0.2), -side * (way.edge(-side) + 2.0)), 5)


def _before_a_road(rng: np.random.Generator, scene: Scene, way: _Way, beyond: float) -> None:
    """A road across the way ahead; without a path, as often, the walker is on the road itself."""
    if not way.half and rng.random() < 0.5:
        lay_road_along(rng, scene, (-rng.uniform(2.4, 3.8), rng.uniform(2.4, 3.8)))
        for side in (1, -1):
            _furnish(rng, scene, "open", (side * 4.2, side * 7.0), 4)
        return
    begin = rng.uniform(4.6, 7.2) + beyond
    end = begin + rng.uniform(5.5, 7.0)
    zebra = 2 * way.half + 0.6 if way.half and rng.random() < 0.7 else 0.0
    if way.half:
        goes_on = [(end, FAR_M)] if rng.random() < 0.75 else []
        lay_path(rng, scene, 2 * way.half, [(BEHIND_M, begin), *goes_on], park=False)
    lay_road_across(rng, scene, (begin, end), zebra)
    for side in (1, -1):
        _line(rng, scene, way, side, (-3.0, begin - 1.5))
        _line(rng, scene, way, side, (end + 2.0, 45.0))
    scene.beside.clear()  # what borders the path ends at the road
    if way.half and rng.random() < 0.4:
        side = int(rng.choice([-1, 1]))
        scene.things.append(traffic_light(rng, float(rng.choice([begin - 0.5, end + 0.5])), side * (way.half + 0.35)))
    for _ in range(int(rng.integers(0, 3))):
        lane, speed = rng.choice([0.27, 0.73]), float(rng.uniform(0.5, 3))
        across = car_across(
            rng, begin + lane * (end - begin), float(rng.uniform(-9, 9)), speed if lane > 0.5 else -speed
        )
        if scene.has_room(across.xy, across.half):
            scene.things.append(across)
    _furnish_path(rng, scene, way)
    for side in (1, -1):
        _furnish(
            rng, scene, "verge", (side * (way.edge(side) + 0.2), side * (way.edge(side) + 1.4)), 4, (2.9, begin - 0.6)
        )
        _furnish(rng, scene, "open", (side * (way.half + 0.6), side * 5.0), 3, (end + 0.8, 18.0 + beyond))


def _away_from_roads(rng: np.random.Generator, scene: Scene, way: _Way) -> None:
    """A path through a park or between houses, or open ground."""
    if way.half:
        lay_path(rng, scene, 2 * way.half, [(BEHIND_M, FAR_M)], park=way.grassy and bool(rng.random() < 0.6))
    for side in (1, -1):
        _line(rng, scene, way, side, (-3.0, 45.0))
        _furnish(rng, scene, "open", (side * (way.edge(side) + 0.3), side * (way.edge(side) + 2.8)), 6)
    _furnish_path(rng, scene, way)


def _line(rng: np.random.Generator, scene: Scene, way: _Way, side: int, x: tuple[float, float]) -> None:
    """Line one side of the path with something, or with nothing but the ground."""
    what = str(rng.choice(["houses", "hedge", "wall", "fence", "nothing"], p=[0.26, 0.2, 0.14, 0.12, 0.28]))
    if what == "nothing":
        scene.beside[_name(side)] = "a grassy area" if way.grassy else "open ground"
        return
    gap = rng.uniform(1.2, 4.0) if what == "houses" else rng.uniform(0.4, 2.4)
    scene.beside[_name(side)] = line_with(rng, scene, side, way.edge(side) + gap, x, what)


def _furnish_path(rng: np.random.Generator, scene: Scene, way: _Way) -> None:
    y = (0.95 * way.half, -0.95 * way.half) if way.half else (1.6, -1.6)
    _furnish(rng, scene, "path" if way.half else "open", y, 5)


def _furnish(
    rng: np.random.Generator,
    scene: Scene,
    place: str,
    y: tuple[float, float],
    most: int,
    x: tuple[float, float] | None = None,
) -> None:
    """Up to `most` things on a strip between two `y`; between two `x`, or as often close as farther away."""
    for _ in range(int(rng.integers(0, most + 1))):
        span = x or (_NEAR_X if rng.random() < _CLOSE else _FAR_X)
        put(rng, scene, place, span, (min(y), max(y)))


def _name(side: int) -> str:
    return "left" if side > 0 else "right"
