"""Where a driver may have to wait: lights, zebra crossings, oncoming traffic, an errand."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from roadcue.roadworld.road import LANE_CENTRE_M

_YELLOW_S = 3.0
_ALL_RED_S = 1.5


@dataclass(frozen=True)
class Light:
    """A junction's signal; `green_s` and `red_s` for the main road, from time `offset_s` on, again and again."""

    green_s: float
    red_s: float
    offset_s: float

    def red_from(self, t: float) -> "Light":
        """This light with its cycle shifted, so that the main road's red begins at time `t`."""
        return replace(self, offset_s=t - self.green_s - _YELLOW_S)

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


class Crosser(Protocol):
    """Who crosses the road: `offset` metres left of its centreline, from `side`, +1 the left; perhaps `walking`."""

    offset: float
    side: int
    walking: bool


class Approaching(Protocol):
    """Who comes along a route, at `speed` m/s."""

    speed: float

    @property
    def front(self) -> float:
        """Arc length of the front bumper in metres."""
        ...


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
        """Whether the light tells a car to stop that still can, `gap` metres before the line, at `speed` m/s."""
        colour = self.light.colour(t, self.side_road)
        hardest = {"green": 0.0, "yellow": 2.8, "red": 3.5}[colour]
        return speed**2 <= 2 * hardest * max(gap, 0.05) and colour != "green"


@dataclass
class Zebra:
    """Closed while someone is on the way to, or on, this car's lane (`lane` metres left of the centreline)."""

    s: float
    people: Sequence[Crosser]
    lane: float = -LANE_CENTRE_M

    def closed(self, t: float, gap: float, speed: float) -> bool:
        """Whether anybody bars the lane now; `t`, `gap` and `speed` do not matter."""
        return any(p.walking and bars(p.offset, p.side, self.lane) for p in self.people)


def bars(offset: float, side: int, lane: float) -> bool:
    """Is someone at `offset`, who set out from `side`, not yet past `lane`? Both in metres left of the centreline."""
    return (offset - lane) * side > -2.0


@dataclass
class Oncoming:
    """Before a left turn: closed while a car of the other direction is near `junction_s` on its own route."""

    s: float
    cars: Sequence[Approaching]
    junction_s: float

    def closed(self, t: float, gap: float, speed: float) -> bool:
        """Whether somebody comes who would be in the way; `t`, `gap` and `speed` do not matter."""
        return any(-8 < self.junction_s - car.front < max(20.0, 7.0 * car.speed) for car in self.cars)


@dataclass
class Halt:
    """Someone gets out: closed until the car has stood there for `wait_s` seconds."""

    s: float
    wait_s: float
    left_at: float = float("inf")

    def closed(self, t: float, gap: float, speed: float) -> bool:
        """Whether the car, standing near at `t` seconds, is still to wait."""
        if speed < 0.1 and gap < 6:
            self.left_at = min(self.left_at, t + self.wait_s)
        return t < self.left_at
