"""What lies ahead of the car in a drawn frame, as far as its driver sees, in numbers."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from roadcue.roadworld.drive import Drive
from roadcue.roadworld.holds import bars
from roadcue.roadworld.road import LANE_CENTRE_M, STOP_LINE_M, Path
from roadcue.roadworld.traffic import DT_S, FRONT_M, REAR_M, SIGHT_M

LANE_AHEAD_M = (5.0, 10.0, 15.0, 20.0, 30.0, 40.0, 50.0, 60.0)
"""Ahead of the rear axle, along the lane, where its middle is told."""
Crossing = Literal["none", "pedestrian", "cyclist"]


@dataclass(frozen=True)
class RoadAhead:
    """A moment of a drive, as far as 70 m ahead on the road that is driven.

    `lane_ahead` (8,) metres left, ego frame: the middle of the driven lane `LANE_AHEAD_M` ahead along the road that
    the car is on, not along a turn that it will take. All `_m` are metres from the front bumper, None when there is
    no such thing: to the rear bumper of the next vehicle in the lane, the stop line of the next light, the next zebra
    crossing with someone at it, the middle of the next junction, the begin of the next construction site (0 beside
    it), the next object on the lane, the next vehicle that stands half in the lane, the front bumper of the next
    oncoming car. A crossing is closed while someone is on the way to the driven lane, or on it.
    """

    lane_ahead: tuple[float, ...]
    lead_m: float | None
    lead_braking: bool
    light: str | None
    light_m: float | None
    crossing_m: float | None
    someone_crossing: Crossing
    crossing_closed: bool
    junction_m: float | None
    left_arm: bool
    right_arm: bool
    works_m: float | None
    debris_m: float | None
    standing_m: float | None
    cut_in: bool
    oncoming_m: float | None


@dataclass(frozen=True)
class _Others:
    """The other cars at a time step, (cars,) each: on the road at `s`, `offset` metres left of its middle."""

    s: np.ndarray
    offset: np.ndarray
    along: np.ndarray
    """Cosine of the angle between a car and the road."""
    braking: np.ndarray
    still: np.ndarray
    merging: np.ndarray


def road_ahead(drive: Drive, position: int) -> RoadAhead:
    """What is ahead in the drive's drawn frame number `position`."""
    step = drive.steps[position]
    xy, heading = drive.pose(step)
    road = drive.traffic.ego.route.road_at(drive.ego[step, 0], drive.streets)
    here = road.nearest(xy)
    front = here + FRONT_M
    others = _others(drive, step, road)
    in_lane = np.abs(others.offset + LANE_CENTRE_M) < 1.5
    lead, lead_m = _next(np.where(in_lane & (others.along > 0), others.s - REAR_M - front, np.nan))
    half_in_lane = others.still & (np.abs(others.offset + LANE_CENTRE_M + 2.2) < 0.6)
    _, standing_m = _next(np.where(half_in_lane, others.s - REAR_M - front, np.nan))
    ahead_in_other = (np.abs(others.offset - LANE_CENTRE_M) < 1.5) & (others.along < -0.5)
    _, oncoming_m = _next(np.where(ahead_in_other, others.s - FRONT_M - front, np.nan))
    cutting_in = others.merging & (others.s > here) & (others.s < here + SIGHT_M)
    lane = _lane_ahead(road, here) - xy
    on_main = road is drive.streets.main
    return RoadAhead(
        lane_ahead=tuple((lane @ [-np.sin(heading), np.cos(heading)]).tolist()),
        lead_m=lead_m,
        lead_braking=lead is not None and bool(others.braking[lead]),
        **_fixed_things(drive, int(step), front if on_main else np.inf),
        standing_m=standing_m,
        cut_in=bool(cutting_in.any()),
        oncoming_m=oncoming_m,
    )


def _lane_ahead(road: Path, here: float) -> np.ndarray:
    """(8, 2) metres in the world: the driven lane's middle at `LANE_AHEAD_M`, which in bends is not the road's."""
    lane = road.beside(here + np.arange(0.0, 1.3 * LANE_AHEAD_M[-1], 0.5), -LANE_CENTRE_M)
    travelled = np.concatenate([[0.0], np.hypot(*np.diff(lane, axis=0).T).cumsum()])
    return np.stack([np.interp(LANE_AHEAD_M, travelled, along) for along in lane.T], axis=1)


def _fixed_things(drive: Drive, step: int, front: float) -> dict:
    """What lies on the main road ahead of `front`, as fields of `RoadAhead`."""
    streets = drive.streets
    light, light_m = _next([junction.s - STOP_LINE_M - front for junction, _ in drive.lights], at_least=-1.0)
    junction, junction_m = _next([junction.s - front for junction in streets.junctions])
    people = drive.traffic.people
    visited = [s for s in streets.crossings if any(abs(person.s - s) < 2 for person in people)]
    crossing, crossing_m = _next([s - 1.3 - front for s in visited], at_least=-2.6)
    crossers = [p for p in people if crossing is not None and abs(p.s - visited[crossing]) < 2 and p.track[step][1]]
    works = [max(works.begin - front, 0.0) if front < works.end + REAR_M else np.nan for works in streets.works]
    return {
        "light": None if light is None else drive.lights[light][1].colour(step * DT_S),
        "light_m": light_m,
        "crossing_m": crossing_m,
        "someone_crossing": ("cyclist" if crossers[0].cycling else "pedestrian") if crossers else "none",
        "crossing_closed": any(bars(p.track[step][0], p.side, -LANE_CENTRE_M) for p in crossers),
        "junction_m": junction_m,
        "left_arm": junction is not None and streets.junctions[junction].left is not None,
        "right_arm": junction is not None and streets.junctions[junction].right is not None,
        "works_m": _next(works)[1],
        "debris_m": _next([s - front for s in streets.debris])[1],
    }


def _others(drive: Drive, step: int, road: Path) -> _Others:
    rows = []
    for car in drive.traffic.others:
        s, speed, accel = car.track[step]
        path = car.route.path
        xy, heading = path.along(path.xy, s), float(path.along(path.heading, s))
        there = road.nearest(xy)
        road_heading = float(road.along(road.heading, there))
        offset = (xy - road.along(road.xy, there)) @ [-np.sin(road_heading), np.cos(road_heading)]
        changing = car.merging is not None and car.merging[0] < s < car.merging[1]
        lit = accel < -0.5 or speed < 0.3
        rows.append((there, offset, np.cos(heading - road_heading), lit, speed < 0.1, changing))
    table = np.array(rows, float).reshape(-1, 6)
    return _Others(*table[:, :3].T, *(table[:, 3:] > 0).T)


def _next(distances: np.ndarray | list[float], at_least: float = 0.0) -> tuple[int | None, float | None]:
    """Place and value of the least distance between `at_least` and what a driver sees; NaN is nowhere."""
    distances = np.array(distances, float)
    seen = np.flatnonzero((distances >= at_least) & (distances < SIGHT_M))
    if not len(seen):
        return None, None
    place = int(seen[np.argmin(distances[seen])])
    return place, float(distances[place])
