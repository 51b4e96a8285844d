"""One random stream for each thing of a walk: to take one away, or to draw more of it, changes no other."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from roadcue.prompts.annotation import ROAD_POSITIONS, SIDEWALK_POSITIONS
from roadcue.roadworld.sidewalk import cars, plan, street, things
from roadcue.roadworld.sidewalk.camera import framing
from roadcue.roadworld.sidewalk.plan import draw_scene
from roadcue.roadworld.sidewalk.scene import Scene, Thing
from roadcue.roadworld.sidewalk.spec import SidewalkSpec
from roadcue.roadworld.sidewalk.walk import Walk
from roadcue.roadworld.streams import Streams
from roadcue.roadworld.weather import draw_walk

FRAMED = framing(SidewalkSpec())
MEANT = [(sidewalk, road) for sidewalk in SIDEWALK_POSITIONS for road in ROAD_POSITIONS]
NUMBERS = range(3)


def drawn(number: int, sidewalk: str, road: str, reach: float = 40.0) -> Scene:
    return draw_scene(Streams((number,)), sidewalk, road, FRAMED, reach, "autumn")


def seen(thing: Thing) -> tuple[object, ...]:
    """All of a thing: what it is, where it is and what it looks like."""
    looks = tuple((mesh.quads.tobytes(), mesh.colours.tobytes(), mesh.centres.tobytes()) for mesh in thing.looks)
    return thing.name, thing.xy, thing.heading, thing.half, thing.velocity, looks


def ground(scene: Scene) -> list[object]:
    marks = [(quads.tobytes(), colour, kind) for quads, colour, kind in scene.marks]
    return [scene.surfaces, marks, scene.start, scene.way, scene.beside]


KINDS = [
    "person", "bicycle", "car", "traffic sign", "traffic light", "tree", "bush", "trash bin", "bench", "bollard",
    "lamp",
]  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_to_take_a_thing_away_changes_no_other(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is never made; only its room is kept, so that nothing comes in its place."""
    put, taken = plan.put, []

    def put_all_but_one(rng: np.random.Generator, scene: Scene, *where: Any) -> None:
        trial = replace(scene, things=scene.things[:])
        put(deepcopy(rng), trial, *where)
        if len(trial.things) > len(scene.things) and kind in trial.things[-1].name and not taken:
            taken.append(trial.things[-1])
            scene.things.append(replace(taken[0], name="room"))
        else:
            put(rng, scene, *where)

    found = 0
    for number in NUMBERS:
        for meant in MEANT:
            whole = drawn(number, *meant)
            taken.clear()
            with monkeypatch.context() as patch:
                patch.setattr(plan, "put", put_all_but_one)
                rest = drawn(number, *meant)
            assert ground(rest) == ground(whole)
            assert [seen(t) for t in rest.things if t.name != "room"] == [
                seen(t) for t in whole.things if not taken or seen(t) != seen(taken[0])
            ]
            found += len(taken)
    assert found > 2


@pytest.mark.parametrize(
    "maker", [things.someone, things.parked_bicycle, things.car_along, things.obstacle, things.a_tree, things.a_bush]
)
def test_a_thing_that_draws_more_numbers_changes_no_other(
    maker: Callable[..., Thing], monkeypatch: pytest.MonkeyPatch
) -> None:
    def greedy(rng: np.random.Generator, *where: float) -> Thing:
        made = makes(rng, *where)
        rng.random(17)
        return made

    everywhere = things.places("autumn")
    makers = [each for makers in everywhere.values() for each in makers]
    makes = next(each for each in makers if maker in (each, getattr(each, "func", None)))
    places = {
        place: {greedy if each is makes else each: share for each, share in makers.items()}
        for place, makers in everywhere.items()
    }
    before = [(ground(scene), [seen(t) for t in scene.things]) for scene in (drawn(1, *meant) for meant in MEANT)]
    monkeypatch.setattr(things, "places", lambda _: places)
    after = [(ground(scene), [seen(t) for t in scene.things]) for scene in (drawn(1, *meant) for meant in MEANT)]
    assert after == before


@pytest.mark.parametrize("what", ["_houses", "_hedge", "_wall", "_fence"])
def test_one_sides_lining_changes_nothing_but_itself(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lining is another on both sides of the way, when one kind of it draws more."""
    line = getattr(street, what)

    def greedy(rng: np.random.Generator, *where: object) -> list[Thing]:
        rng.random(5)
        return list(line(rng, *where))

    label = {"_houses": "a house", "_hedge": "a hedge", "_wall": "a wall", "_fence": "a fence"}[what]
    for meant in MEANT:
        before = drawn(2, *meant)
        with monkeypatch.context() as patch:
            patch.setattr(street, what, greedy)
            after = drawn(2, *meant)
        assert ground(before) == ground(after)
        kept = [[seen(t) for t in scene.things if t.name != label] for scene in (before, after)]
        assert kept[0] == kept[1]


def test_a_car_that_passes_changes_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    def none_of_them(*_: object) -> None:
        pass

    passing = 0
    for meant in MEANT:
        before = drawn(4, *meant)
        with monkeypatch.context() as patch:
            patch.setattr(plan, "drive_along", none_of_them)
            patch.setattr(plan, "drive_across", none_of_them)
            after = {seen(thing) for thing in drawn(4, *meant).things}
        still = {seen(thing) for thing in before.things if not (thing.label == "car" and any(thing.velocity))}
        assert still <= after
        passing += len(before.things) - len(still)
    assert passing > 3
    assert cars.drive_along is plan.drive_along


def test_light_lens_and_walker_are_not_the_scenes(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = SidewalkSpec(width=64, height=48)
    before = Walk(spec, 7)

    def restless(rng: np.random.Generator, scene: Scene) -> None:
        rng.random(100)

    monkeypatch.setattr(plan, "strew", restless)
    after = Walk(spec, 7)
    assert after._lens == before._lens
    assert after.light.weather == before.light.weather
    np.testing.assert_array_equal(after.light.sun, before.light.sun)
    np.testing.assert_array_equal(after._canvas.skyline, before._canvas.skyline)
    np.testing.assert_array_equal(after.outing.track, before.outing.track)
    assert [seen(thing) for thing in after.scene.things] == [seen(thing) for thing in before.scene.things]


def test_where_snow_lies_the_trees_of_a_walk_are_bare() -> None:
    spec = SidewalkSpec(width=64, height=48)
    snowy = [n for n in range(400) if draw_walk(Streams((spec.seed, n, "walk")).of("weather"))[1] == "snow"]
    walks = [Walk(spec, number) for number in snowy]
    trees = [thing for walk in walks for thing in walk.scene.things if thing.label == "trees"]
    assert {walk.light.weather for walk in walks} == {"snow"}
    assert {walk.scene.season for walk in walks} == {"winter"}
    assert trees
    assert not any(len(mesh.centres) for each in trees for mesh in each.looks), "leaves are discs"


def test_a_scene_is_the_same_in_every_season_but_for_its_trees() -> None:
    framed = framing(SidewalkSpec())
    summer, winter = (
        draw_scene(Streams((1,)), "Center", "Left", framed, 40.0, season) for season in ("summer", "winter")
    )
    assert ground(summer) == ground(winter)
    pairs = list(zip(summer.things, winter.things, strict=True))
    differs = {one.label for one, two in pairs if seen(one) != seen(two)}
    assert differs == {"trees"}
