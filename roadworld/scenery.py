"""What lines the streets: houses, trees, lamp posts, clutter, parked cars, people on the sidewalk."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from roadcue.roadworld.clutter import draw_clutter
from roadcue.roadworld.mesh import Mesh, place
from roadcue.roadworld.road import LANE_WIDTH_M, ROAD_HALF_WIDTH_M, SIDEWALK_M, STEP_M, Path, Streets, Stretch, Works
from roadcue.roadworld.shapes import SEASONS, STYLES, barrier, cone, debris, house, lamp_post, tree
from roadcue.roadworld.streams import Streams
from roadcue.roadworld.vehicles import car

_VERGE_M = ROAD_HALF_WIDTH_M + SIDEWALK_M
_KERB_TO_CAR_M = 1.25
_HOUSE_M, _LAMPS_M, _PARKING_M, _STROLLERS_M, _CLUTTER_M = 10, 34.0, 6.3, 9.0, 7.0
"""From one place to the next in a row of each."""
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


@dataclass(frozen=True)
class Quarter:
    """What a part of town is full of, as shares of the places taken; its houses have at most `tallest` floors."""

    built: float
    wooded: float
    parked: float
    walked: float
    cluttered: float
    tallest: int

    @classmethod
    def of(cls, streams: Streams) -> "Quarter":
        """Drawn, each by itself."""
        return cls(
            built=streams.of("built").uniform(0, 0.95),
            wooded=streams.of("wooded").uniform(0.1, 0.9),
            parked=streams.of("parked").uniform(0, 0.75),
            walked=streams.of("walked").uniform(0, 0.5),
            cluttered=streams.of("cluttered").uniform(0, 0.8),
            tallest=int(streams.of("tallest").integers(2, 9)),
        )


def draw_season(rng: np.random.Generator, weather: str) -> str:
    """One of `SEASONS`; where snow lies it is winter."""
    season = str(rng.choice(SEASONS, p=[0.2, 0.45, 0.2, 0.15]))
    return "winter" if weather == "snow" else season


def furnish(streams: Streams, streets: Streets, track: np.ndarray, sight: float, season: str) -> Mesh:
    """All that stands beside and on the roads, in the world's frame, within `sight` metres of a track (n, 2)."""
    stretches = streets.stretches_near(track, sight)
    centrelines = [road.xy[round(begin / STEP_M) : round(end / STEP_M) : 12] for _, road, begin, end in stretches]
    quarter = Quarter.of(streams)
    meshes, places, headings = [], [], []
    for stretch in stretches:
        road = stretch.road
        for side in (1, -1):
            row = Row(streams.within(stretch.name, side), stretch, side, quarter, season)
            kept_clear = _kept_clear(streets, road, side)
            plots = [*_houses(row), *_kerbside(row), *_clutter(row, kept_clear)]
            if not (streets.multilane and road is streets.main):
                plots += _parked_cars(row, kept_clear)
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


@dataclass(frozen=True)
class Row:
    """One side of a stretch of road, +1 the left, and the streams of what stands there.

    What stands there has a number in its row, which tells its place: where the stretch begins does not matter.
    """

    streams: Streams
    stretch: Stretch
    side: int
    quarter: Quarter
    season: str

    def numbers(self, pitch: float, first: float = 0.0) -> range:
        """Those of the places that lie in the stretch, `pitch` metres apart, number 0 at arc length `first`."""
        begin, end = ((s - first) / pitch for s in (self.stretch.begin, self.stretch.end))
        return range(max(0, int(np.ceil(begin))), int(np.ceil(end)))


def _houses(row: Row) -> Iterator[Plot]:
    """Houses with their fronts to the sidewalk, and trees in the gaps."""
    numbers = row.numbers(_HOUSE_M)
    edges = _HOUSE_M * np.arange(numbers.stop + 1) + row.streams.of("edges").integers(-1, 2, numbers.stop + 1)
    for number in numbers:
        begin, end = edges[number : number + 2].tolist()
        yield from _house(row, row.streams.of("house", number), begin, end - begin)


def _house(row: Row, rng: np.random.Generator, begin: int, length: int) -> Iterator[Plot]:
    """What stands on the ground of a house: that, a tree or nothing."""
    style, s = int(rng.integers(STYLES)), begin + length / 2
    if rng.random() < row.quarter.built:
        mesh = house(length, int(rng.integers(1, row.quarter.tallest + 1)), style)
        yield Plot(mesh, s, _VERGE_M + rng.uniform(1, 5), _VERGE_M + 0.7, row.side < 0)
    elif rng.random() < row.quarter.wooded:
        mesh = tree(int(rng.integers(5, 11)), style, row.season)
        yield Plot(mesh, s, _VERGE_M + rng.uniform(0.5, 12), _VERGE_M, False)


def _kerbside(row: Row) -> Iterator[Plot]:
    """Lamp posts and small trees on the sidewalk."""
    offset, clear = ROAD_HALF_WIDTH_M + 0.6, ROAD_HALF_WIDTH_M + 0.3
    first = row.streams.of("lamps").uniform(0, _LAMPS_M)
    for number in row.numbers(_LAMPS_M, first):
        s, rng = first + _LAMPS_M * number, row.streams.of("small tree", number)
        yield Plot(lamp_post(), s, offset, clear, row.side < 0)
        if rng.random() < row.quarter.wooded:
            mesh = tree(int(rng.integers(4, 8)), int(rng.integers(STYLES)), row.season)
            yield Plot(mesh, s + 15, offset, clear, False)


def _clutter(row: Row, kept_clear: np.ndarray) -> Iterator[Plot]:
    """What is no reason to drive otherwise, and hides none."""
    for number in row.numbers(_CLUTTER_M):
        rng = row.streams.of("clutter", number)
        s = _CLUTTER_M * (number + rng.random())
        if rng.random() < row.quarter.cluttered and _is_free(s, kept_clear):
            mesh, offset = draw_clutter(rng)
            yield Plot(mesh, s, offset, ROAD_HALF_WIDTH_M + 0.3, row.side > 0)


def _is_free(s: float, kept_clear: np.ndarray) -> bool:
    return not ((kept_clear[:, 0] < s) & (s < kept_clear[:, 1])).any()


def _kept_clear(streets: Streets, road: Path, side: int) -> np.ndarray:
    """(n, 2) arc lengths (from, to) on one side of a road: junctions, crossings, whoever else needs the kerb."""
    if road is not streets.main:
        return np.array([[-22.0, 22.0]])
    stretches = [(j.s - 24, j.s + 24) for j in streets.junctions] + [(s - 12, s + 12) for s in streets.crossings]
    if side < 0:
        stretches += [(works.begin - 8, works.end + 4) for works in streets.works]
        stretches += [(s - 8, s + 4) for s in streets.debris] + list(streets.kerb_in_use)
    return np.array(stretches).reshape(-1, 2)


def _parked_cars(row: Row, kept_clear: np.ndarray) -> Iterator[Plot]:
    """In a row with gaps, heading as the traffic beside them does."""
    offset, first = ROAD_HALF_WIDTH_M - _KERB_TO_CAR_M, row.streams.of("parking").uniform(0, _PARKING_M)
    for number in row.numbers(_PARKING_M, first):
        rng = row.streams.of("parked", number)
        s = first + _PARKING_M * number + rng.uniform(-0.4, 0.4)
        if rng.random() < row.quarter.parked and _is_free(s, kept_clear):
            yield Plot(car(int(rng.integers(STYLES))), s, offset, ROAD_HALF_WIDTH_M, row.side > 0)


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


def strollers(streams: Streams, streets: Streets, track: np.ndarray, sight: float) -> list[Stroller]:
    """People who walk along the main road, in both directions, within `sight` metres of a track (n, 2)."""
    begin, end = streets.main.stretch_near(track, sight)
    walked = Quarter.of(streams).walked
    numbers = range(int(begin / _STROLLERS_M), int(end / _STROLLERS_M))
    return [walker for n in numbers if (walker := _stroller(streams.of("stroller", n), n, walked))]


def _stroller(rng: np.random.Generator, number: int, walked: float) -> Stroller | None:
    """Whoever is at a place of their row when the sequence begins."""
    if rng.random() > walked:
        return None
    return Stroller(
        _STROLLERS_M * (number + rng.random()),
        float(rng.choice([-1, 1]) * (_VERGE_M - rng.uniform(0.5, 1.4))),
        float(rng.choice([-1, 1]) * rng.uniform(0.9, 1.6)),
        int(rng.integers(STYLES)),
    )
