"""Reasons to drive otherwise: what is put into a drive at a moment, where it must be for the ego to heed it.

Each may have begun half a second before; the ego has not reacted to it yet.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from roadcue.roadworld.clusters import Mix
from roadcue.roadworld.driver import Driver
from roadcue.roadworld.holds import Light, StopLine, Zebra
from roadcue.roadworld.population import HALF_IN_LANE_M, TO_SECOND_LANE_M, Lights, on_route
from roadcue.roadworld.road import LANE_CENTRE_M, STEP_M, STOP_LINE_M, Detour, Route, Streets, Works
from roadcue.roadworld.shapes import STYLES
from roadcue.roadworld.traffic import DT_S, FRONT_M, REAR_M, Car, CutIn, Pedestrian, Traffic

SLOWEST = 4.0
"""Of the ego in m/s, at the moment of a pair."""
_BEFORE_S = 0.5
"""How long before the moment a reason may begin."""
_RAMP_M = 16.0
"""Within which drivers come to the offset of a detour, and leave it."""


@dataclass(frozen=True)
class Change:
    """What one half has and the other has not: `thing`, in words.

    `place` is where a thing of the same kind stands in the other half, among the other cars or the lights; None for
    a thing that is added. Nobody parks beside the right lane between the arc lengths of `kerb`.
    """

    words: str
    thing: Car | Pedestrian | Works | Light
    place: int | None = None
    kerb: tuple[tuple[float, float], ...] = ()


@dataclass
class Scene:
    """Streets and everybody on them at the time step to which they were simulated."""

    streets: Streets
    lights: Lights
    traffic: Traffic
    step: int = field(init=False, default=0)

    def run_to(self, step: int) -> None:
        """Simulate as far as a time step."""
        self.traffic.run(step + 1 - len(self.traffic.ego.track))
        self.step = step

    @property
    def ego(self) -> Car:
        """The car whose driver has a reason."""
        return self.traffic.ego

    @property
    def front(self) -> float:
        """Arc length on the main road of the ego's front bumper."""
        path = self.ego.route.path
        return self.streets.main.nearest(path.along(path.xy, self.ego.s)) + FRONT_M

    @property
    def leader(self) -> Car | None:
        """The car before the ego."""
        lane = self.traffic.lanes[0]
        return self.ego.leader(lane, lane.index(self.ego))

    def is_free(self, begin: float, end: float) -> bool:
        """Is nothing on the right lane of the main road in a thing's way, and no junction or crossing either?"""
        streets, on_road = self.streets, end < self.streets.main.length - 60
        places = [(junction.s - 14, junction.s + 14) for junction in streets.junctions]
        places += [(s - 6, s + 6) for s in (*streets.crossings, *streets.debris)]
        places += [(works.begin - 10, works.end + 2) for works in streets.works] + list(streets.kerb_in_use)
        return on_road and not any(begin < last and first < end for first, last in places)


def _pedestrian(rng: np.random.Generator, scene: Scene) -> Change | None:
    """Someone at the kerb, on a zebra crossing or without one, who has taken the first step."""
    front, speed = scene.front + 4, scene.ego.speed  # cars wait 4 m before
    nearest, farthest = speed**2 / 4.4 + 4, 3.0 * speed + 8
    zebras = [s for s in scene.streets.crossings if front + nearest < s < front + farthest]
    s, side = zebras[0] if zebras else front + rng.uniform(nearest, 0.5 * (nearest + farthest)), -1
    if zebras:
        side = int(rng.choice([-1, 1]))
    elif not scene.is_free(s - 4, s + 4):
        return None
    someone = Pedestrian(s, side, rng.uniform(1.1, 1.7), patience=0.0, style=_style(rng), walking=True)
    someone.offset -= someone.side * someone.speed * _BEFORE_S
    someone.track = [(someone.offset, True)] * (scene.step + 1)
    for lane, offset in zip(scene.traffic.lanes[:2], (-LANE_CENTRE_M, LANE_CENTRE_M), strict=True):
        for car in lane:
            zebra = Zebra(on_route(car.route, scene.streets, s + np.sign(offset) * 4, offset), [someone], offset)
            if not someone.is_safe(car, zebra):
                return None
            car.heed(zebra)
    scene.traffic.people.append(someone)
    where = "on the zebra crossing" if zebras else "where there is no zebra crossing"
    words = f"someone sets out to cross the road {where}, {s - scene.front:.0f} m ahead"
    return Change(words, someone, kerb=((s - 20, s + 9),))  # parked cars would hide whoever it is


def _red_light(rng: np.random.Generator, scene: Scene) -> Change | None:
    """The next light has turned red, and the ego can still stop."""
    now, speed = scene.step * DT_S, scene.ego.speed
    nearest, farthest = speed**2 / 6 + 3, 3.5 * speed + 8
    for place, (junction, light) in enumerate(scene.lights):
        gap = junction.s - STOP_LINE_M - scene.front
        if nearest < gap < farthest and light.colour(now) == "green":
            red = light.red_from(now - rng.uniform(0, _BEFORE_S))
            for car in (scene.ego, *scene.traffic.others):
                for hold in car.holds:
                    if isinstance(hold, StopLine) and hold.light is light:
                        hold.light = red
            scene.lights = (*scene.lights[:place], (junction, red), *scene.lights[place + 1 :])
            return Change(f"the traffic light {gap:.0f} m ahead is red, and not green", red, place)
    return None


def _works(rng: np.random.Generator, scene: Scene) -> Change | None:
    """A construction site in the right part of the lane."""
    begin = scene.front + rng.uniform(15.5, 21)
    works = Works(begin, begin + rng.uniform(8, 24))
    if not scene.is_free(begin - 10, works.end + 4):
        return None
    if not _go_round(scene, works.begin - 2, works.end + 2, 1.3):
        return None
    scene.streets = replace(scene.streets, works=(*scene.streets.works, works))
    words = f"cones and a board mark a construction site in the lane, {begin - scene.front:.0f} m ahead"
    return Change(words, works, kerb=((works.begin - 13, works.end + 4),))


def _standing_vehicle(rng: np.random.Generator, scene: Scene) -> Change | None:
    """A vehicle that stands half in the lane."""
    gap, kind = rng.uniform(20.5, 25), "truck" if rng.random() < 0.6 else "car"
    s, on_main = scene.ego.front + gap + REAR_M, scene.front + gap
    route = scene.ego.route
    if not scene.is_free(on_main - 8, on_main + 10) or not _go_round(scene, on_main - 7, on_main + 8, 1.4):
        return None
    car = Car(Route(route.path), Driver(1.0), s, 0.0, _style(rng), kind, HALF_IN_LANE_M, parked=True)
    car.track = [(s, 0.0, 0.0)] * (scene.step + 1)
    scene.traffic.lanes.append([car])
    words = f"a {kind} stands half in the lane, {gap:.0f} m ahead"
    return Change(words, car, kerb=((on_main - 8, on_main + 10),))


def _braking_car(rng: np.random.Generator, scene: Scene) -> Change | None:
    """The car before the ego, which drives in both halves, brakes as hard as it can."""
    lead, steps = scene.leader, round(_BEFORE_S / DT_S)
    if lead is None or lead.speed < SLOWEST or min(accel for _, _, accel in lead.track[-steps:]) < -0.3:
        return None
    if not 6 < lead.rear - scene.ego.front < 2.5 * scene.ego.speed:
        return None
    place = scene.traffic.others.index(lead)
    del lead.track[-steps:]
    lead.s, lead.speed, lead.accel = lead.track[-1]
    lead.driver = _Braking(**vars(lead.driver))
    for _ in range(steps):
        lead.step(scene.step * DT_S, None)
    return Change(
        f"the car {lead.rear - scene.ego.front:.0f} m ahead brakes hard, and its lights say so", lead, place
    )


def _car_from_kerb(rng: np.random.Generator, scene: Scene) -> Change | None:
    """A car that comes from the kerb into the lane."""
    speed, steps = rng.uniform(2.0, 3.0), round(_BEFORE_S / DT_S)
    closing = max(scene.ego.speed - speed, 0)
    gap = closing**2 / 6 + closing + 3 + rng.uniform(1, 6)  # as those who do so by themselves wait for
    s, on_main, leader = scene.ego.front + gap + REAR_M, scene.front + gap, scene.leader
    if not scene.is_free(on_main - 6, on_main + 22) or (leader and leader.rear < s + FRONT_M + 8 + speed):
        return None
    driver = Driver(0.9 * scene.ego.driver.desired_speed)
    car = Car(Route(scene.ego.route.path), driver, s, speed, _style(rng), aside=TO_SECOND_LANE_M)
    car.holds = [hold for hold in scene.ego.holds if isinstance(hold, StopLine | Zebra)]
    car.merging = (s - 5, s + 10)
    car.track = [(s, speed, 0.0)] * (scene.step + 1 - steps)
    for _ in range(steps):
        car.step(scene.step * DT_S, None)
    scene.traffic.lanes.append([car])
    scene.traffic.cut_ins.append(CutIn(car, scene.traffic.lanes[-1], 0.0, 0.0))
    words = f"a car pulls out from the kerb, {car.rear - scene.ego.front:.0f} m ahead"
    return Change(words, car, kerb=((on_main - 8, on_main + 22),))


def _go_round(scene: Scene, begin: float, end: float, offset: float) -> bool:
    """Let the ego drive `offset` metres farther left between arc lengths of the main road; oncoming cars make room.

    False, and nothing is changed, where somebody is before the ego or beside it who would not.
    """
    ego, oncoming = scene.ego, scene.traffic.lanes[1]
    streets = scene.streets
    detour = Detour(on_route(ego.route, streets, begin), on_route(ego.route, streets, end), offset, _RAMP_M)
    theirs = []
    for car in oncoming:
        first, last = (on_route(car.route, streets, s, LANE_CENTRE_M) for s in (end, begin))
        theirs.append(Detour(first, last, -0.5, _RAMP_M))
    beside = any(
        each.begin - _RAMP_M <= car.s < each.end + _RAMP_M for car, each in zip(oncoming, theirs, strict=True)
    )
    after = detour.end + _RAMP_M
    behind_one = scene.leader is not None and scene.leader.rear < after
    if beside or behind_one or detour.begin - _RAMP_M < ego.s + 1 or ego.route.turn[0] < after:
        return False
    for car, each in zip([ego, *oncoming], [detour, *theirs], strict=True):
        path = car.route.path
        car.take(path.shifted(each.offset * each.share(STEP_M * np.arange(len(path.xy)))))
    return True


class _Braking(Driver):
    """Who brakes as hard as tyres hold, whatever is ahead."""

    def free_accel(self, speed: float, limit: float) -> float:
        return -6.0


def _style(rng: np.random.Generator) -> int:
    return int(rng.integers(STYLES))


INSERT: dict[str, Callable[[np.random.Generator, Scene], Change | None]] = {
    "pedestrian": _pedestrian,
    "red_light": _red_light,
    "works": _works,
    "standing_vehicle": _standing_vehicle,
    "braking_car": _braking_car,
    "car_from_kerb": _car_from_kerb,
}
"""The reasons of a pair, by its kind."""


def mix_for(kind: str, mix: Mix) -> Mix:
    """What a drive is full of, so that a reason of that kind finds its place in it."""
    if kind == "red_light":
        return replace(mix, junctions=1.0, turns=0.0)
    if kind == "braking_car":
        return replace(mix, leads=0.95)
    return replace(mix, multilane=0.0, leads=0.3) if kind in INSERT else mix
