"""The sidewalk view: scenes, labels from geometry, pictures and captions."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from roadcue.prompts.annotation import OBJECT_KINDS, ROAD_POSITIONS, SIDEWALK_POSITIONS
from roadcue.roadworld.furniture import bin_
from roadcue.roadworld.semantic_class import SemanticClass
from roadcue.roadworld.sidewalk.camera import chest_camera, view_of
from roadcue.roadworld.sidewalk.caption import caption_of
from roadcue.roadworld.sidewalk.labels import Close, Moment, Sight, clear_sights, sight_of
from roadcue.roadworld.sidewalk.scene import Place, Scene, Surface, Thing
from roadcue.roadworld.sidewalk.spec import SidewalkSpec
from roadcue.roadworld.sidewalk.walk import Walk, paint_walk

SPEC = SidewalkSpec(width=256, height=192)
HERE = Place(0.0, 0.0, 0.0)
GREY, EARTH = (180, 176, 170), (110, 90, 66)


def scene(path=(-1.0, 1.0), road=None, across=None, things=(), grass=False) -> Scene:
    """A straight scene with the camera at the origin: `path` and `road` between two y, a road `across` two x."""
    made = Scene(season="summer")
    everywhere = (-10.0, 60.0), (-60.0, 60.0)
    made.surfaces.append(Surface("grass" if grass else "", *everywhere, EARTH, SemanticClass.GRASS))
    if path:
        made.surfaces.append(
            Surface("sidewalk", (-10.0, across[0] if across else 60.0), path, GREY, SemanticClass.SIDEWALK)
        )
    if road:
        made.surfaces.append(Surface("road", (-10.0, 60.0), road, EARTH, SemanticClass.ROAD))
    if across:
        made.surfaces.append(Surface("road", across, (-60.0, 60.0), EARTH, SemanticClass.ROAD))
    made.things += things
    return made


def bin_at(x: float, y: float) -> Thing:
    return Thing("obstacle", "a trash bin", (bin_(0),), (x, y), 0.0, (0.3, 0.3, 1.05))


def moment(made: Scene) -> Moment:
    return Moment(view_of(HERE, chest_camera(SPEC)), lambda thing: thing.at(0), lambda _: 0.0)


def sight(made: Scene):
    sights = clear_sights(made, [lambda: moment(made)])
    return sights[0] if sights else None


@pytest.mark.parametrize(
    ("path", "position"),
    [((-1, 1), "Center"), ((1, 3), "Left"), ((-3, -1), "Right"), (None, "Outside"), ((2.7, 4.4), "Left")],
)
def test_the_sidewalk_is_where_its_middle_is_four_metres_ahead(path, position):
    assert sight(scene(path=path)).sidewalk == position


@pytest.mark.parametrize("path", [(0.2, 2), (-2.1, -0.1)])
def test_a_sidewalk_between_center_and_side_is_not_clear(path):
    assert sight(scene(path=path)) is None


@pytest.mark.parametrize(
    ("given", "position"),
    [
        ({}, "Not present"),
        ({"road": (1.5, 8.0)}, "Left"),
        ({"road": (-8.0, -1.5)}, "Right"),
        ({"across": (5.0, 11.0)}, "Front"),
        ({"path": None, "road": (-3.0, 3.0)}, "Front"),
    ],
)
def test_the_road_is_where_the_picture_shows_it(given, position):
    assert sight(scene(**given)).road == position


@pytest.mark.parametrize("given", [{"across": (8.5, 14.0)}, {"path": None, "road": (-30.0, -13.0)}])
def test_a_road_that_is_only_just_there_is_not_clear(given):
    assert sight(scene(**given)) is None


@pytest.mark.parametrize(
    ("x", "y", "where"),
    [
        (4.0, 1.6, ("near", "Left")),
        (4.0, 0.0, ("near", "Center")),
        (4.0, -1.6, ("near", "Right")),
        (10.0, 4.0, ("far", "Left")),
        (10.0, 0.0, ("far", "Center")),
    ],
)
def test_a_thing_is_named_by_distance_and_by_third_of_the_picture(x, y, where):
    seen = sight(scene(things=[bin_at(x, y)]))
    named = {name: objects["obstacle"] for name, objects in (("near", seen.near), ("far", seen.far))}
    assert named == {"near": (), "far": ()} | {where[0]: (where[1],)}


@pytest.mark.parametrize(
    "thing",
    [bin_at(5.6, 0.0), bin_at(4.0, 0.85), bin_at(3.0, 2.65), bin_at(26.5, 0.0)],
    ids=["5.3 m away", "at a border of thirds", "half outside the picture", "too far"],
)
def test_a_thing_that_is_not_clear_is_taken_out_of_the_scene(thing):
    made = scene(things=[thing])
    assert not sight(made).near["obstacle"]
    assert not made.things


def test_a_picture_with_a_thing_that_is_not_clear_has_no_sight_and_keeps_the_thing():
    made = scene(things=[bin_at(4.0, 0.85)])
    assert sight_of(made, moment(made)) is None
    assert len(made.things) == 1
    made.things = [bin_at(4.0, 0.0)]
    assert sight_of(made, moment(made)) == sight(made)


@pytest.mark.parametrize("thing", [bin_at(12.0, 2.9), bin_at(26.5, 0.0)], ids=["at a border of thirds", "too far"])
def test_a_far_kind_that_is_not_clear_is_not_labelled(thing):
    clear = bin_at(9.0, 0.0)
    made = scene(things=[clear, thing])
    seen = sight_of(made, moment(made))
    assert seen is not None
    assert "obstacle" not in seen.far
    assert not seen.whole
    assert seen.near["obstacle"] == ()
    assert made.things == [clear, thing]
    made.things = [clear]
    assert sight_of(made, moment(made)).far["obstacle"] == ("Center",)


def test_what_is_farther_than_thirty_metres_is_not_told():
    made = scene(things=[bin_at(31.0, 0.0)])
    assert not any(sight(made).far.values())
    assert len(made.things) == 1


def test_a_hidden_thing_is_taken_out_and_what_hides_it_stays():
    made = scene(things=[bin_at(3.5, 0.0), bin_at(9.0, 0.0)])
    assert sight(made).near["obstacle"] == ("Center",)
    assert [thing.xy for thing in made.things] == [(3.5, 0.0)]


def test_a_thing_behind_the_walker_stays_and_is_not_named():
    made = scene(things=[bin_at(-3.0, 0.0)])
    assert not any(sight(made).near.values())
    assert len(made.things) == 1


def test_things_of_one_kind_are_counted_from_near_to_far():
    seen = sight(scene(things=[bin_at(4.5, 1.9), bin_at(4.0, -1.6), bin_at(3.5, 0.0)]))
    assert seen.near["obstacle"] == ("Center", "Right", "Left")


def test_grass_is_named_by_the_thirds_it_covers():
    seen = sight(scene(path=(-6, 0.9), grass=True))
    assert seen.near["grass"] == ("Left",)


def test_the_picture_shows_the_sidewalk_where_the_label_has_it():
    """The camera's own projection, not the labels' cells: the light slabs are brighter than the dark earth."""
    camera = chest_camera(SPEC)
    view = view_of(HERE, camera)
    u, v = view.pixels(view.flat(np.array([[4.0, 0.0]])))[0]
    assert u == pytest.approx(SPEC.width / 2)
    down = np.arctan((v - SPEC.height / 2) / camera.intrinsic[1]) + np.radians(12)
    assert SPEC.camera_height / np.tan(down) == pytest.approx(4.0)


@pytest.fixture(scope="module")
def walks():
    return [Walk(SPEC, number) for number in range(64)]


def test_all_positions_of_sidewalk_and_road_are_frequent(walks):
    seen = [walk.annotation(0) for walk in walks]
    for positions, counts in (
        (SIDEWALK_POSITIONS, Counter(one.sidewalk for one in seen)),
        (ROAD_POSITIONS, Counter(one.road for one in seen)),
    ):
        assert all(counts[position] >= 0.12 * len(seen) for position in positions)


def test_all_kinds_of_object_are_found_near_and_far(walks):
    for objects in ([walk.annotation(0).near for walk in walks], [walk.annotation(0).far for walk in walks]):
        assert {kind for each in objects for kind in OBJECT_KINDS if each[kind]} == set(OBJECT_KINDS)


def test_a_walk_is_the_same_whenever_it_is_drawn(walks):
    again = Walk(SPEC, 5)
    assert np.array_equal(again.paint(2), walks[5].paint(2))
    assert again.annotation(2) == walks[5].annotation(2)
    assert again.caption(2) == walks[5].caption(2)
    assert not np.array_equal(again.paint(2), again.paint(3))
    other = Walk(SidewalkSpec(seed=1, width=256, height=192), 5)
    assert not np.array_equal(other.paint(2), again.paint(2))
    assert other.outing.pose(100) != again.outing.pose(100)


def test_labels_do_not_depend_on_the_size_of_the_picture(walks):
    large = Walk(SidewalkSpec(width=320, height=240), 5)
    assert [large.annotation(f) for f in range(SPEC.frames)] == [walks[5].annotation(f) for f in range(SPEC.frames)]


def test_painted_classes_agree_with_the_labels(walks):
    """Counted in the painting, which the labels' boxes and cells know nothing of."""
    for walk in walks:
        label, classes = walk.annotation(0), walk.paint_classes(0, 0.5)
        assert (np.count_nonzero(classes == SemanticClass.SIDEWALK) > 40) == (label.sidewalk != "Outside")
        assert (np.count_nonzero(np.isin(classes, (SemanticClass.ROAD, SemanticClass.MARKING))) > 40) == (
            label.road != "Not present"
        )
        lower = (classes == SemanticClass.SIDEWALK)[len(classes) * 2 // 3 :]
        if label.sidewalk in ("Left", "Right") and lower.any():
            assert (np.nonzero(lower)[1].mean() < classes.shape[1] / 2) == (label.sidewalk == "Left")
        if label.near["bicycle"]:
            columns = np.nonzero(classes == SemanticClass.BICYCLE)[1]
            assert len(columns) > 10


def test_a_scene_without_things_is_painted():
    walk = Walk(SPEC, 0)
    walk.scene.things.clear()
    assert walk.paint(0).std() > 5
    assert set(np.unique(walk.paint_classes(0, 0.25))) <= {
        SemanticClass.SKY,
        SemanticClass.GRASS,
        *range(SemanticClass.ROAD, SemanticClass.KERB + 1),
    }


def test_captions_agree_with_the_labels(walks):
    for walk in walks:
        label, text = walk.annotation(0), walk.caption(0)
        phrases = {
            "Center": "centered",
            "Left": "on the left side",
            "Right": "on the right side",
            "Outside": "no sidewalk",
        }
        assert phrases[label.sidewalk] in text
        assert ("No road" in text) == (label.road == "Not present")
        front = "road ahead" in text or "straight ahead." in text.split("The way")[0]
        assert front == (label.road == "Front" and not walk.sight(0).on_road)
        if label.road in ("Left", "Right"):
            side = label.road.lower()
            assert f"a road on the {side}" in text or f"along the {side} side" in text
        for kind, word in (("bicycle", "bicycle"), ("car", "A car "), ("person", "person")):
            assert word not in text or label.near[kind]


def test_captions_say_borders_places_and_distances():
    made = scene()
    made.beside = {"left": "a hedge", "right": "a wall"}
    ahead = Thing("person", "a person", (), (4.6, 0.0), 0.0, (0.3, 0.3, 1.8), velocity=(0.5, 0.0))
    comes = Thing("person", "a person", (), (4.8, 0.0), 0.0, (0.3, 0.3, 1.8), velocity=(-0.5, 0.0))
    close_by = (
        Close(bin_at(3.2, 1.0), "Left", 3.2, 0.0),
        Close(ahead, "Center", 4.4, 0.5),
        Close(comes, "Right", 4.6, 0.5),
    )
    assert caption_of(made, Sight("Center", "Not present", {}, {}, close_by)) == (
        "The sidewalk is centered in the view, bordered by a hedge on the left and a wall on the right. "
        "No road is in sight. A trash bin stands 3 meters away on the left. "
        "A person walks ahead 4 meters away in the middle. A person comes closer 5 meters away on the right. "
        "The way is blocked."
    )
    stands = Sight("Center", "Not present", {}, {}, (Close(comes, "Right", 4.6, 0.0),))
    assert "A person stands 5 meters away on the right." in caption_of(made, stands)


def test_captions_say_that_one_is_on_the_road_and_not_that_it_is_ahead():
    on_it = replace(Sight("Center", "Front", {}, {}, ()), on_road=True)
    assert "You are on the road." in caption_of(scene(), on_it)
    assert "road ahead" not in caption_of(scene(), on_it)


def test_a_sight_knows_who_stands_now_and_what_ground_one_is_on():
    """One walk crosses a road; in the other somebody who walks has to stand."""
    roads, stands = set(), set()
    for number in (8, 45):
        walk = Walk(replace(SPEC, seconds=30, rate=1, train=6000), number)
        for frame in range(30):
            sight = walk.sight(frame)
            if sight is None:
                continue
            here = np.array([walk.outing.pose(walk.step(frame))[:2]])
            assert sight.on_road == (walk.scene.labels_at(here)[0] == "road")
            assert ("You are on the road." in walk.caption(frame)) == sight.on_road
            roads.add(sight.on_road)
            for one in sight.close_by:
                now, before = (walk.outing.place(one.thing, frame - ago) for ago in (0, 0.05))
                assert one.speed == pytest.approx(np.hypot(now.x - before.x, now.y - before.y) / 0.05, abs=1e-6)
                if one.thing.walks and one.speed < 0.05:
                    stands.add(walk.caption(frame))
    assert roads == {False, True}
    assert stands
    assert all("A person stands" in caption for caption in stands)


def test_the_chest_camera_is_where_its_words_say():
    """1.25 m above the ground, 12 degrees down, 75 degrees wide."""
    camera = chest_camera(SPEC)
    assert camera.extrinsic[:3, 3].tolist() == [0, 0, 1.25]
    assert np.degrees(np.arcsin(-camera.extrinsic[2, 0])) == pytest.approx(12)
    assert 2 * np.degrees(np.arctan(SPEC.width / 2 / camera.intrinsic[0])) == pytest.approx(75)


def test_a_walk_of_any_number_is_painted_without_files():
    frame = paint_walk(SPEC, 2_000_007, 1)
    assert frame.picture.shape == (192, 256, 3)
    assert frame.picture.dtype == np.uint8
    assert frame.annotation.image == "walk-2000007-1.jpg"
    assert frame.caption.endswith(".")
