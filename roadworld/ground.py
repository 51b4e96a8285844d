"""What lies on the ground: sidewalks, kerbs, asphalt, markings, as flat polygons in the order of painting."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from roadcue.roadworld.mesh import Colour
from roadcue.roadworld.road import (
    LANE_WIDTH_M,
    ROAD_HALF_WIDTH_M,
    SIDEWALK_M,
    STOP_LINE_M,
    Junction,
    Path,
    Streets,
    Stretch,
)
from roadcue.roadworld.semantic_class import SemanticClass
from roadcue.roadworld.streams import Streams

_SIDEWALK, _SEAM, _KERB, _ASPHALT = (196, 178, 160), (166, 148, 132), (226, 224, 218), (92, 94, 99)
_WHITE, _YELLOW = (226, 226, 222), (216, 172, 52)
_PATCHES = ((83, 85, 90), (101, 103, 107))
_PATCH_M = 5.0
"""From one patch of a colour to the next, on average."""
_SECTION_M = 2.0
_SLAB_M = 2.0
"""Between the seams of a sidewalk."""
_JUNCTION_M = 9.5
"""From the middle of a junction to where the lane markings begin."""


Marks = tuple[np.ndarray, Colour, SemanticClass]
"""Quadrangles (n, 4, 2) of one colour and class."""


@dataclass(frozen=True)
class Ground:
    """Flat polygons in metres, world frame, in the order of painting: first areas, then marks.

    `area_points` (n, 2) of all areas, one after the other; area i begins at `area_starts[i]`. `marks` (m, 4, 2).
    Colours are RGB, (areas, 3) and (m, 3), classes (areas,) and (m,) uint8 of `SemanticClass`.
    """

    area_points: np.ndarray
    area_starts: np.ndarray
    area_colours: np.ndarray
    area_classes: np.ndarray
    marks: np.ndarray
    mark_colours: np.ndarray
    mark_classes: np.ndarray


def lay(areas: Sequence[tuple[np.ndarray, Colour, SemanticClass]], marks: Sequence[Marks]) -> Ground:
    """The ground of areas (polygon (n, 2), colour, class) and of marks, each in the order of painting."""
    counts = [len(quads) for quads, _, _ in marks]
    return Ground(
        area_points=np.concatenate([points for points, _, _ in areas]),
        area_starts=np.cumsum([0, *(len(points) for points, _, _ in areas[:-1])]),
        area_colours=np.array([colour for _, colour, _ in areas], float),
        area_classes=np.array([semantic for _, _, semantic in areas], np.uint8),
        marks=np.concatenate([np.zeros((0, 4, 2)), *(quads for quads, _, _ in marks)]),
        mark_colours=np.repeat(np.array([colour for _, colour, _ in marks], float).reshape(-1, 3), counts, axis=0),
        mark_classes=np.repeat(np.array([semantic for _, _, semantic in marks], np.uint8), counts),
    )


def pave(streams: Streams, streets: Streets, track: np.ndarray, sight: float) -> Ground:
    """The ground of all streets within `sight` metres of a track (n, 2)."""
    stretches = streets.stretches_near(track, sight)
    corners = [corner for junction in streets.junctions for corner in _corners(streets.main, junction)]
    areas: list[tuple[np.ndarray, Colour, SemanticClass]] = []
    for half_width, colour, semantic in (
        (ROAD_HALF_WIDTH_M + SIDEWALK_M, _SIDEWALK, SemanticClass.SIDEWALK),
        (ROAD_HALF_WIDTH_M + 0.2, _KERB, SemanticClass.KERB),
        (ROAD_HALF_WIDTH_M, _ASPHALT, SemanticClass.ROAD),
    ):
        areas += [(_ribbon(stretch, half_width), colour, semantic) for stretch in stretches]
        if semantic != SemanticClass.SIDEWALK:
            areas += [(corner, colour, semantic) for corner in corners]
    dashed = bool(streams.of("dashes").random() < 0.4)
    marks = [_seams(stretch, side) for stretch in stretches for side in (-1, 1)]
    marks += [mark for stretch in stretches for mark in _patches(streams.within(stretch.name), stretch)]
    marks += [mark for stretch in stretches for mark in _lane_marks(stretch, streets, dashed)]
    marks += [
        mark for junction in streets.junctions if junction.has_light for mark in _stop_lines(streets.main, junction)
    ]
    marks += [_zebra(streets.main, s) for s in streets.crossings]
    return lay(areas, marks)


def _ribbon(stretch: Stretch, half_width: float) -> np.ndarray:
    s = np.arange(stretch.begin, stretch.end, _SECTION_M)
    return np.concatenate([stretch.road.beside(s, half_width), stretch.road.beside(s, -half_width)[::-1]])


def _corners(main: Path, junction: Junction) -> list[np.ndarray]:
    """Fillets of 4 m between the main road's kerb and those of the arms."""
    heading = float(main.along(main.heading, junction.s))
    along = np.array([np.cos(heading), np.sin(heading)])
    left = np.array([-along[1], along[0]])
    fillets = []
    for side, arm in ((1, junction.left), (-1, junction.right)):
        if arm is None:
            continue
        out = np.array([np.cos(arm.heading[0]), np.sin(arm.heading[0])])
        for sense in (-1, 1):
            edge = arm.xy[0] + np.array([out[1], -out[0]]) * ROAD_HALF_WIDTH_M * sense * side
            corner = edge + out * (ROAD_HALF_WIDTH_M - (edge - arm.xy[0]) @ left * side) / (out @ left * side)
            t = np.linspace(0, 1, 6)[:, None]
            curve = corner + 4 * (sense * along * (1 - t) ** 2 + out * t**2)
            fillets.append(np.concatenate([[corner - 0.3 * (sense * along + out)], curve]))
    return fillets


def _across(
    road: Path,
    s: np.ndarray | float,
    length: np.ndarray | float,
    offset: np.ndarray | float,
    width: np.ndarray | float,
) -> np.ndarray:
    """Quadrangles (n, 4, 2) on a road, from arc length `s` and `offset` metres left of the centre on."""
    s, length, offset, width = (np.atleast_1d(each) for each in np.broadcast_arrays(s, length, offset, width))
    ends = np.stack([s, s + length, s + length, s], axis=1)
    sides = np.stack([offset, offset, offset + width, offset + width], axis=1)
    return road.beside(ends, sides)


def _patches(streams: Streams, stretch: Stretch) -> list[Marks]:
    """Repairs and stains, so that the asphalt can be seen to move: one of each colour every few metres."""
    places = range(int(stretch.begin / _PATCH_M), int((stretch.end - 8) / _PATCH_M))
    return [
        (_across(stretch.road, *_patch(streams, colour, places)), paint, SemanticClass.ROAD)
        for colour, paint in enumerate(_PATCHES)
    ]


def _patch(streams: Streams, colour: int, places: range) -> np.ndarray:
    """(4, places): where each begins, its length, offset and width in metres."""
    low, high = np.array([[0.0, 0.6, -5.2, 0.2], [4.0, 5.0, 4.0, 1.4]])
    shares = np.array([streams.of("patch", colour, place).random(4) for place in places]).reshape(-1, 4)
    drawn = low + shares * (high - low)
    drawn[:, 0] += _PATCH_M * np.array(places)
    return drawn.T


def _seams(stretch: Stretch, side: int) -> Marks:
    """Between the slabs of one sidewalk, but not where a side road may cut through it."""
    s = np.arange(stretch.begin + 20, stretch.end - 1, _SLAB_M)
    offset = ROAD_HALF_WIDTH_M + 0.3
    inner = offset if side > 0 else -offset - SIDEWALK_M + 0.4
    return _across(stretch.road, s, 0.12, inner, SIDEWALK_M - 0.4), _SEAM, SemanticClass.SIDEWALK


def _lane_marks(stretch: Stretch, streets: Streets, dashed: bool) -> list[Marks]:
    """The centre line, double and yellow or dashed and white; beside the lanes an edge line, or dashes."""
    _, road, begin, end = stretch
    gaps = [(0.0, _JUNCTION_M)]
    if road is streets.main:
        gaps = [(j.s, _JUNCTION_M) for j in streets.junctions] + [(s, 3.0) for s in streets.crossings]
    s = np.arange(begin - begin % 24, end - 2, 2.0)
    for at, margin in gaps:
        s = s[(s < at - margin - 4) | (s > at + margin)]
    dashes, solid = s[s % 8 < 4], s[s % 4 < 2]
    beside = [(solid, 4.0)] if not (streets.multilane and road is streets.main) else [(dashes, 2.0)]
    marks = [
        (_across(road, at, length, d - 0.07, 0.14), _WHITE, SemanticClass.MARKING)
        for at, length in beside
        for d in (-LANE_WIDTH_M, LANE_WIDTH_M)
    ]
    if dashed:
        return [*marks, (_across(road, dashes, 2.0, -0.07, 0.14), _WHITE, SemanticClass.MARKING)]
    return [*marks, *((_across(road, solid, 4.0, d, 0.12), _YELLOW, SemanticClass.MARKING) for d in (-0.2, 0.08))]


def _stop_lines(main: Path, junction: Junction) -> list[Marks]:
    """Stop lines of all four roads, and zebra stripes across the main one."""
    width, lane = 0.5, LANE_WIDTH_M - 0.2
    arms = [arm for arm in (junction.left, junction.right) if arm]
    lines = [
        _across(main, junction.s - STOP_LINE_M - width, width, -LANE_WIDTH_M, lane),
        _across(main, junction.s + STOP_LINE_M, width, 0.2, lane),
        *(_across(arm, STOP_LINE_M, width, 0.2, lane) for arm in arms),
    ]
    zebras = [_zebra(main, junction.s - 8.4), _zebra(main, junction.s + 8.4)]
    return [*((line, _WHITE, SemanticClass.MARKING) for line in lines), *zebras]


def _zebra(road: Path, s: float) -> Marks:
    """Stripes of 0.5 m across the whole road, 2.6 m long."""
    offsets = np.arange(-ROAD_HALF_WIDTH_M + 0.2, ROAD_HALF_WIDTH_M - 0.6, 1.0)
    return _across(road, s - 1.3, 2.6, offsets, 0.5), _WHITE, SemanticClass.MARKING
