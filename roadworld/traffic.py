"""Who moves on the streets and why: cars that follow one another, change lanes, wait, and people who cross."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from roadcue.roadworld.driver import Driver
from roadcue.roadworld.holds import Hold, Zebra
from roadcue.roadworld.road import ROAD_HALF_WIDTH_M, STEP_M, Path, Route, ease

DT_S = 0.05
"""Time step; 10 Hz frames and 4 Hz states are whole multiples of it."""
_RESPONSE_S = 0.3
"""Time constant from the wanted to the actual acceleration: pedals and powertrain."""
_HARDEST_BRAKE = 7.0
SIGHT_M = 70.0
"""How far ahead a driver looks."""
FRONT_M, REAR_M = 3.8, 0.9
"""From a vehicle's rear axle to its bumpers."""


@dataclass(eq=False)
class Pedestrian:
    """Someone at a zebra crossing, `s` on the main road's centreline, who may step out, or ride across.

    `offset` metres left of the centreline, `side` where they start (+1 left), `speed` m/s, `patience` metres: they
    step out once the observed car is nearer than that. `track` is one (offset, walking) for every time step.
    """

    s: float
    side: int
    speed: float
    patience: float
    cycling: bool = False
    style: int = 0
    offset: float = 0.0
    walking: bool = False
    track: list[tuple[float, bool]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.offset = self.side * (ROAD_HALF_WIDTH_M + 0.7)

    def step(self, holds: list[tuple["Car", "Zebra"]]) -> None:
        """One time step: step out when the first of these cars comes near and nobody would have to brake hard."""
        if not self.walking and self.offset * self.side > 0 and holds:
            observed, zebra = holds[0]
            comes_near = 0 < zebra.s - observed.front < self.patience
            self.walking = comes_near and all(self.is_safe(car, hold) for car, hold in holds)
        if self.walking:
            self.offset -= self.side * self.speed * DT_S
            self.walking = self.offset * self.side > -ROAD_HALF_WIDTH_M - 0.7
        self.track.append((self.offset, self.walking))

    def is_safe(self, car: "Car", hold: "Zebra") -> bool:
        """Whether a car is past, or stops before its hold without hard braking."""
        gap = hold.s - car.front
        return gap < -8 or car.speed**2 < 2 * 2.2 * max(gap - 2, 0.05)


@dataclass(eq=False)
class Car:
    """A car on its route; `s` is its rear axle's arc length. `track` is one (s, speed, accel) for every time step.

    It is `aside` metres left of its route, and comes onto it between the arc lengths of `merging`, if ever. One that
    is `parked` stands still.
    """

    route: Route
    driver: Driver
    s: float
    speed: float
    style: int = 0
    kind: str = "car"
    """"car", "truck" or "special": a fire engine or an ambulance, with its lights flashing."""
    aside: float = 0.0
    parked: bool = False
    holds: list[Hold] = field(default_factory=list)
    merging: tuple[float, float] | None = None
    accel: float = 0.0
    track: list[tuple[float, float, float]] = field(default_factory=list)
    limits: list[float] = field(init=False)
    _coming: deque[Hold] | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.limits = self.driver.speed_limits(self.route.path).tolist()
        self.speed = min(self.speed, self.limit_at(self.s))

    @property
    def rear(self) -> float:
        """Arc length of the rear bumper."""
        return self.s - REAR_M

    @property
    def front(self) -> float:
        """Arc length of the front bumper."""
        return self.s + FRONT_M

    def limit_at(self, s: float) -> float:
        """The speed this driver allows himself at `s`, in m/s."""
        return self.limits[min(int(s / STEP_M), len(self.limits) - 1)]

    def step(self, t: float, ahead: "Car | None") -> None:
        """One time step behind `ahead`, if there is anybody."""
        if self.parked:
            self.track.append((self.s, 0.0, 0.0))
            return
        before, front, follow = self.speed, self.s + FRONT_M, self.driver.following_accel
        wanted = self.driver.free_accel(before, self.limit_at(self.s + 0.3 * before))
        if ahead is not None:
            wanted = min(wanted, follow(before, ahead.s - REAR_M - front, ahead.speed))
        for hold in self._coming_holds(front):
            if hold.s >= front + SIGHT_M:
                break
            gap = hold.s - front
            if hold.closed(t, gap, before):
                wanted = min(wanted, follow(before, gap + 1.5, 0.0))
        self.accel += (max(wanted, -_HARDEST_BRAKE) - self.accel) * DT_S / _RESPONSE_S
        self.speed = max(0.0, before + self.accel * DT_S)
        self.accel = (self.speed - before) / DT_S
        self.s += (before + self.speed) / 2 * DT_S
        self.track.append((self.s, self.speed, self.accel))

    def heed(self, hold: Hold) -> None:
        """Wait from now on at one more place, too."""
        self.holds.append(hold)
        self._coming = None

    def take(self, path: Path) -> None:
        """Drive another line from now on."""
        self.route = replace(self.route, path=path)
        self.limits = self.driver.speed_limits(path).tolist()

    def _coming_holds(self, front: float) -> deque[Hold]:
        """The nearest first; what is passed is forgotten."""
        coming = self._coming
        if coming is None:
            coming = self._coming = deque(sorted(self.holds, key=lambda hold: hold.s))
        while coming and coming[0].s <= front - 0.5:
            coming.popleft()
        return coming

    def settle(self) -> None:
        """Bend the route to where the car has been, if that is beside it."""
        if self.aside:
            begin, end = self.merging or (np.inf, np.inf)
            s = np.arange(len(self.route.path.xy)) * STEP_M
            offset = self.aside * (1 - ease((s - begin) / (end - begin) if self.merging else np.zeros(len(s))))
            self.route = replace(self.route, path=self.route.path.shifted(offset))

    def leader(self, lane: Sequence["Car"], place: int) -> "Car | None":
        """The next car ahead of this one, which is number `place` of its lane, that has not turned off elsewhere."""
        for ahead in range(place - 1, -1, -1):
            if not self._has_left(lane[ahead]):
                return lane[ahead]
        return None

    def _has_left(self, ahead: "Car") -> bool:
        """Has the car ahead taken another branch of the junction, and cleared this one's?"""
        parting = min(self.route.turn[0], ahead.route.turn[0])
        if ahead.s <= parting + 6:
            return False
        return self.route.intent != ahead.route.intent or abs(self.route.turn[0] - ahead.route.turn[0]) >= 1


@dataclass
class CutIn:
    """A car at the kerb or in the second lane that comes into the ego's lane, once the ego is near behind it.

    `lane` is where it drives until then; `patience` metres is how near the ego must be, and `earliest_s` the first
    time for it.
    """

    car: Car
    lane: list[Car]
    patience: float
    earliest_s: float

    def step(self, t: float, ego: Car, ego_lane: list[Car]) -> None:
        """One time step: begin to change lanes, or be in the ego's way from now on."""
        car = self.car
        if car.merging is None:
            if t > self.earliest_s and self._has_room(ego, ego_lane):
                car.merging = (car.s, car.s + 13 + 2.0 * car.speed)
                car.parked = False
        elif self.lane is not ego_lane and car.s > 0.85 * car.merging[0] + 0.15 * car.merging[1]:
            # Only now does its heading tell the ego's driver.
            self.lane.remove(car)
            ego_lane.insert(ego_lane.index(ego), car)
            self.lane = ego_lane

    def _has_room(self, ego: Car, ego_lane: list[Car]) -> bool:
        car = self.car
        gap = car.rear - ego.front
        closing = max(0.0, ego.speed - car.speed)
        if not 5 < gap < self.patience or closing**2 / (2 * 3.0) + closing + 3 > gap:
            return False
        before = ego_lane.index(ego) - 1
        free_ahead = before < 0 or ego_lane[before].rear > car.front + 6 + car.speed
        turns_off = min(ego.route.turn[0], car.s + 1000) < car.s + 40
        return free_ahead and not turns_off and not any(-4 < hold.s - car.front < 25 for hold in car.holds)


@dataclass
class Traffic:
    """Everything that moves; `lanes`, the ego's own first, hold cars that follow one another, the first one first."""

    ego: Car
    lanes: list[list[Car]]
    people: list[Pedestrian]
    cut_ins: list[CutIn] = field(default_factory=list)

    @property
    def others(self) -> list[Car]:
        """All cars but the ego."""
        return [car for lane in self.lanes for car in lane if car is not self.ego]

    def run(self, steps: int) -> None:
        """Let `steps` more time steps pass, and keep everybody's track."""
        cars = [self.ego, *self.others]  # people wait for the ego
        at_zebra = {
            id(person): [(c, h) for c in cars for h in c.holds if isinstance(h, Zebra) and person in h.people]
            for person in self.people
        }
        past = len(self.ego.track)
        for step in range(past, past + steps):
            for lane in self.lanes:
                for place, car in enumerate(lane):
                    car.step(step * DT_S, None if car.parked else car.leader(lane, place))
            for cut_in in self.cut_ins:
                cut_in.step(step * DT_S, self.ego, self.lanes[0])
            for person in self.people:
                person.step(at_zebra[id(person)])
