"""In a drive each thing has a random stream of its own: without one, or with another, all others are as they were."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import pytest

from roadcue.roadworld import hazards, layout, scenery
from roadcue.roadworld.clusters import Mix
from roadcue.roadworld.daylight import Daylight, draw_daylight
from roadcue.roadworld.drive import drive, set_the_scene, streams_of
from roadcue.roadworld.ground import pave
from roadcue.roadworld.mesh import Mesh
from roadcue.roadworld.render import Painter
from roadcue.roadworld.road import Junction, Streets
from roadcue.roadworld.scenery import furnish, strollers
from roadcue.roadworld.spec import RoadWorldSpec
from roadcue.roadworld.streams import Streams

SPEC = RoadWorldSpec()
NUMBERS = range(12)
EVERYTHING = Mix(works=0.2, debris=0.2, standing=0.2, kerb=0.2, special=0.3, people=(0.2, 0.4, 0.4), multilane=0.0)
TWO_LANES = Mix(multilane=1.0, standing=0.0)
Things = Counter[tuple[object, ...]]
"""Each with its look and its place."""
Key = tuple[int | str, ...]


def one_lane(number: int, mix: Mix = EVERYTHING) -> Things:
    """Who is on the streets before the first time step, and what is in the way; speeds follow from the roads."""
    streets, lights, traffic = set_the_scene(streams_of(SPEC, number, 0), mix, 800, 20.0)
    cars = [("car", each.s, each.style, each.kind, each.aside, each.driver) for each in traffic.others]
    people = [("person", p.s, p.side, p.speed, p.patience, p.cycling, p.style) for p in traffic.people]
    works = [("works", each.begin, each.end) for each in streets.works]
    debris = [("debris", s) for s in streets.debris]
    return Counter([*cars, *people, *works, *debris, *(("light", each.s, light) for each, light in lights)])


def two_lanes(number: int) -> Things:
    """The same on a road with a second lane."""
    return one_lane(number, TWO_LANES)


def streets_of(number: int) -> tuple[Streets, np.ndarray]:
    """Those of a drive, and a track on them."""
    streets, _, _ = set_the_scene(streams_of(SPEC, number, 0), EVERYTHING, 800, 20.0)
    return streets, streets.main.xy[200:900:20]


def standing(number: int) -> Things:
    """What stands beside the streets."""
    return objects(furnish(streams_of(SPEC, number, 0), *streets_of(number), 120.0, "autumn"))


def objects(mesh: Mesh) -> Things:
    """Each by its place and its faces."""
    n, found = len(mesh.quads), Things()
    for k, origin in enumerate(mesh.origins.tolist()):
        own = np.flatnonzero(mesh.owner == k)
        faces = mesh.quads[own[own < n]], mesh.centres[own[own >= n] - n], mesh.colours[own]
        found["object", *origin, *(each.tobytes() for each in faces)] += 1
    return found


def walkers(number: int) -> Things:
    """Who walks on the sidewalks."""
    found = strollers(streams_of(SPEC, number, 0), *streets_of(number), 120.0)
    return Counter(("stroller", *vars(each).values()) for each in found)


def marks(number: int) -> Things:
    """What is painted and patched on the asphalt."""
    ground = pave(streams_of(SPEC, number, 0), *streets_of(number), 120.0)
    return Counter((a.tobytes(), b.tobytes()) for a, b in zip(ground.marks, ground.mark_colours, strict=True))


@contextmanager
def opened() -> Iterator[list[Key]]:
    """The keys of the streams that are used meanwhile."""
    keys: list[Key] = []
    of = Streams.of

    def noted(streams: Streams, *thing: int | str) -> np.random.Generator:
        keys.append(streams.key + thing)
        return of(streams, *thing)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Streams, "of", noted)
        yield keys


@contextmanager
def another(key: Key) -> Iterator[None]:
    """One stream is another one meanwhile: its thing looks otherwise, stands elsewhere or is not there."""
    of = Streams.of

    def other(streams: Streams, *thing: int | str) -> np.random.Generator:
        return of(streams, *thing, "another") if streams.key + thing == key else of(streams, *thing)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Streams, "of", other)
        yield


@pytest.mark.parametrize(
    ("things", "name"),
    [
        (one_lane, "ahead"),
        (one_lane, "oncoming"),
        (two_lanes, "beside"),
        (one_lane, "crossing"),
        (one_lane, "standing"),
        (one_lane, "kerb"),
        (one_lane, "zebra"),
        (one_lane, "signal"),
        (one_lane, "hazard"),
        (standing, "house"),
        (standing, "small tree"),
        (standing, "parked"),
        (standing, "clutter"),
        (walkers, "stroller"),
        (marks, "patch"),
    ],
)
def test_a_thing_that_is_drawn_otherwise_changes_no_other(things: Callable[[int], Things], name: str) -> None:
    """Its stream gives other numbers, so it is elsewhere, comes or goes: one thing at most differs on either side."""
    changed = 0
    for number in NUMBERS:
        with opened() as keys:
            before = things(number)
        own = [key for key in dict.fromkeys(keys) if name in key and (isinstance(key[-1], int) or key[-1] == "car")]
        for key in own[:: max(1, len(own) // 3)]:
            with another(key):
                after = things(number)
            gone, come = before - after, after - before
            assert max(gone.total(), come.total()) <= 1, (key, gone, come)
            changed += bool(gone or come)
    assert changed > 3


def all_but_some(make: Callable[..., object], nothing: object) -> Callable[..., object]:
    """`make`, but every third call gives `nothing`."""
    calls = iter(range(1_000_000))

    def made(*arguments: object) -> object:
        content = make(*arguments)
        return nothing if next(calls) % 3 == 0 else content

    return made


@pytest.mark.parametrize(
    ("things", "place", "nothing"),
    [
        (one_lane, "population._cars_ahead", []),
        (one_lane, "population._oncoming_cars", []),
        (one_lane, "population._crossing_cars", []),
        (one_lane, "population._people", []),
        (two_lanes, "population._second_lane", ([], [])),
        (one_lane, "hazards._free_places", []),
        (standing, "scenery._houses", []),
        (standing, "scenery._kerbside", []),
        (standing, "scenery._clutter", []),
        (standing, "scenery._parked_cars", []),
    ],
)
def test_without_a_kind_of_thing_all_others_stay(
    things: Callable[[int], Things], place: str, nothing: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = [things(number) for number in NUMBERS]
    monkeypatch.setattr(f"roadcue.roadworld.{place}", lambda *_: nothing)
    after = [things(number) for number in NUMBERS]
    assert not any(b - a for a, b in zip(before, after, strict=True))
    assert sum((a - b).total() for a, b in zip(before, after, strict=True)) > 5


@pytest.mark.parametrize(
    ("things", "place", "nothing"),
    [
        (standing, (scenery, "_house"), ()),
        (walkers, (scenery, "_stroller"), None),
        (one_lane, (hazards, "_free_places"), []),
    ],
)
def test_without_some_of_a_row_the_rest_of_it_stays(
    things: Callable[[int], Things], place: tuple[object, str], nothing: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = [things(number) for number in NUMBERS]
    monkeypatch.setattr(*place, all_but_some(getattr(*place), nothing))
    after = [things(number) for number in NUMBERS]
    gone = sum((a - b).total() for a, b in zip(before, after, strict=True))
    assert not any(b - a for a, b in zip(before, after, strict=True))
    assert 0 < gone < sum(a.total() for a in before)


def test_without_a_junction_the_others_keep_their_lights_and_cars(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own go with it. What had no room because of it may come, and nothing else goes."""
    make, taken = layout._junction, 0

    def but_for(s: float) -> Callable[..., Junction | None]:
        return lambda streams, main, at, others: None if at == s else make(streams, main, at, others)

    for number in NUMBERS:
        streets, before = streets_of(number)[0], one_lane(number)
        for junction in streets.junctions:
            with monkeypatch.context() as patch:
                patch.setattr(layout, "_junction", but_for(junction.s))
                left, after = streets_of(number)[0], one_lane(number)
            places, others = ({each.s for each in some.junctions} for some in (left, streets))
            assert places >= others - {junction.s}
            assert left.crossings == streets.crossings
            if places == others - {junction.s}:  # no other road has room now
                gone = Counter(str(thing[0]) for thing in (before - after).elements())
                assert gone <= Counter(light=1, car=3)
                taken += 1
    assert taken > 5


def test_a_light_that_takes_more_random_numbers_changes_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    driven = drive(RoadWorldSpec(stride=20), 3)
    before = Painter(driven, {})

    def thirsty(rng: np.random.Generator, hour: str | None) -> Daylight:
        rng.random(50)
        return draw_daylight(rng, before.light.hour, before.light.weather)

    monkeypatch.setattr("roadcue.roadworld.render.draw_daylight", thirsty)
    after = Painter(driven, {})
    assert not np.array_equal(before.light.sun, after.light.sun)
    assert objects(before.standing) == objects(after.standing)
    assert before._lens == after._lens
    assert np.array_equal(before._skyline, after._skyline)
    assert np.array_equal(before._grass, after._grass)
    for one, other in zip(before.movers, after.movers, strict=True):
        assert np.array_equal(one.xy, other.xy)
        assert all(a is b for a, b in zip(one.looks, other.looks, strict=True))


def test_where_a_drive_is_seen_from_does_not_move_what_stands_there() -> None:
    """Rows begin with their road, not with what is near enough to be drawn."""
    streets, _ = streets_of(2)
    tracks = streets.main.xy[400:500], streets.main.xy[200:800]
    near, far = (objects(furnish(streams_of(SPEC, 2, 0), streets, track, 60.0, "autumn")) for track in tracks)
    assert (near - far).total() <= 0.1 * near.total()
    assert near.total() < 0.8 * far.total()
