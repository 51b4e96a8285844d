"""Who moves on the streets and why: cars after the Intelligent Driver Model, lights, people who cross."""

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from loaders.roadworld.road import LANE_CENTRE_M, ROAD_HALF_WIDTH_M, STEP_M, Path, Route

DT_S = 0.05
"""Time step; 10 Hz frames and 4 Hz states are whole multiples of it."""
_RESPONSE_S = 0.3
"""Time constant from the wanted to the actual acceleration: pedals and powertrain."""
_HARDEST_BRAKE = 7.0
_YELLOW_S = 3.0
_ALL_RED_S = 1.5
FRONT_M, REAR_M = 3.8, 0.9
"""From a car's rear axle to its bumpers."""


@dataclass(frozen=True)
class Driver:
    """Parameters of the Intelligent Driver Model (Treiber, Hennecke and Helbing, Phys. Rev. E 62, 2000, eq. 2-4).

    Metres, seconds; `lateral_accel` limits the speed in curves.
    """

    desired_speed: float
    headway: float = 1.3
    least_gap: float = 2.2
    max_accel: float = 1.7
    comfort_brake: float = 2.0
    lateral_accel: float = 2.2

    def speed_limits(self, path: Path) -> np.ndarray:
        """(n,) m/s along a path: the desired speed, less in curves, and reachable by comfortable braking."""
        in_curves = np.sqrt(self.lateral_accel / np.maximum(np.abs(path.curvature), 1e-4))
        # v(s)^2 <= v(s')^2 + 2 b (s' - s) for every later s'.
        braking = 2 * 0.7 * self.comfort_brake * STEP_M * np.arange(len(in_curves))
        energy = np.minimum(self.desired_speed, in_curves) ** 2 + braking
        return np.sqrt(np.minimum.accumulate(energy[::-1])[::-1] - braking)

    def free_accel(self, speed: float, limit: float) -> float:
        """Acceleration in m/s^2 on an empty road with speed limit `limit`."""
        if speed <= limit:
            return self.max_accel * (1 - (speed / limit) ** 4)
        return max(1.5 * (limit - speed), -self.comfort_brake * 1.5)

    def following_accel(self, speed: float, gap: float, lead_speed: float) -> float:
        """The interaction term: acceleration in m/s^2 owed to an obstacle `gap` metres ahead."""
        closing = speed * (speed - lead_speed) / (2 * (self.max_accel * self.comfort_brake) ** 0.5)
        wanted = self.least_gap + max(0.0, speed * self.headway + closing)
        return self.max_accel * (1 - (wanted / max(gap, 0.1)) ** 2)


@dataclass(frozen=True)
class Light:
    """A junction's signal; `green_s` and `red_s` for the main road, from time `offset_s` on, again and again."""

    green_s: float
    red_s: float
    offset_s: float

    def colour(self, t: float, side_road: bool = False) -> str:
        """green, yellow or red at time `t` seconds."""
        in_cycle = (t - self.offset_s) % (self.green_s + _YELLOW_S + self.red_s)
        if side_road:
            in_cycle -= self.green_s + _YELLOW_S + _ALL_RED_S
            green = self.red_s - _YELLOW_S - 2 * _ALL_RED_S
        else:
            green = self.green_s
        if 0 <= in_cycle < green:
            return "green"
        return "yellow" if green <= in_cycle < green + _YELLOW_S else "red"


class Hold(Protocol):
    """A place on a route, `s` metres of arc length, that is sometimes closed."""

    s: float

    def closed(self, t: float, gap: float, speed: float) -> bool:
        """Must a car that is `gap` metres before it, at `speed` m/s, stop there at time `t`?"""
        ...


@dataclass
class StopLine:
    """Closed while the light is red, or yellow and there is room to brake."""

    s: float
    light: Light
    side_road: bool = False

    def closed(self, t: float, gap: float, speed: float) -> bool:
        """As `Hold.closed`."""
        colour = self.light.colour(t, self.side_road)
        hardest = {"green": 0.0, "yellow": 2.8, "red": 3.5}[colour]
        return speed**2 <= 2 * hardest * max(gap, 0.05) and colour != "green"


@dataclass
class Pedestrian:
    """Someone at a zebra crossing, `s` on the main road's centreline, who may step out.

    `offset` metres left of the centreline, `side` where they start (+1 left), `speed` m/s, `patience` metres: they
    step out once the observed car is nearer than that. `track` is one (offset, walking) for every time step.
    """

    s: float
    side: int
    speed: float
    patience: float
    offset: float = 0.0
    walking: bool = False
    track: list[tuple[float, bool]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.offset = self.side * (ROAD_HALF_WIDTH_M + 0.7)

    def step(self, observed: "Car", holds: list[tuple["Car", "Zebra"]]) -> None:
        """One time step: step out when the observed car comes near and nobody would have to brake hard."""
        gaps = [(car, hold.s - car.front) for car, hold in holds]
        near = any(car is observed and 0 < gap < self.patience for car, gap in gaps)
        safe = all(gap < -8 or car.speed**2 < 2 * 2.2 * max(gap - 2, 0.05) for car, gap in gaps)
        if near and safe and self.offset * self.side > ROAD_HALF_WIDTH_M:
            self.walking = True
        if self.walking:
            self.offset -= self.side * self.speed * DT_S
            self.walking = self.offset * self.side > -ROAD_HALF_WIDTH_M - 0.7
        self.track.append((self.offset, self.walking))


@dataclass
class Zebra:
    """Closed while someone is on the way to, or on, this car's lane (`lane` metres left of the centreline)."""

    s: float
    people: list[Pedestrian]
    lane: float = -LANE_CENTRE_M

    def closed(self, t: float, gap: float, speed: float) -> bool:
        """As `Hold.closed`."""
        return any(p.walking and (p.offset - self.lane) * p.side > -2.0 for p in self.people)


@dataclass
class Oncoming:
    """Before a left turn: closed while a car of the other direction is near `junction_s` on its own route."""

    s: float
    cars: list["Car"]
    junction_s: float

    def closed(self, t: float, gap: float, speed: float) -> bool:
        """As `Hold.closed`."""
        return any(-8 < self.junction_s - car.front < max(14.0, 5.0 * car.speed) for car in self.cars)


@dataclass
class Car:
    """A car on its route; `s` is its rear axle's arc length. `track` is one (s, speed, accel) for every time step."""

    route: Route
    driver: Driver
    s: float
    speed: float
    style: int = 0
    holds: list[Hold] = field(default_factory=list)
    accel: float = 0.0
    track: list[tuple[float, float, float]] = field(default_factory=list)
    limits: list[float] = field(init=False)

    def __post_init__(self) -> None:
        self.limits = self.driver.speed_limits(self.route.path).tolist()
        self.speed = min(self.speed, self.limit_at(self.s))

    @property
    def front(self) -> float:
        """Arc length of the front bumper."""
        return self.s + FRONT_M

    def limit_at(self, s: float) -> float:
        """The speed this driver allows himself at `s`, in m/s."""
        return self.limits[min(int(s / STEP_M), len(self.limits) - 1)]

    def step(self, t: float, ahead: "Car | None") -> None:
        """One time step behind `ahead`, the next car on the same route."""
        front = self.front
        wanted = self.driver.free_accel(self.speed, self.limit_at(self.s + 0.3 * self.speed))
        if ahead is not None and not self._has_left(ahead):
            gap = ahead.s - REAR_M - front
            wanted = min(wanted, self.driver.following_accel(self.speed, gap, ahead.speed))
        for hold in self.holds:
            gap = hold.s - front
            if -0.5 < gap < 70 and hold.closed(t, gap, self.speed):
                wanted = min(wanted, self.driver.following_accel(self.speed, gap + 1.5, 0.0))
        before = self.speed
        self.accel += (max(wanted, -_HARDEST_BRAKE) - self.accel) * DT_S / _RESPONSE_S
        self.speed = max(0.0, before + self.accel * DT_S)
        self.accel = (self.speed - before) / DT_S
        self.s += (before + self.speed) / 2 * DT_S
        self.track.append((self.s, self.speed, self.accel))

    def _has_left(self, ahead: "Car") -> bool:
        """Has the car ahead taken another branch of the junction, and cleared this one's?"""
        parting = min(self.route.turn[0], ahead.route.turn[0])
        same = self.route.intent == ahead.route.intent and abs(self.route.turn[0] - ahead.route.turn[0]) < 1
        return not same and ahead.s > parting + 6


@dataclass
class Traffic:
    """Everything that moves; `lanes` hold cars that follow one another, the first one first."""

    ego: Car
    lanes: list[list[Car]]
    people: list[Pedestrian]

    @property
    def others(self) -> list[Car]:
        """All cars but the ego."""
        return [car for lane in self.lanes for car in lane if car is not self.ego]

    def run(self, steps: int) -> None:
        """Let `steps` time steps pass, and keep everybody's track."""
        cars = [car for lane in self.lanes for car in lane]
        at_zebra = {
            id(person): [(c, h) for c in cars for h in c.holds if isinstance(h, Zebra) and person in h.people]
            for person in self.people
        }
        for step in range(steps):
            for lane in self.lanes:
                for ahead, car in zip([None, *lane], lane, strict=False):
                    car.step(step * DT_S, ahead)
            for person in self.people:
                person.step(self.ego, at_zebra[id(person)])
