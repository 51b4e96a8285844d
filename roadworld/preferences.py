"""Three trajectories of a moment and what a rater would say of them: as driven, at another pace, and carelessly."""

import numpy as np

from roadcue.roadworld.drive import Drive
from roadcue.roadworld.road import ROAD_HALF_WIDTH_M, STOP_LINE_M, ease
from roadcue.roadworld.states import STATE_STEPS
from roadcue.roadworld.streams import Streams
from roadcue.roadworld.traffic import DT_S, FRONT_M, REAR_M
from roadcue.schema import STEP_S, WAYPOINTS, Preference

RATED_FRAME = 150
"""Raters saw frames 147 to 150 of WOD-E2E's validation sequences."""
PLACEHOLDERS = (None, None, None)
"""What the other frames of the validation split carry."""
_STEPS = np.arange(WAYPOINTS + 2)
_TIMES = STEP_S * _STEPS
"""t = 0 ... 5.25 s. The first of a record's 21 points, as many as most real ones have, is at 0.25 s, since the
official score compares it with the first waypoint."""
_LATERAL_M, _AHEAD_M = (1.0, 1.8), (4.0, 7.2)
"""Deviations at 3 s and 5 s that raters forgive (WOD-E2E, arXiv 2510.26125, trust regions of the feedback score)."""
_FORGIVEN, _VIOLATION = 1.5, 3.0
"""Points that a deviation of this size costs, and a broken rule."""


def rated_position(drive: Drive) -> int:
    """Which of the drawn frames is rated: the one nearest to frame 150."""
    return int(np.argmin(np.abs(np.array(drive.frame_indices) - RATED_FRAME)))


def preferences(drive: Drive, position: int) -> tuple[Preference, ...]:
    """Three scored trajectories, (21, 2) metres, ego frame, t = 0.25 ... 5.25 s, in random order.

    The score, 0 to 10, falls with the distance from the log and with every rule that is broken: off the road, over
    the line of a red light, into another car or into someone who crosses.
    """
    origin, heading = drive.pose(drive.steps[position])
    c, s = np.cos(heading), np.sin(heading)
    to_ego = np.array([[c, -s], [s, c]])
    streams = drive.streams.within("rated", drive.frame_indices[position])
    candidates = _candidates(drive, position, streams)
    scored = []
    for place, world in enumerate(candidates):
        cost = _FORGIVEN * _deviation(world, candidates[0]) + _VIOLATION * _violations(drive, position, world)
        score = float(np.clip(9.5 - cost + streams.of("score", place).uniform(-0.5, 0.5), 0, 10))
        scored.append(Preference(((world[1:] - origin) @ to_ego).astype(np.float32), round(score, 1)))
    return tuple(scored[i] for i in streams.of("order").permutation(len(scored)))


def _candidates(drive: Drive, position: int, streams: Streams) -> list[np.ndarray]:
    """(22, 2) each, in the world, at `_TIMES`: the log first."""
    steps = drive.steps[position] + _STEPS * STATE_STEPS
    path, s = drive.traffic.ego.route.path, drive.ego[steps, 0]
    log, heading = path.along(path.xy, s), float(path.along(path.heading, s[0]))
    rng = streams.of("pace")
    if s[-1] - s[0] > 4:
        pace = rng.uniform(0.5, 0.8) if rng.random() < 0.5 else rng.uniform(1.25, 1.6)
        other_pace = path.along(path.xy, s[0] + pace * (s - s[0]))
    else:  # it waits; another would start
        other_pace = path.along(path.xy, s[0] + 0.5 * rng.uniform(0.8, 1.6) * _TIMES**2)
    ahead, left = np.array([np.cos(heading), np.sin(heading)]), np.array([-np.sin(heading), np.cos(heading)])
    careless = log[0] + np.outer(_TIMES * max(drive.ego[steps[0], 1], 1.5), ahead)
    if _deviation(careless, log) < 1.5:  # the log itself goes straight on
        rng = streams.of("careless")
        careless = careless + np.outer(ease(_TIMES / _TIMES[-1]), left * rng.choice([-1, 1]) * rng.uniform(2.5, 4.5))
    return [log, other_pace, careless]


def _deviation(world: np.ndarray, log: np.ndarray) -> float:
    """The greatest deviation at 3 s and 5 s, 1: as much as raters forgive."""
    deviations = [0.0]
    for step, lateral, ahead in zip((12, 20), _LATERAL_M, _AHEAD_M, strict=True):
        move = log[step] - log[step - 1]
        length = np.hypot(*move)
        forward = move / length if length > 0.05 else (log[1] - log[0]) / max(np.hypot(*(log[1] - log[0])), 1e-9)
        gap = world[step] - log[step]
        along = gap @ forward
        deviations += [abs(along) / ahead, float(np.sqrt(max(gap @ gap - along**2, 0))) / lateral]
    return max(deviations)


def _violations(drive: Drive, position: int, world: np.ndarray) -> int:
    """How many kinds of rules a trajectory breaks: keep to the road, stop at red, hit nobody."""
    steps = drive.steps[position] + _STEPS * STATE_STEPS
    roads = np.concatenate([road.xy[::4] for road in drive.streets.roads.values()])
    off_road = _distance(world, roads).min(axis=1).max() > ROAD_HALF_WIDTH_M
    return int(off_road) + int(_runs_red(drive, steps, world)) + int(_hits(drive, steps, world))


def _runs_red(drive: Drive, steps: np.ndarray, world: np.ndarray) -> bool:
    main = drive.streets.main
    front = np.array([main.nearest(point) for point in world]) + FRONT_M
    on_main = _distance(world, main.xy[::4]).min(axis=1) < ROAD_HALF_WIDTH_M
    for junction, light in drive.lights:
        line = junction.s - STOP_LINE_M
        passing = np.flatnonzero((front[:-1] < line) & (front[1:] >= line) & on_main[1:])
        if any(light.colour(steps[i] * DT_S) == "red" for i in passing):
            return True
    return False


def _hits(drive: Drive, steps: np.ndarray, world: np.ndarray) -> bool:
    """Would the car's middle line, from bumper to bumper, come too near to somebody who goes on as he did?"""
    moves = np.gradient(world, axis=0)
    lengths = np.hypot(*moves.T)[:, None]
    forward = np.where(lengths > 0.05, moves / np.maximum(lengths, 1e-9), moves[0] / max(np.hypot(*moves[0]), 1e-9))
    body = world[:, None] + np.linspace(-REAR_M, FRONT_M, 5)[:, None] * forward[:, None]
    for car in drive.traffic.others:
        s, path = np.array(car.track)[steps, 0], car.route.path
        heading = path.along(path.heading, s)
        middle = path.along(path.xy, s) + 1.45 * np.stack([np.cos(heading), np.sin(heading)], axis=1)
        if (np.hypot(*(body - middle[:, None]).transpose(2, 0, 1)) < 1.5).any():
            return True
    for person in drive.traffic.people:
        offset, walking = np.array(person.track)[steps].T
        place = drive.streets.main.beside(np.full(len(steps), person.s), offset)
        near = np.hypot(*(body - place[:, None]).transpose(2, 0, 1)).min(axis=1) < 1.1
        if (near & (walking > 0)).any():
            return True
    return False


def _distance(points: np.ndarray, others: np.ndarray) -> np.ndarray:
    """(n, m) metres between (n, 2) and (m, 2)."""
    return np.hypot(*(points[:, None] - others).transpose(2, 0, 1))
