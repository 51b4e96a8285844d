"""A scene drawn at random around where the sidewalk and the road are meant to be.

What is meant only guides the drawing: labels are computed from the finished geometry, and a scene that is not clear
is drawn again. Every thing, and every stretch of ground, has a random stream of its own.
"""

from typing import NamedTuple

import numpy as np

from roadcue.roadworld.sidewalk.camera import Framing
from roadcue.roadworld.sidewalk.cars import drive_across, drive_along
from roadcue.roadworld.sidewalk.scene import Scene, Way
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
from roadcue.roadworld.sidewalk.things import RED_LIGHT, put, traffic_light
from roadcue.roadworld.streams import Streams

_NEAR_X, _FAR_X = (2.9, 4.8), (6.9, 18.0)
"""Where things are put at first: close, or well beyond."""
_CLOSE = 0.7
"""How often close."""
_STRETCH_M = 15.0
"""Farther on, as many things are put on so many metres."""
_NEAR_CAR_X, _FAR_CAR_X = (5.4, 7.1), (9.3, 20.0)
"""The same of the middle of a car."""
_VERGE_M, _FROM_EDGE_M, _FROM_KERB_M = 0.5, 0.3, 0.35
"""The walker's middle may come so far beside the path, and is better so far within it; and so far from a road."""
_LEAST_M = 1.5
"""Whoever must may come so far from the line that he walks on, or from a narrow path's middle."""


class _Ground(NamedTuple):
    """Half the path's width, 0 without one; where the walker is left of its middle; whether the ground is grass."""

    half: float
    walker: float
    grassy: bool

    def edge(self, side: int) -> float:
        """How far from the path's middle its border, or the walker, is on a side: +1 left, -1 right."""
        return max(self.half, self.walker * side + 0.6)

    def way(self, road: tuple[float, float] | None = None, kerbs: tuple[float, float] = (np.inf, np.inf)) -> Way:
        """Where one may walk, with a road across or with the kerbs of roads right and left of the path's middle."""
        free = [min(max(self.half + _VERGE_M, _LEAST_M), kerb - _FROM_KERB_M) for kerb in kerbs]
        best = [min(max(self.half - _FROM_EDGE_M, 0.4), each) for each in free]
        return Way(-free[0], free[1], -best[0], best[1], road)


def draw_scene(streams: Streams, sidewalk: str, road: str, framing: Framing, reach: float, season: str) -> Scene:
    """A scene with the sidewalk and the road about where the SENSATION positions say, in the picture of a camera.

    `reach`: so many metres farther than of a short walk.
    """
    rng = streams.of("layout")
    astray = sidewalk in ("Left", "Right")
    half = 0.0 if sidewalk == "Outside" else rng.uniform(0.8, 1.7)
    beside = rng.uniform(1.4, 2.6) * framing.wide
    walker = {"Center": rng.uniform(-0.5, 0.5), "Left": -beside, "Right": beside, "Outside": 0.0}[sidewalk]
    ground = _Ground(half, walker, grassy=bool(rng.random() < 0.6))
    scene = Scene(reach=reach, start=walker, astray=astray, season=season)
    lay_base(streams.of("base"), scene, ground.grassy)
    if road == "Not present":
        _away_from_roads(streams, scene, ground)
    elif road == "Front":
        _before_a_road(streams, scene, ground, framing.beyond)
    else:
        _beside_a_road(streams, scene, ground, 1 if road == "Left" else -1)
    strew(streams.of("tufts"), scene)
    return scene


def _beside_a_road(streams: Streams, scene: Scene, ground: _Ground, side: int) -> None:
    rng, half = streams.of("road"), ground.half
    beyond_the_path = ground.walker * side < -1
    near = ground.edge(side) + rng.uniform(0.15, 0.6 if beyond_the_path else 2.2)
    far = near + rng.uniform(5.8, 7.2)
    if half:
        lay_path(streams.of("path"), scene, 2 * half, [(BEHIND_M, FAR_M + scene.reach)], park=False)
        if near - half > 0.6 and rng.random() < 0.6:
            low, high = sorted((side * (half + 0.1), side * near))
            strip = streams.of("strip")
            lay_strip(strip, scene, (BEHIND_M, FAR_M + scene.reach), (low, high), grassy=bool(strip.random() < 0.7))
    right, left = sorted((side * near, side * far))
    lay_road_along(streams.of("asphalt"), scene, (right, left))
    scene.way = ground.way(kerbs=(np.inf, near) if side > 0 else (near, np.inf))
    scene.beside[_name(side)] = "a road"
    _line(streams, scene, ground, -side, (-3.0, 40.0 + scene.reach))
    opposite = streams.of("opposite")
    if opposite.random() < 0.6:
        beyond, what = far + opposite.uniform(1.5, 6), str(opposite.choice(["houses", "wall", "hedge"]))
        line_with(opposite, scene, side, beyond, (0.0, 50.0 + scene.reach), what)
    drive_along(streams, scene, side, near, far)
    at_kerb = (side * (near + 1.1), side * (near + 1.1))
    if streams.of("close car").random() < 0.45:
        put(streams.of("close car", 0), scene, "road", _NEAR_CAR_X, at_kerb)
    _strip(streams.within("parked cars"), scene, "road", at_kerb, 2, _FAR_CAR_X, _FAR_CAR_X[1])
    if near - half > 0.7 and half:
        _strip(streams.within("verge"), scene, "verge", (side * (half + 0.25), side * (near - 0.25)), 6)
    _furnish_path(streams, scene, ground)
    edge = ground.edge(-side)
    _strip(streams.within("open"), scene, "open", (-side * (edge + 0.2), -side * (edge + 2.0)), 5)


def _before_a_road(streams: Streams, scene: Scene, ground: _Ground, beyond: float) -> None:
    """A road across the way ahead; without a path, as often, the walker is on the road itself."""
    rng, half, to = streams.of("road"), ground.half, 18.0 + beyond
    if not half and rng.random() < 0.5:
        lay_road_along(streams.of("asphalt"), scene, (-rng.uniform(2.4, 3.8), rng.uniform(2.4, 3.8)))
        scene.way = ground.way()
        for side in (1, -1):
            _strip(streams.within("open", side), scene, "open", (side * 4.2, side * 7.0), 4)
        return
    begin = rng.uniform(4.6, 7.2) + beyond
    end = begin + rng.uniform(5.5, 7.0)
    zebra = 2 * half + 0.6 if half and rng.random() < 0.7 else 0.0
    if half:
        goes_on = [(end, FAR_M + scene.reach)] if rng.random() < 0.75 or scene.reach else []
        lay_path(streams.of("path"), scene, 2 * half, [(BEHIND_M, begin), *goes_on], park=False)
    lay_road_across(streams.of("asphalt"), scene, (begin, end), zebra)
    scene.way = ground.way(road=(begin, end))
    for side in (1, -1):
        _line(streams.within("near"), scene, ground, side, (-3.0, begin - 1.5))
        _line(streams.within("far"), scene, ground, side, (end + 2.0, 45.0 + scene.reach))
    scene.beside.clear()  # what borders the path ends at the road
    light = streams.of("traffic light")
    if half and light.random() < 0.4:
        side, x = int(light.choice([-1, 1])), float(light.choice([begin - 0.5, end + 0.5]))
        thing = traffic_light(light, x, side * (half + 0.35))
        if thing.name != RED_LIGHT or not scene.reach:  # it does not change, and long walks shall cross
            scene.things.append(thing)
    drive_across(streams, scene, (begin, end))
    _furnish_path(streams, scene, ground)
    for side in (1, -1):
        verge = (side * (ground.edge(side) + 0.2), side * (ground.edge(side) + 1.4))
        _strip(streams.within("verge", side), scene, "verge", verge, 4, (2.9, begin - 0.6), None)
        _strip(streams.within("open", side), scene, "open", (side * (half + 0.6), side * 5.0), 3, (end + 0.8, to), to)


def _away_from_roads(streams: Streams, scene: Scene, ground: _Ground) -> None:
    """A path through a park or between houses, or open ground."""
    if ground.half:
        rng = streams.of("path")
        park = ground.grassy and bool(rng.random() < 0.6)
        lay_path(rng, scene, 2 * ground.half, [(BEHIND_M, FAR_M + scene.reach)], park)
    scene.way = ground.way()
    for side in (1, -1):
        _line(streams, scene, ground, side, (-3.0, 45.0 + scene.reach))
        edge = ground.edge(side)
        _strip(streams.within("open", side), scene, "open", (side * (edge + 0.3), side * (edge + 2.8)), 6)
    _furnish_path(streams, scene, ground)


def _line(streams: Streams, scene: Scene, ground: _Ground, side: int, x: tuple[float, float]) -> None:
    """Line one side of the path with something, or with nothing but the ground."""
    rng = streams.of("lining", side)
    what = str(rng.choice(["houses", "hedge", "wall", "fence", "nothing"], p=[0.26, 0.2, 0.14, 0.12, 0.28]))
    if what == "nothing":
        scene.beside[_name(side)] = "a grassy area" if ground.grassy else "open ground"
        return
    gap = rng.uniform(1.2, 4.0) if what == "houses" else rng.uniform(0.4, 2.4)
    scene.beside[_name(side)] = line_with(rng, scene, side, ground.edge(side) + gap, x, what)


def _furnish_path(streams: Streams, scene: Scene, ground: _Ground) -> None:
    y = (0.95 * ground.half, -0.95 * ground.half) if ground.half else (1.6, -1.6)
    _strip(streams.within("path"), scene, "path" if ground.half else "open", y, 5)


def _strip(
    streams: Streams,
    scene: Scene,
    place: str,
    y: tuple[float, float],
    most: int,
    x: tuple[float, float] | None = None,
    farther: float | None = _FAR_X[1],
) -> None:
    """Up to `most` things on a strip between two `y`; between two `x`, or as often close as farther away.

    From `farther` on as many on each stretch that the walker comes to, if he does; None: no more.
    """
    low, high = sorted(y)
    ends = np.arange(farther, farther + scene.reach, _STRETCH_M) if farther else ()
    spans = [x, *((float(end), float(end) + _STRETCH_M) for end in ends)]
    for stretch, span in enumerate(spans):
        for number in range(int(streams.of(stretch, "count").integers(0, most + 1))):
            rng = streams.of(stretch, number)
            put(rng, scene, place, span or (_NEAR_X if rng.random() < _CLOSE else _FAR_X), (low, high))


def _name(side: int) -> str:
    return "left" if side > 0 else "right"
