"""Cars that drive by: on a road along the way, and on one across it. Those of a lane drive at one speed."""

from roadcue.roadworld.sidewalk.scene import Scene
from roadcue.roadworld.sidewalk.things import car_across, car_along
from roadcue.roadworld.streams import Streams

_EVERY_S = 6.0
"""On a long walk a car may come by in each such time."""
_WALK_M_S = 1.3
"""About how fast the walker comes to where it will be."""
_AHEAD_M = (-2.0, 12.0)
"""So far ahead of him it then is."""
_AT_KERB_S = (2.0, 5.0)
"""After the first picture the walker comes to a road across his way."""


def drive_along(streams: Streams, scene: Scene, side: int, near: float, far: float) -> None:
    """Cars on a road on a side of the path, between two distances from its middle.

    On a long walk they drive one way, in the far lane: from the near one they would graze cars parked at the kerb.
    """
    times = range(1 + int(scene.reach / _WALK_M_S / _EVERY_S))
    speeds = streams.of("speeds along").uniform(5, 13, 2)
    for number in times:
        rng = streams.of("car along", number)
        if rng.random() > 0.35:
            continue
        forwards = bool(rng.random() < 0.5)
        if scene.reach:
            forwards = side < 0
        speed = float(speeds[0] if forwards else -speeds[1])
        lane = near + (far - near) * (0.72 if speed * side < 0 else 0.4)
        t = _EVERY_S * number
        x = float(rng.uniform(8, 22)) if number == 0 else _WALK_M_S * t + float(rng.uniform(*_AHEAD_M)) - speed * t
        scene.things.append(car_along(rng, x, side * lane, speed))


def drive_across(streams: Streams, scene: Scene, road: tuple[float, float]) -> None:
    """Cars on a road across the way, between two x: some in sight, and some that come when the walker is there."""
    begin, end = road
    speeds = streams.of("speeds across").uniform(2, 9, 2)
    for number in range(int(streams.of("cars across").integers(0, 4))):
        rng = streams.of("car across", number)
        nearer = bool(rng.random() < 0.5)
        speed = float(-speeds[0] if nearer else speeds[1])
        y = float(rng.uniform(-9, 9)) if number < 2 else -speed * float(rng.uniform(*_AT_KERB_S))
        thing = car_across(rng, begin + (0.27 if nearer else 0.73) * (end - begin), y, speed)
        if scene.has_room(thing.xy, thing.half):
            scene.things.append(thing)
