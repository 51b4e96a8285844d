"""A walk simulated: where the walker and everybody around him are at every time step.

Until the first picture, at t = 0, those whom he meets go straight on; from then on they choose their way as he does.
"""

from collections.abc import Iterable
from copy import copy

import numpy as np

from roadcue.roadworld.sidewalk.scene import Place, Thing, Way
from roadcue.roadworld.sidewalk.things import RED_LIGHT
from roadcue.roadworld.sidewalk.walker import BODY_M, DECISION_STEPS, Car, Logged, Walker
from roadcue.roadworld.states import STATE_STEPS, future_steps, past_states, past_steps, waypoints
from roadcue.roadworld.traffic import DT_S
from roadcue.schema import PAST_STATES, WAYPOINTS

_WARM_UP_S = 0.75
FIRST_STEP = round(_WARM_UP_S / DT_S) + (PAST_STATES - 1) * STATE_STEPS
"""The time step of the first picture, before which lie the past states and a little time to find a way."""
BEFORE_S = FIRST_STEP * DT_S
FUTURE_STEPS = WAYPOINTS * STATE_STEPS
"""So many time steps are simulated after the last picture."""
_SOON_S = 0.7
"""Whoever goes to a side is reckoned with there, too."""
_NEVER_M = 1.0
"""Nobody comes farther beside his way."""
_BRUSH_M = 0.02
"""Sleeves give way by so much."""
_ASIDE_M = 0.4
"""So far from the line he walks on goes someone who is not on the path."""


class Outing:
    """The walker among things; it is run as far as asked, and can be gone on with among others."""

    def __init__(self, walker: Walker, things: Iterable[Thing]) -> None:
        self.walker = walker
        self._log: list[Logged] = []
        self._people: dict[Thing, tuple[Walker, list[Place]]] = {}
        self._meet(things)

    def among(self, things: Iterable[Thing]) -> "Outing":
        """What comes after this moment when there are these things from now on."""
        other = copy(self)
        other.walker, other._log = copy(self.walker), self._log[:]
        other._people = {thing: (copy(one), track[:]) for thing, (one, track) in self._people.items()}
        other._meet(things)
        return other

    def _meet(self, things: Iterable[Thing]) -> None:
        things = list(things)
        self._walking = [thing for thing in things if thing.walks]
        begin, end = self.walker.way.road or (np.inf, np.inf)
        self._red = [each for each in things if each.name == RED_LIGHT and begin - 1 < each.xy[0] < end + 1]
        self._cars = [thing for thing in things if thing.label == "car" and thing.velocity[1]]
        moving = {*self._walking, *self._cars}
        right, left = self._reach_of_all()
        self._standing = [
            thing
            for thing in things
            if thing not in moving
            and not any(thing.velocity)
            and right < thing.xy[1] + thing.half[1]
            and thing.xy[1] - thing.half[1] < left
        ]
        self._boxes = np.array([_box(thing.at(0), thing.half) for thing in self._standing]).reshape(-1, 5)

    def _reach_of_all(self) -> tuple[float, float]:
        """Between which y the walker and those whom he meets may come."""
        y = [self.walker.y, self.walker.way.low, self.walker.way.high, *(thing.xy[1] for thing in self._walking)]
        return min(y) - _NEVER_M, max(y) + _NEVER_M

    def run_to(self, step: int) -> None:
        """Simulate as far as a time step, unless it has been."""
        while len(self._log) <= step:
            self._step()

    def _step(self) -> None:
        step = len(self._log)
        if step == FIRST_STEP:
            self._people = {}
        if step >= FIRST_STEP:
            for thing in self._walking:
                if thing not in self._people:
                    times = np.arange(step - FIRST_STEP + 1) * DT_S
                    *before, here = (thing.at(t) for t in times.tolist())
                    self._people[thing] = _on_foot(thing, here, self.walker.way), before
        if step % DECISION_STEPS == 0:
            self._decide((step - FIRST_STEP) * DT_S)
        for one, track in self._people.values():
            track.append(one.place)
            one.step()
        self._log.append(self.walker.step())

    def _decide(self, t: float) -> None:
        cars = [Car(thing.at(t).y, thing.half[1], thing.velocity[1]) for thing in self._cars]
        moving = np.array([self._person(thing, t) for thing in self._walking]).reshape(-1, 5)
        self.walker.decide(t, np.concatenate([self._boxes, moving]), cars, bool(self._red))
        if t >= 0 and self._walking:
            walker = np.array([_box(self.walker.place, (BODY_M, BODY_M), self.walker.along, self.walker.across)])
            for number, thing in enumerate(self._walking):
                others = np.concatenate([self._boxes, np.delete(moving, number, axis=0), walker])
                self._people[thing][0].decide(t, others, cars, bool(self._red))

    def _person(self, thing: Thing, t: float) -> tuple[float, ...]:
        if t < 0:
            return _box(thing.at(t), thing.half, thing.velocity[0])
        one = self._people[thing][0]
        return _box(one.place, thing.half, one.along, one.across)

    def place(self, thing: Thing, t: float) -> Place:
        """Where a thing is at t seconds, as far as the walk has been simulated."""
        if t < 0 or thing not in self._people:
            return thing.at(t)
        track = self._people[thing][1]
        return track[min(round(t / DT_S), len(track) - 1)] if track else thing.at(t)

    def speed(self, thing: Thing, t: float) -> float:
        """How fast it has come there, m/s."""
        return (self.place(thing, t).walked - self.place(thing, t - DT_S).walked) / DT_S

    def pose(self, step: int) -> Place:
        """Where the walker is, and where he faces."""
        return Place(*self._log[step][:3])

    @property
    def track(self) -> np.ndarray:
        """(steps, 6) of the walker: x, y, heading, speed, acceleration along it, rate of turn; metres, seconds."""
        return np.array(self._log)

    def touches(self, things: Iterable[Thing]) -> bool:
        """Whether the walker has come nearer to one of the things than he is wide."""
        xy = self.track[:, :2]
        times = (np.arange(len(xy)) - FIRST_STEP) * DT_S
        for thing in things:
            if thing.walks:
                at = np.array([self.place(thing, t)[:2] for t in times.tolist()])
            else:
                at = np.array(thing.xy) + times[:, None] * np.array(thing.velocity)
            aside = np.maximum(np.abs(xy - at) - thing.half[:2], 0)
            if (aside**2).sum(axis=1).min() < (BODY_M - _BRUSH_M) ** 2:
                return True
        return False

    def past(self, step: int) -> np.ndarray:
        """(16, 6) float32, columns `STATE_COLUMNS`, in the walker's frame of that time step."""
        x, y, heading, speed, accel, turn_rate = np.array([self._log[each] for each in past_steps(step).tolist()]).T
        return past_states(np.stack([x, y], axis=1), heading, speed, accel, speed * turn_rate)

    def future(self, step: int) -> np.ndarray:
        """(20, 2) float32 metres, walker's frame of that time step, t = 0.25 ... 5 s."""
        steps = future_steps(step)
        self.run_to(int(steps[-1]))
        x, y, heading = np.array([self._log[each][:3] for each in steps.tolist()]).T
        return waypoints(np.stack([x, y], axis=1), float(heading[0]))


def _box(place: Place, half: tuple[float, ...], along: float = 0.0, across: float = 0.0) -> tuple[float, ...]:
    """Of something or somebody: x from, to, y from, to, now and soon, and velocity along x."""
    drift = across * _SOON_S
    y = place.y - half[1] + min(drift, 0), place.y + half[1] + max(drift, 0)
    return place.x - half[0], place.x + half[0], *y, along


def _on_foot(thing: Thing, here: Place, way: Way) -> Walker:
    """Someone who from here on walks along the path, or where he is beside it."""
    x, y, _, walked = here
    if not way.low <= y <= way.high:
        way = Way(y - _ASIDE_M, y + _ASIDE_M, y, y, way.road)
    sense = 1 if thing.velocity[0] > 0 else -1
    return Walker(x, y, abs(thing.velocity[0]), way, y, sense, walked=walked)
