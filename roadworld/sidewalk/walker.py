"""How somebody on foot decides where to put his feet: by what he sees now, four times a second.

As in the heuristic model of pedestrians (Moussaid, Helbing and Theraulaz, PNAS 108, 6884, 2011) he takes the way on
which he gets far without bumping into anything and which is near the one he likes, and is only as fast as leaves him
time to stop. His speed relaxes to the wanted one as in the social force model (Helbing and Molnar, Phys. Rev. E 51,
4282, 1995). Where things will be he takes from how they move now; he knows nothing of what comes later.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from math import atan2, cos, pi, radians, sin

import numpy as np

from roadcue.roadworld.sidewalk.scene import Place, Scene, Way
from roadcue.roadworld.traffic import DT_S

DECISION_STEPS = 5
"""Time steps from one decision to the next: 0.25 s, about a reaction time."""
BODY_M = 0.25
"""Half as wide as shoulders are."""
_SLOWEST_M_S, FASTEST_M_S = 1.1, 1.6
"""Paces of walkers."""
_RELAXATION_S = 0.5
"""Of the speed (Helbing and Molnar, 1995, tau)."""
_STANDS_M_S = 0.05
_TURN_S = 0.4
"""The same of the heading."""
_CREEP_M_S, _SLOWEST = 0.03, 0.6
"""Forwards, for one who has to get past what he nearly touches; and the share of his pace that side steps cost."""
_TOUCH_M, _TOUCH_S = 0.06, 0.9
"""He goes nowhere where he would come so near to somebody in that time."""
_SIDLE_M_S, _GRAZE_M = 0.2, 0.01
"""Sideways, out from behind what he nearly touches; and more than his shoulders need, for one who gets by."""
_LAG_S = 0.3
"""It takes him to turn."""
_HEADWAY_S = 1.2
"""He is no faster than would bring him to what is in his way in that time."""
ROOM_M = BODY_M + 0.13
"""Between his middle and what he passes."""
_STAND_M = 0.35
"""So much more he leaves to what he stops before."""
_SIGHT_M, _CALM_M, _LEAST_REACH_M = 7.0, 3.0, 0.8
"""As far as he looks for what is in his way; within how much he changes lines without need, and at least."""
_LANE_M = 0.15
"""Between the lines that he chooses among."""
_HARDEST_ACCEL, _HARDEST_BRAKE, LATERAL_ACCEL, TURN_RATE = 1.2, 2.5, 1.1, 1.3
"""Bounds in m/s^2, and in rad/s for one who hardly moves."""
_STEEP, _STEEPEST = radians(27), radians(80)
"""Away from straight ahead he turns at most, at his pace and at a stand."""
_KERB_M, _ON_ROAD_M = 0.5, 0.1
"""He stops so far from a road, or a little nearer; who is nearer than that crosses it."""
_CAUTION_M, _CAUTION, _LOOKS_LEFT_AND_RIGHT_M = 3.0, 0.65, 6.0
"""He nears it at a share of his pace."""
_JOINS_S = (0.25, 2.5)
"""When somebody who is beside the path goes back to it."""
_CAR_SIDE_M, _MORE_TIME_S = 0.8, 1.0
"""Left between him and a car that passes; and the time that he wants beyond what the road takes him."""


Logged = tuple[float, float, float, float, float, float]
"""The walker at a time step: x, y, heading; speed, acceleration along the heading, rate of turn; metres, seconds."""


@dataclass
class Car:
    """One that drives along y on a road across the way: the middle of its extent, half of it, and m/s."""

    y: float
    half: float
    speed: float

    def comes(self, y: float, within_s: float) -> bool:
        """Whether it is at a place, or will be so soon."""
        towards = np.sign(self.speed) * (y - self.y)
        reach = self.half + _CAR_SIDE_M
        return bool(towards + reach > 0 and (towards - reach) / abs(self.speed) < within_s)


@dataclass
class Walker:
    """Somebody on foot who walks along x (`sense` 1) or back (-1), metres, seconds, radians.

    `turn` is his direction's angle towards larger y. Until `joins_s` he keeps about his y, from then on to the `way`.
    About the line that he likes he sways by `sway`: metres, seconds of a period, and its phase.
    """

    x: float
    y: float
    pace: float
    way: Way
    likes: float
    sense: int = 1
    joins_s: float = -np.inf
    sway: tuple[float, float, float] = (0.0, 1.0, 0.0)
    turn: float = 0.0
    walked: float = 0.0

    def __post_init__(self) -> None:
        self.speed = self.pace
        self._beside = self.y
        self._aim, self._reach, self._wish = self.y, _CALM_M, self.pace
        self._waits = self._sidles = False

    @property
    def place(self) -> Place:
        """Where he is."""
        return Place(self.x, self.y, self.heading, self.walked)

    @property
    def heading(self) -> float:
        """Where he faces."""
        return self.turn if self.sense > 0 else pi - self.turn

    @property
    def along(self) -> float:
        """His velocity along x, m/s."""
        return self.sense * self.speed * cos(self.turn)

    @property
    def across(self) -> float:
        """His velocity along y, m/s."""
        return self.speed * sin(self.turn)

    def decide(self, t: float, around: np.ndarray, cars: Iterable[Car], red: bool = False) -> None:
        """Choose a line and a speed among things (n, 5): x from, to, y from, to, velocity along x.

        `red`: so is the light at the road across the way.
        """
        low, high = (self.way.low, self.way.high) if t >= self.joins_s else (self._beside - 0.4, self._beside + 0.4)
        metres, period, phase = self.sway
        likes = (self.likes if t >= self.joins_s else self._beside) + metres * sin(2 * pi * t / period + phase)
        likes = min(max(likes, low), high)
        begin = around[:, 0] - self.x if self.sense > 0 else self.x - around[:, 1]
        end = around[:, 1] - self.x if self.sense > 0 else self.x - around[:, 0]
        closing = self.pace - self.sense * around[:, 4]
        near = (begin < _SIGHT_M) & (end > -ROOM_M) & (closing > 0.05)
        near &= (around[:, 3] > min(low, self.y) - ROOM_M) & (around[:, 2] < max(high, self.y) + ROOM_M)
        if near.any():
            lanes = np.append(np.arange(min(low, self.y), max(high, self.y), _LANE_M), likes)
            gap = np.maximum(begin[near] - ROOM_M, 0)
            oncoming = self.sense * around[near, 4] < -_CREEP_M_S
            self._choose(lanes, likes, gap, gap * self.pace / closing[near], around[near, 2:4], oncoming)
            self._mind(self._until_touch(around[near]) / _TOUCH_S)
        else:
            self._aim, self._reach, self._wish = likes, _CALM_M, self.pace
            self._waits = self._sidles = False
        if self.way.road:
            self._wish = min(self._wish, self._speed_at_road(*self.way.road, cars, red))

    def _choose(
        self,
        lanes: np.ndarray,
        likes: float,
        gap: np.ndarray,
        enter: np.ndarray,
        y: np.ndarray,
        oncoming: np.ndarray,
    ) -> None:
        """Among `lanes` (m,), where things (k,) are `gap` metres ahead, and reached after he has walked `enter`."""
        low, high = y[:, 0] - ROOM_M, y[:, 1] + ROOM_M
        # Beside a thing he is no nearer to it than he is, if that is far enough to get by.
        beside_right, beside_left = (gap == 0) & (self.y < y[:, 0]), (gap == 0) & (self.y > y[:, 1])
        low = np.where(beside_right, np.clip(self.y, low, y[:, 0] - BODY_M - _GRAZE_M), low)
        high = np.where(beside_left, np.clip(self.y, y[:, 1] + BODY_M + _GRAZE_M, high), high)
        left, right = lanes[:, None] >= high, lanes[:, None] <= low
        aside = np.where(left, np.maximum(high - self.y, 0), np.maximum(self.y - low, 0))
        steep = np.arctan2(aside, np.maximum(enter - _LAG_S * self.speed, 1e-3))
        in_the_way = ~(left | right) | (beside_right & left) | (beside_left & right)
        free = np.where(in_the_way, enter, _SIGHT_M).min(axis=1)
        slow = np.clip((steep.max(axis=1) - _STEEP) / (_STEEPEST - _STEEP), 0, _SLOWEST)
        outside = np.maximum(np.maximum(self.way.right - lanes, lanes - self.way.left), 0)
        cost = 10 * (1 - free / _SIGHT_M) + 0.6 * np.abs(lanes - likes) + 0.5 * np.abs(lanes - self._aim)
        # On the right people pass each other where cars drive on the right.
        wrong_side = ((left if self.sense > 0 else right) & oncoming).any(axis=1)
        best = int(np.argmin(cost + 2 * slow + 1.5 * outside + 0.7 * wrong_side))
        self._aim = float(lanes[best])
        straight = (low < self.y) & (self.y < high)
        self._reach = max(_LEAST_REACH_M, float(enter[straight].min(initial=_CALM_M)))
        before = in_the_way[best]
        if before.any():
            self._wish = min(self.pace, max(0.0, (float(gap[before].min()) - _STAND_M) / _HEADWAY_S))
        else:
            forwards = max(_CREEP_M_S, float(gap[straight].min(initial=np.inf)) / _HEADWAY_S)
            self._wish = min(self.pace * (1 - float(slow[best])), forwards / max(cos(self.turn), 0.05))

    def _mind(self, safe: float) -> None:
        """No faster than is `safe`; where that would hold him though there is a way, he sidles out."""
        self._waits = self._wish == 0
        self._sidles = not self._waits and safe < _CREEP_M_S
        if self._sidles:
            safe = min(_SIDLE_M_S, _GRAZE_M / 2 / max(cos(self.turn), 0.01))
        self._wish = min(self._wish, safe)

    def _until_touch(self, around: np.ndarray) -> float:
        """How many metres he may go on as he is turned before he touches a thing, if all move on as they do."""
        speed = max(self.speed, 0.3)
        apart_x = np.maximum(around[:, 0] - self.x, self.x - around[:, 1])
        apart_y = np.maximum(around[:, 2] - self.y, self.y - around[:, 3])
        # What he is nearer to already does not hold him as long as he comes no nearer.
        room = np.clip(np.maximum(apart_x, apart_y) - _GRAZE_M, BODY_M - _GRAZE_M, BODY_M + _TOUCH_M)
        ahead, aside = self.sense * speed * cos(self.turn) - around[:, 4], speed * sin(self.turn)
        enter, leave = np.zeros(len(around)), np.full(len(around), np.inf)
        for low, high, here, towards in (
            (around[:, 0], around[:, 1], self.x, ahead),
            (around[:, 2], around[:, 3], self.y, np.full(len(around), aside)),
        ):
            towards = np.where(np.abs(towards) < 1e-6, 1e-6, towards)
            first, last = (low - room - here) / towards, (high + room - here) / towards
            enter, leave = np.maximum(enter, np.minimum(first, last)), np.minimum(leave, np.maximum(first, last))
        middle_x, middle_y = (around[:, 0] + around[:, 1]) / 2 - self.x, (around[:, 2] + around[:, 3]) / 2 - self.y
        nears = np.where(apart_x > apart_y, middle_x * ahead, middle_y * aside) > 0
        touched = (enter < leave) & ((enter > 0) | nears)
        return float(speed * enter[touched].min(initial=np.inf))

    def _speed_at_road(self, begin: float, end: float, cars: Iterable[Car], red: bool) -> float:
        """Slower near its kerb, and none at it while a car comes or the light is red."""
        left = (begin - self.x if self.sense > 0 else self.x - end) - _KERB_M
        if not _ON_ROAD_M - _KERB_M < left < _LOOKS_LEFT_AND_RIGHT_M:
            return self.pace
        needed_s = (left + _KERB_M + end - begin) / self.pace + _MORE_TIME_S
        if red or any(car.comes(self.y, needed_s) for car in cars):
            return max(0.0, left) / _HEADWAY_S
        return _CAUTION * self.pace if left < _CAUTION_M else self.pace

    def step(self) -> Logged:
        """One time step on the way that he has chosen; returns how it began."""
        speed, turn, metres = self.speed, self.turn, self.speed * DT_S
        accel, turn_rate = self._accel_and_turn_rate()
        logged = (self.x, self.y, self.heading, speed, accel, self.sense * turn_rate)
        self.walked += metres
        self._reach = max(_LEAST_REACH_M, self._reach - metres)
        self.x += self.sense * metres * cos(turn)
        self.y += metres * sin(turn)
        self.turn += turn_rate * DT_S
        self.speed = max(0.0, speed + accel * DT_S)
        return logged

    def _accel_and_turn_rate(self) -> tuple[float, float]:
        speed = self.speed
        if self._waits and speed < _STANDS_M_S:
            return -speed / DT_S, 0.0
        accel = (self._wish - speed) / _RELAXATION_S
        # The slower he is, the more he can turn aside.
        steepest = _STEEP + (_STEEPEST - _STEEP) * max(0.0, 1 - speed / self.pace)
        reach = self._reach / 2
        if self._sidles:
            steepest, reach = pi / 2, _GRAZE_M
        wanted = atan2(self._aim - self.y, reach)
        turn_rate = (min(max(wanted, -steepest), steepest) - self.turn) / _TURN_S
        fastest = min(TURN_RATE, LATERAL_ACCEL / max(speed, 0.1))
        return min(max(accel, -_HARDEST_BRAKE), _HARDEST_ACCEL), min(max(turn_rate, -fastest), fastest)


def set_out(rng: np.random.Generator, scene: Scene, before_s: float) -> Walker:
    """The walker so long before t = 0, when he is about at x = 0 unless something holds him up."""
    pace, way = float(rng.uniform(_SLOWEST_M_S, FASTEST_M_S)), scene.way
    sway = float(rng.uniform(0.03, 0.16)), float(rng.uniform(5, 10)), float(rng.uniform(0, 2 * pi))
    joins_s, share = float(rng.uniform(*_JOINS_S)), float(rng.uniform(0, 0.7))
    if not scene.astray:
        return Walker(-pace * before_s, scene.start, pace, way, scene.start, sway=sway)
    likes = share * (way.right if scene.start < 0 else way.left)
    return Walker(-pace * before_s, scene.start, pace, way, likes, joins_s=joins_s, sway=sway)
