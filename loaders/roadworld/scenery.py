"""What lines the streets: houses, trees, lamp posts, parked cars, people on the sidewalk."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from loaders.roadworld.mesh import Mesh, place
from loaders.roadworld.road import ROAD_HALF_WIDTH_M, SIDEWALK_M, STEP_M, Streets
from loaders.roadworld.shapes import STYLES, car, house, lamp_post, tree

_VERGE_M = ROAD_HALF_WIDTH_M + SIDEWALK_M
_KERB_TO_CAR_M = 1.25


@dataclass(frozen=True)
class Stroller:
    """Someone on a sidewalk of the main road: `offset` metres left of its centre, at `s` + `speed` * t metres."""

    s: float
    offset: float
    speed: float
    style: int


class _Plot(NamedTuple):
    """A place for an object on one side of a road: at arc length `s`, `offset` metres from the centre.

    The object heads along the road, or is `turned` round. It is left out where a road passes within `clear` metres,
    not counting its own when it stands on that.
    """

    mesh: Mesh
    s: float
    offset: float
    clear: float
    turned: bool


def furnish(rng: np.random.Generator, streets: Streets, track: np.ndarray, sight: float) -> Mesh:
    """All that stands beside and on the roads, in the world's frame, within `sight` metres of a track (n, 2)."""
    stretches = streets.stretches_near(track, sight)
    centrelines = [road.xy[round(begin / STEP_M) : round(end / STEP_M) : 12] for road, begin, end in stretches]
    built, wooded, parked = rng.uniform(0, 0.95), rng.uniform(0.1, 0.9), rng.uniform(0, 0.75)
    tallest = int(rng.integers(2, 9))
    meshes, places, headings = [], [], []
    for road, begin, end in stretches:
        keep_clear = [(0.0, 22.0)]
        if road is streets.main:
            keep_clear = [(j.s, 24.0) for j in streets.junctions] + [(s, 12.0) for s in streets.crossings]
        for side in (1, -1):
            plots = [
                *_houses(rng, begin, end, side, built, wooded, tallest),
                *_kerbside(rng, begin, end, side, wooded),
                *_parked_cars(rng, begin, end, side, parked, keep_clear),
            ]
            s, offset, clear, turned = np.array([plot[1:] for plot in plots]).reshape(-1, 4).T
            xy = road.beside(s, side * offset)
            gaps = [np.hypot(*(xy[:, None] - line).transpose(2, 0, 1)).min(axis=1) for line in centrelines]
            free = np.flatnonzero((np.array(gaps) < clear).sum(axis=0) <= (offset < clear))
            meshes += [plots[i].mesh for i in free]
            places.append(xy[free])
            headings.append((road.along(road.heading, s) + np.pi * turned)[free])
    return place(meshes, np.concatenate(places), np.concatenate(headings))


def _houses(
    rng: np.random.Generator, begin: float, end: float, side: int, built: float, wooded: float, tallest: int
) -> Iterator[_Plot]:
    """Houses with their fronts to the sidewalk, and trees in the gaps."""
    s = begin
    while s < end:
        length, style = int(rng.integers(8, 13)), int(rng.integers(STYLES))
        if rng.random() < built:
            mesh = house(length, int(rng.integers(1, tallest + 1)), style)
            yield _Plot(mesh, s + length / 2, _VERGE_M + rng.uniform(1, 5), _VERGE_M + 0.7, side < 0)
        elif rng.random() < wooded:
            mesh = tree(int(rng.integers(5, 11)), style)
            yield _Plot(mesh, s + length / 2, _VERGE_M + rng.uniform(0.5, 12), _VERGE_M, False)
        s += length


def _kerbside(rng: np.random.Generator, begin: float, end: float, side: int, wooded: float) -> Iterator[_Plot]:
    """Lamp posts and small trees on the sidewalk."""
    offset, clear = ROAD_HALF_WIDTH_M + 0.6, ROAD_HALF_WIDTH_M + 0.3
    for s in np.arange(begin + rng.uniform(8, 30), end, 34.0):
        yield _Plot(lamp_post(), s, offset, clear, side < 0)
        if rng.random() < wooded:
            yield _Plot(tree(int(rng.integers(4, 8)), int(rng.integers(STYLES))), s + 15, offset, clear, False)


def _parked_cars(
    rng: np.random.Generator,
    begin: float,
    end: float,
    side: int,
    parked: float,
    keep_clear: list[tuple[float, float]],
) -> Iterator[_Plot]:
    """In a row with gaps, away from junctions and zebra crossings, heading as the traffic beside them does."""
    offset = ROAD_HALF_WIDTH_M - _KERB_TO_CAR_M
    for s in np.arange(begin + rng.uniform(0, 6), end, 6.3):
        if rng.random() < parked and not any(abs(s - at) < margin for at, margin in keep_clear):
            yield _Plot(car(int(rng.integers(STYLES))), s, offset, ROAD_HALF_WIDTH_M, side > 0)


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
