"""What is put onto and beside the path: people, bicycles, cars, signs, lights, trees, bushes, things in the way."""

from collections.abc import Callable, Mapping
from functools import lru_cache, partial

import numpy as np

from roadcue.roadworld.furniture import bench, bin_, bollard, hydrant, sign
from roadcue.roadworld.people import person
from roadcue.roadworld.shapes import SEASONS, STYLES, barrier, cone, lamp_post, tree
from roadcue.roadworld.sidewalk.furniture import board, bush, pedestrian_light, scooter
from roadcue.roadworld.sidewalk.scene import Scene, Thing
from roadcue.roadworld.sidewalk.walker import ROOM_M
from roadcue.roadworld.vehicles import bicycle, car

Maker = Callable[[np.random.Generator, float, float], Thing]
"""Makes a thing in the middle of (x, y)."""
RED_LIGHT = "a red traffic light"
_WALK_M_S = (0.9, 1.5)
_STRIDE = (0, 3, 4, 3, 0, -3, -4, -3)
"""How far the legs are apart in the course of a stride, as `person` takes it."""
_PASSING_M = 1.5
"""Between things that stand nearer to each other along the way nobody goes to and fro."""
_EASE_M = 0.1
"""More than he needs, on either side."""
_CAR_HALF_M, _CAR_MIDDLE_M = (2.35, 0.95, 1.5), 1.45
"""Half a car's extent, and where its middle is before its origin, the rear axle."""


def someone(rng: np.random.Generator, x: float, y: float) -> Thing:
    """A person who walks ahead or towards the camera, or stands."""
    style, gait = int(rng.integers(STYLES)), int(rng.integers(3))
    heading = (0.0, np.pi, float(rng.uniform(0, 2 * np.pi)))[gait]
    first, speed = int(rng.integers(len(_STRIDE))), float(rng.uniform(*_WALK_M_S))
    strides = (0,) if gait == 2 else _STRIDE[first:] + _STRIDE[:first]
    looks = tuple(person(style, stride) for stride in strides)
    velocity = ((speed, -speed, 0.0)[gait], 0.0)
    return Thing("person", "a person", looks, (x, y), heading, (0.28, 0.32, 1.75), velocity)


def parked_bicycle(rng: np.random.Generator, x: float, y: float) -> Thing:
    """A bicycle along the path or across it."""
    across = bool(rng.random() < 0.4)
    half = (0.28, 0.86, 1.05) if across else (0.86, 0.28, 1.05)
    heading = np.pi / 2 if across else float(rng.choice([0.0, np.pi]))
    return Thing("bicycle", "a bicycle", (bicycle(int(rng.integers(STYLES))),), (x, y), heading, half)


def car_along(rng: np.random.Generator, x: float, y: float, speed: float = 0.0) -> Thing:
    """A car along the path: parked, or with a `speed` in m/s, backwards for one that comes nearer."""
    heading = np.pi if speed < 0 or (speed == 0 and rng.random() < 0.3) else 0.0
    mesh = car(int(rng.integers(STYLES)))
    return Thing("car", "a car", (mesh,), (x, y), heading, _CAR_HALF_M, (speed, 0.0), -_CAR_MIDDLE_M)


def car_across(rng: np.random.Generator, x: float, y: float, speed: float) -> Thing:
    """A car on a road across the path, with a `speed` in m/s, to the left when positive."""
    along, across, height = _CAR_HALF_M
    heading = np.pi / 2 if speed > 0 else -np.pi / 2
    mesh = car(int(rng.integers(STYLES)))
    return Thing("car", "a car", (mesh,), (x, y), heading, (across, along, height), (0.0, speed), -_CAR_MIDDLE_M)


def traffic_sign(rng: np.random.Generator, x: float, y: float) -> Thing:
    """A sign that the walker sees from the front."""
    mesh, heading = sign(int(rng.integers(STYLES))), float(rng.uniform(-0.3, 0.3))
    return Thing("traffic_sign", "a traffic sign", (mesh,), (x, y), heading, (0.1, 0.4, 2.2), base=1.4)


def traffic_light(rng: np.random.Generator, x: float, y: float) -> Thing:
    """A light that the walker sees from the front."""
    red, heading = bool(rng.random() < 0.5), float(rng.uniform(-0.2, 0.2))
    name = RED_LIGHT if red else "a green traffic light"
    return Thing("traffic_light", name, (pedestrian_light(red),), (x, y), heading, (0.1, 0.3, 2.4), base=1.45)


def obstacle(rng: np.random.Generator, x: float, y: float) -> Thing:
    """Street furniture, or what somebody has left in the way."""
    style = int(rng.integers(STYLES))
    name, mesh, half = (
        ("a trash bin", bin_(style), (0.3, 0.3, 1.05)),
        ("a bollard", bollard(style), (0.15, 0.15, 0.95)),
        ("a bench", bench(style), (0.9, 0.3, 0.9)),
        ("a hydrant", hydrant(), (0.2, 0.25, 0.8)),
        ("a parked scooter", scooter(style), (0.6, 0.28, 1.15)),
        ("an advertising board", board(style), (0.25, 0.38, 1.1)),
        ("a traffic cone", cone(), (0.25, 0.25, 0.9)),
        ("a construction barrier", barrier(), (0.15, 1.2, 1.4)),
    )[int(rng.choice(8, p=[0.2, 0.2, 0.12, 0.08, 0.14, 0.1, 0.1, 0.06]))]
    return Thing("obstacle", name, (mesh,), (x, y), 0.0, half)


def lamp(rng: np.random.Generator, x: float, y: float) -> Thing:
    """A lamp post, whose arm reaches away from the path's middle; it counts as an obstacle."""
    heading = np.pi if y > 0 else 0.0
    return Thing("obstacle", "a lamp post", (lamp_post(),), (x, y), heading, (0.12, 0.12, 2.0))


def a_tree(rng: np.random.Generator, x: float, y: float, season: str) -> Thing:
    """A tree; only its trunk counts as its extent, under whose crown one sees through."""
    mesh = tree(int(rng.integers(5, 10)), int(rng.integers(STYLES)), season)
    return Thing("trees", "a tree", (mesh,), (x, y), 0.0, (0.35, 0.35, 2.0))


def a_bush(rng: np.random.Generator, x: float, y: float) -> Thing:
    """A bush."""
    return Thing("plants", "a bush", (bush(int(rng.integers(STYLES))),), (x, y), 0.0, (0.6, 0.75, 1.1))


@lru_cache(maxsize=len(SEASONS))
def places(season: str) -> Mapping[str, Mapping[Maker, float]]:
    """What is found where in a season, and how often."""
    tree_of_it = partial(a_tree, season=season)
    return {
        "path": {someone: 0.36, obstacle: 0.32, parked_bicycle: 0.18, traffic_sign: 0.08, traffic_light: 0.06},
        "verge": {
            tree_of_it: 0.18,
            traffic_sign: 0.2,
            lamp: 0.12,
            obstacle: 0.12,
            parked_bicycle: 0.14,
            a_bush: 0.1,
            traffic_light: 0.14,
        },
        "road": {car_along: 1.0},
        "open": {
            tree_of_it: 0.22,
            a_bush: 0.18,
            obstacle: 0.12,
            parked_bicycle: 0.16,
            someone: 0.1,
            traffic_sign: 0.1,
            traffic_light: 0.12,
        },
    }


def put(rng: np.random.Generator, scene: Scene, place: str, x: tuple[float, float], y: tuple[float, float]) -> None:
    """Put something that belongs there into a rectangle of the scene, if there is room, and not on a road across."""
    shares = places(scene.season)[place]
    maker = list(shares)[rng.choice(len(shares), p=list(shares.values()))]
    thing = maker(rng, float(rng.uniform(*x)), float(rng.uniform(*y)))
    if scene.has_room(thing.xy, thing.half) and not _on_road_across(scene, thing) and _leaves_a_way(scene, thing):
        scene.things.append(thing)


def _on_road_across(scene: Scene, thing: Thing) -> bool:
    begin, end = scene.way.road or (np.inf, np.inf)
    return begin - thing.half[0] < thing.xy[0] < end + thing.half[0]


def _leaves_a_way(scene: Scene, thing: Thing) -> bool:
    """Whether one who walks far can get past it."""
    if not scene.reach or thing.walks:
        return True
    beside = [
        (other.xy[1], other.half[1])
        for other in (*scene.things, thing)
        if abs(other.xy[0] - thing.xy[0]) < other.half[0] + thing.half[0] + _PASSING_M and not other.walks
    ]
    lanes = np.arange(scene.way.low, scene.way.high, 0.1)
    return any(all(abs(lane - y) > half + ROOM_M + _EASE_M for y, half in beside) for lane in lanes.tolist())
