"""A pair of drives as it is drawn: one painter paints both halves, so that they differ in nothing but one thing."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from roadcue.errors import BadInput
from roadcue.loaders import jpeg
from roadcue.loaders.waymo_e2e import encode_frame
from roadcue.roadworld.camera import camera
from roadcue.roadworld.drive import Drive, frame_name
from roadcue.roadworld.holds import Light
from roadcue.roadworld.instances import write_mask
from roadcue.roadworld.mesh import Mesh, Shape
from roadcue.roadworld.moments import Moment, moments
from roadcue.roadworld.pairs import APART, PairedFrame
from roadcue.roadworld.preferences import PLACEHOLDERS
from roadcue.roadworld.reasons import Change
from roadcue.roadworld.render import Mover, Painter, car_mover, pedestrian_mover, signal_movers
from roadcue.roadworld.road import ROAD_HALF_WIDTH_M, Works
from roadcue.roadworld.scenery import works_plots
from roadcue.roadworld.semantic_class import SemanticClass
from roadcue.roadworld.shapes import BACK, FORWARD, WALLS
from roadcue.roadworld.spec import RoadWorldSpec
from roadcue.roadworld.traffic import Car, Pedestrian

_LEAST_PIXELS = 120
"""Of the thing in the default front camera: what looks smaller is hardly seen."""
_MIDDLE = 0.35
"""How far from the middle of that camera's picture the thing may be, as a share of the width."""
_WITNESS = "DEFAULT_FRONT"
"""The default front camera: what it sees decides which moment is drawn, if a camera that is written sees it too."""
_MIRRORED = {"noon": 1.6, "low sun": 0.4}
"""Hours at which the sun shines, with twice the middle of its elevations in radians: it is mirrored there."""
_OTHER_COLOUR = 50
"""Grey levels between two colours of a house, in one channel at least."""


@dataclass(frozen=True)
class Pair:
    """Both halves of a moment, each with its painter; `numbers` are those of the thing in their instance masks."""

    moment: Moment
    without: Painter
    with_it: Painter
    numbers: tuple[int, ...]
    words: str

    def box(self, camera_name: str) -> list[int] | None:
        """[left, top, right, bottom] of what is seen of the thing in either half; None when nothing is."""
        halves = [half.instances(0, camera_name).mask for half in (self.without, self.with_it)]
        rows, columns = np.nonzero(np.isin(halves, self.numbers).any(axis=0))
        if not len(rows):
            return None
        return [int(edge) for edge in (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)]

    def is_well_seen(self, camera_names: Sequence[str]) -> bool:
        """Whether the default front camera sees enough of the thing, not at its edge, and a written one enough."""
        columns = self._columns(_WITNESS)
        central = len(columns) >= _LEAST_PIXELS and abs(float(columns.mean()) - 0.5) < _MIDDLE
        return central and any(len(self._columns(name)) >= _LEAST_PIXELS for name in camera_names)

    def _columns(self, camera_name: str) -> np.ndarray:
        """(n,) of the thing's pixels in the half with it, as shares of the width."""
        mask = self.with_it.instances(0, camera_name).mask
        return np.nonzero(np.isin(mask, self.numbers))[1] / mask.shape[1]


def kind_of(spec: RoadWorldSpec, number: int) -> str:
    """The kind of a pair: in turn."""
    return spec.kinds[(number - spec.first_pair) % len(spec.kinds)]


def pair_of(spec: RoadWorldSpec, number: int) -> Pair:
    """The pair of a number, at the first moment at which the thing is well seen; BadInput when there is none."""
    kind = kind_of(spec, number)
    cameras = {name: camera(spec, name) for name in spec.cameras} | {_WITNESS: camera(RoadWorldSpec(), "FRONT")}
    for moment in moments(spec, number, kind):
        painter = Painter(moment.without, cameras, spec.exposure)
        changed = _reason(painter, moment.change) if moment.change else _null(kind, painter)
        if changed is None:
            continue
        pair = Pair(moment, *changed)
        if not pair.numbers or pair.is_well_seen(spec.cameras):
            return pair
    raise BadInput(
        f"RoadWorld: no moment for a pair of kind {kind} was found in drives of {spec.seconds} s (pair "
        f"{number - spec.first_pair}, seed {spec.seed}). Choose longer drives, another seed, other kinds, or a "
        "camera that sees more."
    )


def draw_pair(spec: RoadWorldSpec, number: int, masks: Path | None = None) -> Iterator[tuple[PairedFrame, bytes]]:
    """Both halves, the one without the thing first: the line of each, and its `E2EDFrame` message.

    `masks`: the folder below which each picture's mask is written.
    """
    pair = pair_of(spec, number)
    boxes = {name: box for name in spec.cameras if (box := pair.box(name))}
    halves: tuple[tuple[Literal["without", "with"], Painter, Drive, int], ...] = (
        ("without", pair.without, pair.moment.without, pair.moment.index),
        ("with", pair.with_it, pair.moment.with_it, pair.moment.index + APART),
    )
    for half, painter, drive, index in halves:
        name = frame_name(drive.sequence, index)
        line = PairedFrame(name, number - spec.first_pair, half, kind_of(spec, number), pair.words, boxes)
        if masks is not None:
            for camera_name in spec.cameras:
                write_mask(masks, f"{name}-{camera_name}", painter.instances(0, camera_name))
        yield (
            line,
            encode_frame(
                name,
                {each: jpeg.encode(painter.paint(0, each), spec.jpeg_quality) for each in spec.cameras},
                {each: painter.cameras[each] for each in spec.cameras},
                drive.past(0),
                drive.intent(0),
                np.pad(drive.future(0), ((0, 0), (0, 1))),
                PLACEHOLDERS,
            ),
        )


Changed = tuple[Painter, Painter, tuple[int, ...], str]
"""Painters of the halves without and with the thing, its numbers in the masks, and its words."""


def _reason(painter: Painter, change: Change) -> Changed:
    """The half without as it is painted, and with the thing in it, or in the place of its like."""
    drive = painter.drive
    main, movers = drive.streets.main, list(painter.movers)
    places = range(len(movers), len(movers) + 1)
    match change.thing:
        case Pedestrian() as someone:
            movers.append(pedestrian_mover(someone, drive.steps, main))
        case Works() as works:
            movers += [_still(plot.mesh, painter, plot.s, -plot.offset) for plot in works_plots(works)]
            places = range(len(painter.movers), len(movers))
        case Light() as light:
            junction, _ = drive.lights[change.place or 0]
            first = len(movers) - 2 * len(drive.lights) + 2 * (change.place or 0)
            places = range(first, first + 2)
            movers[first : first + 2] = signal_movers(junction, light, drive.steps, main)
        case Car() as car if change.place is None:
            movers.append(car_mover(car, drive.steps, painter.light.dark))
        case Car() as car:
            places = range(change.place, change.place + 1)
            movers[change.place] = car_mover(car, drive.steps, painter.light.dark)
    return painter, painter.altered(movers=movers), _moving(painter, places), change.words


def _null(kind: str, painter: Painter) -> Changed | None:
    """What must not matter; None where the moment has no place for it."""
    rng = painter.drive.streams.of(kind)
    return {"parked_car": _parked_car, "house_colour": _house_colour, "sign": _sign, "sun": _sun}[kind](painter, rng)


def _parked_car(painter: Painter, rng: np.random.Generator) -> Changed | None:
    """The most visible of those on the far side, which is taken away in the half without."""
    drive = painter.drive
    at = float(drive.ego[drive.steps[0], 0])
    road = drive.traffic.ego.route.road_at(at, drive.streets)  # which the ego may have turned into

    def beyond(number: int) -> bool:
        xy = painter.standing.origins[number - 1]
        s = road.nearest(xy)
        gap, heading = xy - road.along(road.xy, s), float(road.along(road.heading, s))
        return 0 < float(gap @ [-np.sin(heading), np.cos(heading)]) < ROAD_HALF_WIDTH_M

    number = _most_visible(painter, "vehicle", beyond)
    if number is None:
        return None
    others = np.flatnonzero(painter.standing.owner != number - 1)
    without = painter.altered(standing=painter.standing.only(others))
    return without, painter, (number,), "a car is parked on the far side of the road"


def _house_colour(painter: Painter, rng: np.random.Generator) -> Changed | None:
    """The most visible house, which has other walls in the half with it, by daylight."""
    if painter.light.dark:
        return None
    number = _most_visible(painter, "building", lambda number: True)
    if number is None:
        return None
    standing = painter.standing
    own = standing.owner == number - 1
    wall = standing.colours[np.flatnonzero(own)[0]]  # the walls come first
    other = [colour for colour in np.array(WALLS) if np.abs(colour - wall).max() > _OTHER_COLOUR]
    colours = standing.colours.copy()
    colours[own & (colours == wall).all(axis=1)] = other[rng.integers(len(other))]
    with_it = painter.altered(standing=replace(standing, colours=colours))
    return painter, with_it, (number,), "a house has walls of another colour"


def _sign(painter: Painter, rng: np.random.Generator) -> Changed | None:
    """A sign on a sidewalk that tells nothing to a driver who goes straight on."""
    drive = painter.drive
    main, side = drive.streets.main, int(rng.choice([-1, 1]))
    s = main.nearest(drive.pose(int(drive.steps[0]))[0]) + rng.uniform(16, 28)
    if any(abs(junction.s - s) < 16 for junction in drive.streets.junctions):
        return None
    mover = _still(_information(), painter, s, side * (ROAD_HALF_WIDTH_M + rng.uniform(0.5, 0.9)))
    with_it = painter.altered(movers=[*painter.movers, mover])
    places = range(len(painter.movers), len(painter.movers) + 1)
    return painter, with_it, _moving(painter, places), "a brown sign with a text stands on the sidewalk"


def _sun(painter: Painter, rng: np.random.Generator) -> Changed | None:
    """The sun stands elsewhere: in another direction, and higher or lower, within its hour."""
    light = painter.light
    if not light.sun_shines:
        return None
    azimuth = np.arctan2(light.sun[1], light.sun[0]) + rng.choice([-1, 1]) * rng.uniform(np.pi / 3, np.pi)
    elevation = _MIRRORED[light.hour] - np.arcsin(light.sun[2])
    sun = np.array([np.cos(azimuth) * np.cos(elevation), np.sin(azimuth) * np.cos(elevation), np.sin(elevation)])
    with_it = painter.altered(light=replace(light, sun=sun))
    return painter, with_it, (), "the sun stands elsewhere"


def _information() -> Mesh:
    """A brown board on two posts, with lines of text, that looks back along x."""
    shape = Shape(SemanticClass.SIGN)
    for side in (-0.6, 0.6):
        shape.box((-0.05, 0.05), (side - 0.05, side + 0.05), (0, 2.4), (96, 98, 100))
    shape.panel((-0.08, 0), (-0.8, 0.8), (1.2, 2.4), BACK, (122, 74, 42))
    for row, end in ((2.1, 0.6), (1.8, 0.2), (1.5, 0.45)):
        shape.panel((-0.1, 0), (-end, 0.6), (row - 0.07, row + 0.07), BACK, (238, 238, 234))
    shape.panel((0, 0.05), (-0.8, 0.8), (1.2, 2.4), FORWARD, (150, 152, 154))
    return shape.mesh()


def _still(mesh: Mesh, painter: Painter, s: float, offset: float) -> Mover:
    """What stands `offset` metres left of the main road's middle, heading along it."""
    main, frames = painter.drive.streets.main, painter.drive.frames
    at = np.full(frames, s)
    return Mover([mesh] * frames, main.beside(at, offset), main.along(main.heading, at))


def _moving(painter: Painter, places: Sequence[int]) -> tuple[int, ...]:
    """The numbers of movers in the masks."""
    return tuple(len(painter.standing.origins) + place + 1 for place in places)


def _most_visible(painter: Painter, kind: str, fits: Callable[[int], bool]) -> int | None:
    """The number of the standing object of a kind of which most is seen from the car; None when there is none."""
    seen = [
        each
        for each in painter.instances(0, _WITNESS).boxes()
        if each["kind"] == kind and each["number"] <= len(painter.standing.origins) and fits(each["number"])
    ]
    return max(seen, key=lambda each: each["pixels"])["number"] if seen else None
