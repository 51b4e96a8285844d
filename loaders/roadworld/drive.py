"""One sequence: its streets, everybody on them, and what the ego car's log says about a moment of it."""

import hashlib
from dataclasses import dataclass

import numpy as np

from loaders.roadworld.road import (
    LANE_CENTRE_M,
    STOP_LINE_M,
    Junction,
    Route,
    Streets,
    lay_streets,
    path_through,
    plan_route,
)
from loaders.roadworld.shapes import STYLES
from loaders.roadworld.spec import FRAMES_PER_S, WORLD_VERSION, RoadWorldSpec
from loaders.roadworld.traffic import (
    DT_S,
    Car,
    Driver,
    Light,
    Oncoming,
    Pedestrian,
    StopLine,
    Traffic,
    Zebra,
)
from loaders.sample import FUTURE_STEPS, PAST_STEPS, STEP_S, Intent

_WARM_UP_S = 10.0
"""Time for everybody to find his speed and distance, before the first past state."""
_INTENT_S = 10.0
"""The intent tells the route's next ten seconds (WOD-E2E paper, arXiv 2510.26125)."""
_STATE_STEPS = round(STEP_S / DT_S)
_FRAME_STEPS = round(1 / FRAMES_PER_S / DT_S)
_FIRST_FRAME_STEP = round(_WARM_UP_S / DT_S) + (PAST_STEPS - 1) * _STATE_STEPS
_START_M = 40.0
"""Of arc length, where the ego begins: some road is behind it."""
Lights = tuple[tuple[Junction, Light], ...]
_FASTEST = 16.0


@dataclass(frozen=True)
class Drive:
    """A finished simulation. Time steps are `DT_S` apart; `lights` (junction, light) where a junction has one."""

    sequence: str
    frames: int
    streets: Streets
    traffic: Traffic
    lights: Lights
    ego: np.ndarray
    """(steps, 3): arc length on the route in metres, speed in m/s, acceleration in m/s^2."""

    @property
    def steps(self) -> np.ndarray:
        """(frames,) the time step of every frame."""
        return _FIRST_FRAME_STEP + _FRAME_STEPS * np.arange(self.frames)

    def pose(self, steps: np.ndarray | int) -> tuple[np.ndarray, np.ndarray]:
        """Rear axle (..., 2) metres and heading (...) radians in the world at time steps."""
        path = self.traffic.ego.route.path
        s = self.ego[steps, 0]
        return path.along(path.xy, s), path.along(path.heading, s)

    def past(self, frame: int) -> np.ndarray:
        """(16, 6) float32, columns `STATE_COLUMNS`, all in the ego frame of this moment."""
        steps = self.steps[frame] - np.arange(PAST_STEPS - 1, -1, -1) * _STATE_STEPS
        xy, heading = self.pose(steps)
        speed, accel = self.ego[steps, 1], self.ego[steps, 2]
        path = self.traffic.ego.route.path
        lateral = speed**2 * path.along(path.curvature, self.ego[steps, 0])
        forward = np.stack([np.cos(heading), np.sin(heading)], axis=1)
        left = np.stack([-forward[:, 1], forward[:, 0]], axis=1)
        to_ego = np.stack([forward[-1], left[-1]], axis=1)
        parts = (xy - xy[-1], speed[:, None] * forward, accel[:, None] * forward + lateral[:, None] * left)
        return np.concatenate([part @ to_ego for part in parts], axis=1).astype(np.float32)

    def future(self, frame: int) -> np.ndarray:
        """(20, 2) float32 metres, ego frame, t = 0.25 ... 5 s."""
        steps = self.steps[frame] + np.arange(FUTURE_STEPS + 1) * _STATE_STEPS
        xy, heading = self.pose(steps)
        c, s = np.cos(heading[0]), np.sin(heading[0])
        return ((xy[1:] - xy[0]) @ np.array([[c, -s], [s, c]])).astype(np.float32)

    def intent(self, frame: int) -> Intent:
        """The turn that the car is in, or comes to within ten seconds."""
        now = self.steps[frame]
        s, later = self.ego[[now, now + round(_INTENT_S / DT_S)], 0]
        begin, end = self.traffic.ego.route.turn
        return self.traffic.ego.route.intent if begin < later and s < end else Intent.GO_STRAIGHT


def drive(spec: RoadWorldSpec, number: int) -> Drive:
    """Simulate sequence `number`: the same spec seed and number give the same drive."""
    rng = np.random.default_rng([spec.seed, number])
    steps = _FIRST_FRAME_STEP + (spec.frames - 1) * _FRAME_STEPS + round(_INTENT_S / DT_S) + 1
    reach = _START_M + _FASTEST * steps * DT_S
    streets = lay_streets(rng, reach + 200)
    lights = tuple((junction, _light(rng)) for junction in streets.junctions if junction.has_light)
    pace = rng.uniform(8.5, _FASTEST)
    route = _ego_route(rng, streets, pace * steps * DT_S)
    ego = Car(route, _driver(rng, pace), _START_M, pace * rng.uniform(0.6, 1.0))
    same_way, oncoming = [*_cars_ahead(rng, streets, ego), ego], _oncoming_cars(rng, streets, pace)
    people = _people(rng, streets)
    for car in same_way:
        _place_holds(car, -LANE_CENTRE_M, streets, lights, people)
        _yield_to(oncoming, car, streets)
    for car in oncoming:
        _place_holds(car, LANE_CENTRE_M, streets, lights, people)
    traffic = Traffic(ego, [same_way, oncoming, *_crossing_cars(rng, lights)], people)
    traffic.run(steps)
    name = hashlib.sha256(f"roadworld/{WORLD_VERSION}/{spec.seed}/{number}".encode()).hexdigest()[:32]
    return Drive(name, spec.frames, streets, traffic, lights, np.array(ego.track))


def _light(rng: np.random.Generator) -> Light:
    return Light(green_s=rng.uniform(12, 24), red_s=rng.uniform(14, 26), offset_s=rng.uniform(0, 50))


def _driver(rng: np.random.Generator, pace: float) -> Driver:
    return Driver(pace, headway=rng.uniform(1.0, 1.7), lateral_accel=rng.uniform(1.8, 2.6))


def _ego_route(rng: np.random.Generator, streets: Streets, reach: float) -> Route:
    """Turns off at one junction within `reach` metres in half of the drives that have one."""
    turns = [
        (junction, intent)
        for junction in streets.junctions
        for intent in (Intent.GO_LEFT, Intent.GO_RIGHT)
        if junction.arm(intent) and _START_M + 50 < junction.s < _START_M + reach
    ]
    if not turns or rng.random() > 0.5:
        return plan_route(rng, streets, Intent.GO_STRAIGHT, None)
    junction, intent = turns[rng.integers(len(turns))]
    return plan_route(rng, streets, intent, junction)


def _cars_ahead(rng: np.random.Generator, streets: Streets, ego: Car) -> list[Car]:
    """None to three cars before the ego, the first one first; each goes straight on or turns off somewhere."""
    cars: list[Car] = []
    s = ego.s
    for _ in range(rng.choice(4, p=[0.35, 0.3, 0.2, 0.15])):
        s += rng.uniform(18, 50)
        route = ego.route
        if rng.random() < 0.4:
            turns = [junction for junction in streets.junctions if junction.right and junction.s > s + 40]
            junction = turns[0] if turns and rng.random() < 0.5 else None
            route = plan_route(rng, streets, Intent.GO_RIGHT if junction else Intent.GO_STRAIGHT, junction)
        pace = ego.driver.desired_speed * rng.uniform(0.7, 1.1)
        cars.insert(0, Car(route, _driver(rng, pace), s, pace, style=int(rng.integers(STYLES))))
    return cars


def _oncoming_cars(rng: np.random.Generator, streets: Streets, pace: float) -> list[Car]:
    path = path_through(streets.main.beside(np.arange(streets.main.length, 0, -1.0), LANE_CENTRE_M))
    route = Route(path, Intent.GO_STRAIGHT, (np.inf, np.inf))
    s = path.length - _START_M - rng.uniform(30, 120)
    cars: list[Car] = []
    for _ in range(rng.integers(0, 7)):
        if s < 10:
            break
        cars.append(Car(route, _driver(rng, pace), s, pace, style=int(rng.integers(STYLES))))
        s -= np.exp(rng.uniform(np.log(15), np.log(150)))
    return cars


def _crossing_cars(rng: np.random.Generator, lights: Lights) -> list[list[Car]]:
    """Cars that wait for, and go with, the side roads' green."""
    lanes = []
    for junction, light in lights:
        if not (junction.left and junction.right) or rng.random() < 0.3:
            continue
        arms = [junction.left, junction.right]
        source, target = arms if rng.random() < 0.5 else arms[::-1]
        inwards = source.beside(np.arange(150.0, 8.0, -1.0), LANE_CENTRE_M)
        outwards = target.beside(np.arange(8.0, min(400.0, target.length), 1.0), -LANE_CENTRE_M)
        path = path_through(np.concatenate([inwards, outwards]))
        route = Route(path, Intent.GO_STRAIGHT, (np.inf, np.inf))
        line = path.nearest(source.beside(STOP_LINE_M, LANE_CENTRE_M))
        lane: list[Car] = []
        for i in range(rng.integers(1, 4)):
            s = line - 10 - 14 * i - rng.uniform(0, 6)
            lane.append(Car(route, _driver(rng, 11.0), s, 6.0, style=int(rng.integers(STYLES))))
            lane[-1].holds.append(StopLine(line, light, side_road=True))
        lanes.append(lane)
    return lanes


def _people(rng: np.random.Generator, streets: Streets) -> list[Pedestrian]:
    people = []
    for s in streets.crossings:
        side = int(rng.choice([-1, 1]))
        for _ in range(rng.choice(4, p=[0.2, 0.4, 0.25, 0.15])):
            place = s + rng.uniform(-1.2, 1.2)
            people.append(Pedestrian(place, side, rng.uniform(1.0, 1.7), patience=rng.uniform(30, 70)))
    return people


def _place_holds(car: Car, lane: float, streets: Streets, lights: Lights, people: list[Pedestrian]) -> None:
    """Tell a car of the main road where it may have to wait; `lane` is metres left of the centreline."""
    main, path = streets.main, car.route.path
    before = np.sign(lane)  # those on the left come from the far end

    def on_route(s: float) -> float:
        """Arc length on the car's route of the point beside `s`; never reached when it is beyond the car's turn."""
        there = path.nearest(main.beside(s, lane))
        return there if there <= car.route.turn[0] + 1 else np.inf

    car.holds += [StopLine(on_route(junction.s + before * (STOP_LINE_M + 1)), light) for junction, light in lights]
    for crossing in streets.crossings:
        here = [person for person in people if abs(person.s - crossing) < 2]
        car.holds.append(Zebra(on_route(crossing + before * 4), here, lane))


def _yield_to(oncoming: list[Car], car: Car, streets: Streets) -> None:
    """A car that turns left lets those through that come towards it."""
    if car.route.intent == Intent.GO_LEFT and oncoming:
        junction = min(streets.junctions, key=lambda junction: abs(junction.s - car.route.turn[0]))
        there = oncoming[0].route.path.nearest(streets.main.beside(junction.s, LANE_CENTRE_M))
        car.holds.append(Oncoming(car.route.turn[0] + 3.5, oncoming, there))
