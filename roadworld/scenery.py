"""What lines the streets: houses, trees, lamp posts, parked cars, people on the sidewalk."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from roadcue.roadworld.mesh import Mesh, place
from roadcue.roadworld.road import LANE_WIDTH_M, ROAD_HALF_WIDTH_M, SIDEWALK_M, STEP_M, Path, Streets, Works
from roadcue.roadworld.shapes import STYLES, barrier, cone, debris, house, lamp_post, tree
from roadcue.roadworld.vehicles import car

_VERGE_M = ROAD_HALF_WIDTH_M + SIDEWALK_M
_KERB_TO_CAR_M = 1.25
_WORKS_M = 1.0
"""How far the cones of road works stand in the right lane."""


@dataclass(frozen=True)
class Stroller:
    """Someone on a sidewalk of the main road: `offset` metres left of its centre, at `s` + `speed` * t metres."""

    s: float
    offset: float
    speed: float
    style: int


class Plot(NamedTuple):
    """A place for an object on one side of a road: at arc length `s`, `offset` metres from the centre.

    The object heads along the road, or is `turned` round. It is left out where a road passes within `clear` metres,
    not counting its own when it stands on that.
    """

    mesh: Mesh
    s: float
    offset: float
    clear: float
    turned: bool


def furnish(rng: np.random.Generator, streets: Streets, track: np.ndarray, sight: float, lit: bool) -> Mesh:
    """All that stands beside and on the roads, in the world's frame, within `sight` metres of a track (n, 2).

    `lit`: the street lamps and the windows shine.
    """
    stretches = streets.stretches_near(track, sight)
    centrelines = [road.xy[round(begin / STEP_M) : round(end / STEP_M) : 12] for road, begin, end in stretches]
    built, wooded, parked = rng.uniform(0, 0.95), rng.uniform(0.1, 0.9), rng.uniform(0, 0.75)
    tallest = int(rng.integers(2, 9))
    meshes, places, headings = [], [], []
    for road, begin, end in stretches:
        for side in (1, -1):
            plots = [
                *_houses(rng, begin, end, side, built, wooded, tallest, lit),
                *_kerbside(rng, begin, end, side, wooded, lit),
                *_parked_cars(rng, begin, end, side, parked, _no_parking(streets, road, side)),
            ]
            if road is streets.main and side < 0:
                plots += [*(plot for works in streets.works for plot in works_plots(works)), *_debris(streets)]
            s, offset, clear, turned = np.array([plot[1:] for plot in plots]).reshape(-1, 4).T
            xy = road.beside(s, side * offset)
            gaps = [np.hypot(*(xy[:, None] - line).transpose(2, 0, 1)).min(axis=1) for line in centrelines]
            free = np.flatnonzero((np.array(gaps) < clear).sum(axis=0) <= (offset < clear))
            meshes += [plots[i].mesh for i in free]
            places.append(xy[free])
            headings.append((road.along(road.heading, s) + np.pi * turned)[free])
    return place(meshes, np.concatenate(places), np.concatenate(headings))


def _houses(
    rng: np.random.Generator,
    begin: float,
    end: float,
    side: int,
    built: float,
    wooded: float,
    tallest: int,
    lit: bool,
) -> Iterator[Plot]:
    """Houses with their fronts to the sidewalk, and trees in the gaps."""
    s = begin
    while s < end:
        length, style = int(rng.integers(8, 13)), int(rng.integers(STYLES))
        if rng.random() < built:
            mesh = house(length, int(rng.integers(1, tallest + 1)), style, lit)
            yield Plot(mesh, s + length / 2, _VERGE_M + rng.uniform(1, 5), _VERGE_M + 0.7, side < 0)
        elif rng.random() < wooded:
            mesh = tree(int(rng.integers(5, 11)), style)
            yield Plot(mesh, s + length / 2, _VERGE_M + rng.uniform(0.5, 12), _VERGE_M, False)
        s += length


def _kerbside(
    rng: np.random.Generator, begin: float, end: float, side: int, wooded: float, lit: bool
) -> Iterator[Plot]:
    """Lamp posts and small trees on the sidewalk."""
    offset, clear = ROAD_HALF_WIDTH_M + 0.6, ROAD_HALF_WIDTH_M + 0.3
    for s in np.arange(begin + rng.uniform(8, 30), end, 34.0):
        yield Plot(lamp_post(lit), s, offset, clear, side < 0)
        if rng.random() < wooded:
            yield Plot(tree(int(rng.integers(4, 8)), int(rng.integers(STYLES))), s + 15, offset, clear, False)


def _no_parking(streets: Streets, road: Path, side: int) -> np.ndarray:
    """(n, 2) arc lengths (from, to) on one side of a road: junctions, crossings, whoever else needs the kerb."""
    if road is not streets.main:
        return np.array([[-22.0, 22.0]])
    if streets.multilane:
        return np.array([[-np.inf, np.inf]])
    stretches = [(j.s - 24, j.s + 24) for j in streets.junctions] + [(s - 12, s + 12) for s in streets.crossings]
    if side < 0:
        stretches += [(works.begin - 8, works.end + 4) for works in streets.works]
        stretches += [(s - 8, s + 4) for s in streets.debris] + list(streets.kerb_in_use)
    return np.array(stretches).reshape(-1, 2)


def _parked_cars(
    rng: np.random.Generator, begin: float, end: float, side: int, parked: float, no_parking: np.ndarray
) -> Iterator[Plot]:
    """In a row with gaps, not between the arc lengths of `no_parking`, heading as the traffic beside them does."""
    offset = ROAD_HALF_WIDTH_M - _KERB_TO_CAR_M
    for s in np.arange(begin + rng.uniform(0, 6), end, 6.3):
        if rng.random() < parked and not ((no_parking[:, 0] < s) & (s < no_parking[:, 1])).any():
            yield Plot(car(int(rng.integers(STYLES))), s, offset, ROAD_HALF_WIDTH_M, side > 0)


def works_plots(works: Works) -> Iterator[Plot]:
    """A board at the beginning, a taper of cones after it, and cones along the works, on the right of the road."""
    yield Plot(barrier(), works.begin, LANE_WIDTH_M - 0.2, 0.0, False)
    for s in np.arange(works.begin - 9, works.end + 0.1, 3.0):
        taper = np.clip((works.begin - s) / 9, 0, 1)
        yield Plot(cone(), s, LANE_WIDTH_M - _WORKS_M + 1.7 * taper, 0.0, False)


def _debris(streets: Streets) -> Iterator[Plot]:
    """What lies in the right part of the right lane."""
    for s in streets.debris:
        yield Plot(debris(round(s)), s, LANE_WIDTH_M - 0.7, 0.0, False)


def strollers(rng: np.random.Generator, streets: Streets, track: np.ndarray, sight: float) -> list[Stroller]:
    """People who walk along the main road, in both directions, within `sight` metres of a track (n, 2)."""
    begin, end = streets.main.stretch_near(track, sight)
    return [
        Stroller(
            rng.uniform(begin, end),
            float(rng.choice([-1, 1]) * (_VERGE_M - rng.uniform(0.5, 1.4))),
            float(rng.choice([-1, 1]) * rng.uniform(0.9, 1.6)),
            int(rng.integers(STYLES)),
        )
        for _ in range(int(rng.integers(0, int(end - begin) // 18 + 1)))
    ]
