"""The ground plan: centrelines, the junctions and obstacles on them, and the line that a car drives."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from roadcue.schema import Intent

STEP_M = 0.25
"""Spacing of a path's points."""
LANE_WIDTH_M = 3.5
LANE_CENTRE_M = LANE_WIDTH_M / 2
SECOND_LANE_M = 5.05
"""From the centreline to the middle of what is a parking lane or a second driving lane."""
ROAD_HALF_WIDTH_M = 6.6
"""One lane, and a second one or one for parking."""
SIDEWALK_M = 2.4
STOP_LINE_M = 11.0
"""From the middle of a junction to its stop lines."""


@dataclass(frozen=True)
class Path:
    """A line on the ground, a point every `STEP_M` metres of arc length.

    `xy` (n, 2) metres in the world, `heading` (n,) radians, unwrapped, `curvature` (n,) 1/m, left positive.
    """

    xy: np.ndarray
    heading: np.ndarray
    curvature: np.ndarray

    @property
    def length(self) -> float:
        """Arc length in metres."""
        return (len(self.xy) - 1) * STEP_M

    def along(self, column: np.ndarray, s: np.ndarray | float) -> np.ndarray:
        """Linear interpolation of a column of this path, (n,) or (n, k), at arc lengths `s`."""
        position = np.clip(np.asarray(s) / STEP_M, 0, len(column) - 1.001)
        before = position.astype(int)
        share = position - before
        if column.ndim == 2:
            share = share[..., None]
        return column[before] * (1 - share) + column[before + 1] * share

    def nearest(self, point: np.ndarray) -> float:
        """Arc length of the point of this path that is nearest to `point` (2,)."""
        return int(np.argmin(np.hypot(*(self.xy - point).T))) * STEP_M

    def stretch_near(self, track: np.ndarray, distance: float) -> tuple[float, float]:
        """The arc lengths (from, to) between which this path is within `distance` metres of points (n, 2)."""
        points = self.xy[::16]
        gap = np.hypot(*(points[:, None] - track[None]).transpose(2, 0, 1)).min(axis=1)
        near = np.flatnonzero(gap < distance)
        return (near[0] * 16 * STEP_M, near[-1] * 16 * STEP_M) if len(near) else (0.0, 0.0)

    def shifted(self, offset: np.ndarray) -> "Path":
        """This path moved `offset` (n,) metres to the left, point by point: arc length stays that of this path."""
        left = np.stack([-np.sin(self.heading), np.cos(self.heading)], axis=1)
        heading = self.heading + np.arctan(np.gradient(offset, STEP_M))
        return Path(self.xy + offset[:, None] * left, heading, np.gradient(heading, STEP_M))

    def beside(self, s: np.ndarray | float, offset: np.ndarray | float) -> np.ndarray:
        """Points (..., 2) `offset` metres to the left of arc lengths `s`."""
        heading = self.along(self.heading, s)
        left = np.stack([-np.sin(heading), np.cos(heading)], axis=-1)
        return self.along(self.xy, s) + np.asarray(offset)[..., None] * left


@dataclass(frozen=True)
class Junction:
    """Where side roads leave the main road: `s` on its centreline, arms that begin there and lead away."""

    s: float
    left: Path | None
    right: Path | None
    has_light: bool

    def arm(self, intent: Intent) -> Path | None:
        """The side road of a turn."""
        return {Intent.GO_LEFT: self.left, Intent.GO_RIGHT: self.right}.get(intent)


@dataclass(frozen=True)
class Works:
    """A construction site with cones along the right part of the right lane, between arc lengths of the main road."""

    begin: float
    end: float


@dataclass(frozen=True)
class Detour:
    """Between two arc lengths of the main road its right lane is driven `offset` metres farther left.

    Drivers come to that offset, and leave it, within `ramp` metres.
    """

    begin: float
    end: float
    offset: float
    ramp: float

    def share(self, s: np.ndarray) -> np.ndarray:
        """How much of the offset is driven at arc lengths `s`, 0 to 1, without a kink."""
        inside = np.minimum(s - self.begin, self.end - s)
        return ease(1 + inside / self.ramp)


class Stretch(NamedTuple):
    """A part of a road, between two of its arc lengths; `name` is the road's among those of the streets."""

    name: str
    road: Path
    begin: float
    end: float


@dataclass(frozen=True)
class Streets:
    """One main road with its junctions; `crossings` are arc lengths of zebra crossings between junctions.

    `debris` are arc lengths where an object lies in the right part of the right lane. `multilane`: what else is the
    parking lane is a second driving lane. Nobody parks on the right of the main road in the stretches (from, to) of
    `kerb_in_use`.
    """

    main: Path
    junctions: tuple[Junction, ...]
    crossings: tuple[float, ...]
    works: tuple[Works, ...] = ()
    debris: tuple[float, ...] = ()
    multilane: bool = False
    kerb_in_use: tuple[tuple[float, float], ...] = ()

    @property
    def roads(self) -> dict[str, Path]:
        """All centrelines, the main road first, by names that tell where each begins."""
        arms = [(side, junction) for junction in self.junctions for side in ("left", "right")]
        named = {f"{side} at {round(junction.s)} m": getattr(junction, side) for side, junction in arms}
        return {"main": self.main} | {name: arm for name, arm in named.items() if arm}

    def stretches_near(self, track: np.ndarray, distance: float) -> list[Stretch]:
        """The parts of the roads that come within `distance` metres of points (n, 2)."""
        stretches = [Stretch(name, road, *road.stretch_near(track, distance)) for name, road in self.roads.items()]
        return [stretch for stretch in stretches if stretch.begin < stretch.end]


@dataclass(frozen=True)
class Route:
    """The line that a car's rear axle follows; `turn` is the stretch (from, to) of arc length where it turns off.

    It does so at `junction`, and stays on the main road without one.
    """

    path: Path
    intent: Intent = Intent.GO_STRAIGHT
    turn: tuple[float, float] = (np.inf, np.inf)
    junction: Junction | None = None

    def road_at(self, s: float, streets: Streets) -> Path:
        """The road that is driven at arc length `s`; within the turn it changes half way."""
        arm = self.junction.arm(self.intent) if self.junction else None
        return arm if arm and s > sum(self.turn) / 2 else streets.main


def ease(share: np.ndarray) -> np.ndarray:
    """From 0 at 0 to 1 at 1 and level at both, 3 x^2 - 2 x^3; clipped outside."""
    x = np.clip(share, 0, 1)
    return x * x * (3 - 2 * x)


def follow_curvature(start: np.ndarray, heading: float, curvature: np.ndarray) -> Path:
    """The path that begins at `start` (2,) and bends by `curvature` (n,) 1/m."""
    steps = (curvature[1:] + curvature[:-1]) / 2 * STEP_M
    headings = heading + np.concatenate([[0.0], np.cumsum(steps)])
    middle = (headings[1:] + headings[:-1]) / 2
    moves = np.stack([np.cos(middle), np.sin(middle)], axis=1) * STEP_M
    return Path(start + np.concatenate([np.zeros((1, 2)), np.cumsum(moves, axis=0)]), headings, curvature)


def path_through(points: np.ndarray, smoothing_m: float = 1.5) -> Path:
    """A smooth path along (n, 2) points: resampled, then averaged with a Gaussian, so that a driver can steer it."""
    points = _resample(points)
    reach = round(3 * smoothing_m / STEP_M)
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) * STEP_M / smoothing_m) ** 2)
    kernel /= kernel.sum()
    # Mirrored through the ends, so that they stay where they are.
    head, tail = 2 * points[0] - points[reach:0:-1], 2 * points[-1] - points[-2 : -reach - 2 : -1]
    padded = np.concatenate([head, points, tail])
    points = _resample(np.stack([np.convolve(padded[:, i], kernel, "valid") for i in (0, 1)], axis=1))
    direction = np.gradient(points, STEP_M, axis=0)
    heading = np.unwrap(np.arctan2(direction[:, 1], direction[:, 0]))
    return Path(points, heading, np.gradient(heading, STEP_M))


def _resample(points: np.ndarray) -> np.ndarray:
    arc = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])
    s = np.arange(0, arc[-1], STEP_M)
    return np.stack([np.interp(s, arc, points[:, 0]), np.interp(s, arc, points[:, 1])], axis=1)


def plan_route(
    rng: np.random.Generator,
    streets: Streets,
    intent: Intent,
    junction: Junction | None,
    detours: Sequence[Detour] = (),
) -> Route:
    """The driven line in the right lane of the main road, turning off at `junction` unless it is None.

    It makes the `detours` on the main road, and wanders by some centimetres around the lane's centre, as a person
    drives. A turn is a cubic Bezier curve near the circular arc between the two lanes (control points at 0.5523 of
    the tangents).
    """
    wavelength, phase, amplitude = rng.uniform(50, 120), rng.uniform(0, 2 * np.pi), rng.uniform(0.03, 0.15)

    def lane(road: Path, begin: float, end: float) -> np.ndarray:
        s = np.arange(begin, end, 1.0)
        offset = -LANE_CENTRE_M + amplitude * np.sin(2 * np.pi * s / wavelength + phase)
        if road is streets.main:
            offset += sum(detour.offset * detour.share(s) for detour in detours)
        return road.beside(s, offset)

    main = streets.main
    arm = junction.arm(intent) if junction else None
    if junction is None or arm is None:
        return Route(path_through(lane(main, 0, main.length)))
    tangent = 8.0 if intent == Intent.GO_RIGHT else 11.5
    before, after = float(main.along(main.heading, junction.s)), float(arm.heading[0])
    entry, leave = (np.array([np.cos(h), np.sin(h)]) for h in (before, after))
    # Where the two lanes' centres meet.
    start, goal = main.beside(junction.s, -LANE_CENTRE_M), arm.beside(0.0, -LANE_CENTRE_M)
    along, _ = np.linalg.solve(np.stack([entry, -leave], axis=1), goal - start)
    corner = start + along * entry
    control = [corner - tangent * entry, corner - 0.4477 * tangent * entry]
    control += [corner + 0.4477 * tangent * leave, corner + tangent * leave]
    t = np.linspace(0, 1, 40)[:, None]
    curve = sum(
        w * p for w, p in zip(((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3), control, strict=True)
    )
    out = float((control[3] - arm.xy[0]) @ leave)
    points = [lane(main, 0, junction.s + along - tangent - 1), curve, lane(arm, out + 1, arm.length)]
    path = path_through(np.concatenate(points))
    return Route(path, intent, (path.nearest(control[0]), path.nearest(control[3])), junction)
