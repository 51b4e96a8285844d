"""Labels from geometry: what is where in the picture, computed from the finished scene and the camera.

A picture of any camera, narrow, low or rolled, is told as it is: left and right are its own, and what it does not
hold, such as the ground below its lower edge, is not told. Near and far are metres. The rules, for a picture of width
1 from left to right:

- Sidewalk: its middle 4 m ahead is at u <= 0.29 (Left), 0.36 to 0.64 (Center), or >= 0.71 (Right). Outside: none is
  in the picture.
- Road: it covers at least a quarter of the line straight ahead from 2 to 9 m (Front); or it is in the picture, not on
  that line as far as 14 m, and nine tenths of what is nearer than 14 m is left (Left) or right (Right) of the middle.
  Not present: none is in the picture.
- These metres begin where the picture does: when its nearest ground is farther than 2 m, each is as much more.
- A thing is near within 5 m of the camera and far from 5.6 to 25 m, measured on the ground to its nearest point, and
  not told beyond 30 m. It is Left, Center or Right as the middle of what the picture holds of it is at u < 0.30, 0.37
  to 0.63, or > 0.70.
- Grass and hedges have no middle: they are at a third of the picture, near or far, when they cover 1.2 % of it there.
  Grass, plants and trees are named once for each place, all else once for each thing.

Between these bounds nothing is clear. A thing that is not clear, or of which less than a third is in the picture or
not hidden, is taken away; a scene whose surfaces, grass or hedges are not clear is drawn again. Of a walk longer than
a second that holds for its first picture. A later one has no labels where the surfaces, or what is near, are not
clear; a kind of object that is not clear farther away, grass and hedges are then not labelled. A thing is its box
upright in the picture, which is too big a box for a rolled camera: a few more things then count as hidden.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from roadcue.prompts.annotation import OBJECT_KINDS, SIDES
from roadcue.roadworld.sidewalk.camera import SEEN_FROM_M, SIDEWALK_AT_M
from roadcue.roadworld.sidewalk.occlusion import CELLS, GroundCells, Sightings, cells_of_ground, look
from roadcue.roadworld.sidewalk.scene import Place, Scene, Thing
from roadcue.roadworld.view import View

_NEAR_M, _FAR_M, _TOO_FAR_M = 5.0, (5.6, 25.0), 30.0
_MASS_PRESENT, _MASS_ABSENT = 0.012, 0.004
"""Shares of the picture."""
_SURFACE_PRESENT, _SURFACE_ABSENT = 0.02, 0.001
_COUNTED = OBJECT_KINDS[:6]
_UNCLEAR, _UNSEEN = -1, -2

Places = dict[str, tuple[str, ...]]


class Close(NamedTuple):
    """A near thing: its position of `SIDES`, its distance in metres, and how fast it moves now, m/s."""

    thing: Thing
    position: str
    distance: float
    speed: float


@dataclass(frozen=True)
class Sight:
    """What a frame shows: the annotation's values, and for captions the near things and whether he is on a road.

    A kind of object that is not clear is not among the values, as an annotation has no kind that is not labelled.
    """

    sidewalk: str
    road: str
    near: Places
    far: Places
    close_by: tuple[Close, ...]
    on_road: bool = False

    @property
    def whole(self) -> bool:
        """Whether every kind of object is clear."""
        return len(self.near) == len(self.far) == len(OBJECT_KINDS)


class Moment(NamedTuple):
    """The camera at a time, and where things are then, and how fast, m/s."""

    view: View
    place: Callable[[Thing], Place]
    speed: Callable[[Thing], float]

    def look(self, things: list[Thing]) -> Sightings:
        """What is seen of the things."""
        return look(things, [self.place(thing) for thing in things], self.view)


def clear_sights(scene: Scene, moments: Iterable[Callable[[], Moment]]) -> list[Sight] | None:
    """What each moment shows, once what is not clear is taken out of the scene; None when that is not enough."""
    known, grounds = [], []
    for moment in (each() for each in moments):
        known.append(moment)
        grounds.append(ground := _ground(scene, moment.view))
        if ground is None:
            return None
    while True:
        sightings = [moment.look(scene.things) for moment in known]
        places = [_places(scene.things, seen) for seen in sightings]
        unclear = np.any([place == _UNCLEAR for place in places], axis=0)
        if not unclear.any():
            break
        scene.things = [thing for thing, out in zip(scene.things, unclear.tolist(), strict=True) if not out]
    sights = []
    for moment, ground, seen, place in zip(known, grounds, sightings, places, strict=True):
        sight = ground and _sight(scene, moment, ground, seen, place)
        if sight is None or not sight.whole:
            return None
        sights.append(sight)
    return sights


def sight_of(scene: Scene, moment: Moment) -> Sight | None:
    """What a moment shows, without the far kinds of object, grass and plants that are not clear.

    None when it is not clear where the sidewalk or the road is, or what is close: that decides what is to be said.
    """
    ground = _ground(scene, moment.view)
    if ground is None:
        return None
    seen = moment.look(scene.things)
    place = _places(scene.things, seen)
    unclear = place == _UNCLEAR
    return None if unclear[seen.distance < _FAR_M[0]].any() else _sight(scene, moment, ground, seen, place)


class _Ground(NamedTuple):
    """The ground in a picture: its cells, and where the sidewalk and the road are."""

    cells: GroundCells
    sidewalk: str
    road: str


def _ground(scene: Scene, view: View) -> _Ground | None:
    """None when it is not clear where the sidewalk or the road is."""
    cells = cells_of_ground(scene, view)
    sidewalk = _sidewalk(scene, view, cells)
    road = sidewalk and _road(scene, view, cells)
    return _Ground(cells, sidewalk, road) if road else None


def _sight(scene: Scene, moment: Moment, ground: _Ground, seen: Sightings, place: np.ndarray) -> Sight:
    masses = _masses(scene, ground.cells, seen)
    order = np.argsort(seen.distance, kind="stable").tolist()
    placed = [(scene.things[i], SIDES[place[i]], float(seen.distance[i])) for i in order if place[i] >= 0]
    near, far = (
        {
            kind: _named(kind, [p for t, p, d in placed if t.label == kind and (d < _NEAR_M) == close])
            for kind in OBJECT_KINDS
        }
        for close in (True, False)
    )
    for objects, mass in zip((near, far), masses, strict=True):
        for kind, where in mass.items():
            if where is None:
                del objects[kind]
            else:
                objects[kind] = _named(kind, [*objects[kind], *where])
    for unclear in np.flatnonzero(place == _UNCLEAR).tolist():
        far.pop(scene.things[unclear].label, None)
    close_by = tuple(Close(*one, moment.speed(one[0])) for one in placed if one[2] < _NEAR_M)
    on_road = scene.labels_at(moment.view.position[None, :2])[0] == "road"
    return Sight(ground.sidewalk, ground.road, near, far, close_by, bool(on_road))


def _named(kind: str, where: list[str]) -> tuple[str, ...]:
    if kind in _COUNTED:
        return tuple(where)
    return tuple(position for position in SIDES if position in where)


def _sidewalk(scene: Scene, view: View, cells: GroundCells) -> str:
    """Where the sidewalk is, or nothing when that is not clear."""
    share = np.count_nonzero(cells.labels == "sidewalk") / cells.labels.size
    if share < _SURFACE_ABSENT:
        return "Outside"
    lateral, at = np.arange(-8, 8.01, 0.1), SIDEWALK_AT_M + _beyond(cells)
    on_it = scene.labels_at(_ahead(view, np.full(len(lateral), at), lateral)) == "sidewalk"
    if share < _SURFACE_PRESENT or not on_it.any():
        return ""
    middle = _ahead(view, np.array([at]), lateral[on_it].mean(keepdims=True))
    u = float(view.pixels(view.flat(middle))[0, 0]) / view.camera.width
    if -0.1 <= u <= 0.29:
        return "Left"
    if 0.71 <= u <= 1.1:
        return "Right"
    return "Center" if 0.36 <= u <= 0.64 else ""


def _road(scene: Scene, view: View, cells: GroundCells) -> str:
    """Where the road is, or nothing when that is not clear."""
    on_road = cells.labels == "road"
    if on_road.mean() < _SURFACE_ABSENT:
        return "Not present"
    ahead, beyond = np.arange(SEEN_FROM_M, 14, 0.25), _beyond(cells)
    in_line = scene.labels_at(_ahead(view, ahead + beyond, np.zeros(len(ahead)))) == "road"
    if in_line[ahead <= 9].mean() >= 0.25:
        return "Front"
    close = on_road & (cells.distance < 14 + beyond)
    if in_line.any() or close.mean() < _SURFACE_PRESENT:
        return ""
    left = float((cells.u < 0.5)[close].mean())
    return "Left" if left > 0.9 else "Right" if left < 0.1 else ""


def _beyond(cells: GroundCells) -> float:
    """How much farther than 2 m away is the nearest ground in the picture."""
    return max(0.0, float(cells.distance.min()) - SEEN_FROM_M)


def _ahead(view: View, ahead: np.ndarray, left: np.ndarray) -> np.ndarray:
    """Ground points (n, 2) so many metres ahead and left of the camera."""
    forward = view.forward[:2] / np.hypot(*view.forward[:2])
    return view.position[:2] + np.outer(ahead, forward) + np.outer(left, [-forward[1], forward[0]])


def _places(things: list[Thing], seen: Sightings) -> np.ndarray:
    """For each thing the number of its position in `SIDES`, or `_UNCLEAR`, or `_UNSEEN`."""
    u, distance = seen.u, seen.distance
    place = np.select([u < 0.30, (u >= 0.37) & (u <= 0.63), u > 0.70], [0, 1, 2], _UNCLEAR)
    in_range = (distance < _NEAR_M) | ((distance >= _FAR_M[0]) & (distance < _FAR_M[1]))
    place[~in_range | (seen.inside < 0.35) | (seen.visible < 0.35)] = _UNCLEAR
    place[(seen.area < 0.0004) | (distance >= _TOO_FAR_M)] = _UNSEEN
    place[[thing.mass or not thing.label for thing in things]] = _UNSEEN
    return place


def _masses(
    scene: Scene, cells: GroundCells, seen: Sightings
) -> tuple[dict[str, tuple[str, ...] | None], dict[str, tuple[str, ...] | None]]:
    """Where near and far grass and hedges are, None where that is not clear."""
    third = np.minimum((cells.u * 3).astype(int), 2)
    grass = (cells.labels == "grass") & ~seen.hides[cells.rows, cells.columns]
    hedge = np.array([thing.mass for thing in scene.things], bool)
    hedge_third = np.clip((seen.u * 3), 0, 2).astype(int)
    near_and_far: list[dict[str, tuple[str, ...] | None]] = []
    for low, high in ((0.0, _NEAR_M), _FAR_M):
        in_range, hedge_in_range = _between(cells.distance, low, high), _between(seen.distance, low, high) & hedge
        cover: dict[str, list[float]] = {
            "grass": [np.count_nonzero(grass & in_range & (third == k)) / CELLS for k in range(3)],
            "plants": [float(seen.cover[hedge_in_range & (hedge_third == k)].sum()) for k in range(3)],
        }
        near_and_far.append({kind: _thirds(by_third) for kind, by_third in cover.items()})
    return near_and_far[0], near_and_far[1]


def _thirds(shares: list[float]) -> tuple[str, ...] | None:
    """In which thirds there is enough of something to be named; None when that is not clear."""
    if any(_MASS_ABSENT < share < _MASS_PRESENT for share in shares):
        return None
    return tuple(side for side, share in zip(SIDES, shares, strict=True) if share >= _MASS_PRESENT)


def _between(values: np.ndarray, low: float, high: float) -> np.ndarray:
    return (values >= low) & (values < high)
