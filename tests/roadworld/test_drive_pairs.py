"""Pairs of drives: halves that differ in one thing alone, futures that differ where it is a reason, files as ever."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from roadcue.errors import BadInput
from roadcue.loaders.split import split_by_sequence
from roadcue.loaders.waymo_e2e.clusters import CLUSTER_FILE
from roadcue.roadworld.__main__ import main
from roadcue.roadworld.dataset import open_roadworld
from roadcue.roadworld.draw_pairs import Pair, draw_pair, kind_of, pair_of
from roadcue.roadworld.instances import BOXES
from roadcue.roadworld.mesh import join
from roadcue.roadworld.moments import LEAST_CHANGE_M
from roadcue.roadworld.paint import _paint_objects
from roadcue.roadworld.pairs import PAIRS
from roadcue.roadworld.render import Painter
from roadcue.roadworld.road_ahead import RoadAhead, road_ahead
from roadcue.roadworld.semantic_class import SemanticClass
from roadcue.roadworld.spec import FIRST_NUMBER, KINDS, REASONS, RoadWorldSpec
from roadcue.roadworld.traffic import DT_S
from roadcue.roadworld.write import check_roadworld, write_roadworld

FIRST = FIRST_NUMBER["pairs"]
SPEC = RoadWorldSpec(0, 0, width=216, height=240, masks=True, pairs=len(KINDS), kinds=KINDS)
NULL = tuple(kind for kind in KINDS if kind not in REASONS)


@pytest.fixture(scope="module")
def pairs() -> dict[str, Pair]:
    return {kind_of(SPEC, FIRST + i): pair_of(SPEC, FIRST + i) for i in range(SPEC.pairs)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pairs") / "drives"
    write_roadworld(SPEC, folder, workers=1)
    return folder


def lines(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / PAIRS).read_text().splitlines()]


# What is driven


@pytest.mark.parametrize("kind", KINDS)
def test_the_past_is_the_same_and_the_future_another_for_a_reason(kind: str, pairs: dict[str, Pair]) -> None:
    without, with_it = pairs[kind].moment.without, pairs[kind].moment.with_it
    assert without.past(0).tobytes() == with_it.past(0).tobytes()
    assert without.past(0)[-1, 2] >= 4
    assert without.intent(0) == with_it.intent(0)
    gap = np.hypot(*(without.future(0) - with_it.future(0)).T)
    if kind in REASONS:
        assert gap.mean() >= LEAST_CHANGE_M
    else:
        assert without.future(0).tobytes() == with_it.future(0).tobytes()


@pytest.mark.parametrize("kind", KINDS)
def test_up_to_the_moment_everybody_else_moves_as_without_the_reason(kind: str, pairs: dict[str, Pair]) -> None:
    moment = pairs[kind].moment
    step = int(moment.without.steps[0])
    changed = moment.change.thing if moment.change else None
    halves = []
    for half in (moment.without, moment.with_it):
        cars = [half.traffic.ego, *half.traffic.others]
        halves.append([each.track[: step + 1] for each in (*cars, *half.traffic.people) if each is not changed])
    without, with_it = halves
    if kind == "braking_car":  # its own track differs in the last half second
        place = 1 + moment.change.place
        lead, braking = without.pop(place), moment.change.thing.track
        begun = step + 1 - round(0.5 / DT_S)
        assert lead[:begun] == braking[:begun]
        assert lead[begun] != braking[begun]
    assert without == with_it


def ahead(pair: Pair) -> tuple[RoadAhead, RoadAhead]:
    return road_ahead(pair.moment.without, 0), road_ahead(pair.moment.with_it, 0)


def test_each_reason_is_what_its_kind_says(pairs: dict[str, Pair]) -> None:
    without, with_it = ahead(pairs["red_light"])
    assert (without.light, with_it.light) == ("green", "red")
    without, with_it = ahead(pairs["braking_car"])
    assert (without.lead_braking, with_it.lead_braking) == (False, True)
    without, with_it = ahead(pairs["works"])
    assert without.works_m is None or without.works_m > with_it.works_m
    assert 10 < with_it.works_m < 25
    without, with_it = ahead(pairs["standing_vehicle"])
    assert without.standing_m is None or without.standing_m > with_it.standing_m
    assert 15 < with_it.standing_m < 30
    without, with_it = ahead(pairs["car_from_kerb"])
    assert (without.cut_in, with_it.cut_in) == (False, True)
    someone = pairs["pedestrian"].moment.change.thing
    crossed = [offset for offset, _ in someone.track[int(pairs["pedestrian"].moment.with_it.steps[0]) :]]
    assert abs(crossed[0]) > 5.5
    assert np.sign(crossed[0]) != np.sign(crossed[-1])


def test_the_ego_stops_for_a_pedestrian_who_is_never_run_over(pairs: dict[str, Pair]) -> None:
    moment = pairs["pedestrian"].moment
    driven, someone = moment.with_it, moment.change.thing
    steps = np.arange(driven.steps[0], len(driven.ego))
    offset, _ = np.array(someone.track)[steps].T
    xy, heading = driven.pose(steps)
    middle = xy + 1.45 * np.stack([np.cos(heading), np.sin(heading)], axis=1)
    place = driven.streets.main.beside(np.full(len(steps), someone.s), offset)
    assert np.hypot(*(place - middle).T).min() > 2


def test_a_parked_car_is_on_the_far_side_of_the_road_that_the_ego_is_on() -> None:
    """In these pairs it has turned into another road."""
    spec, turned = replace(SPEC, pairs=21, kinds=("parked_car",)), []
    for number in (5, 14, 17, 20):
        pair = pair_of(spec, FIRST + number)
        driven, car = pair.moment.without, pair.with_it.standing.origins[pair.numbers[0] - 1]
        path = driven.traffic.ego.route.path
        s = path.nearest(car)
        heading = path.along(path.heading, s)
        left = (car - path.along(path.xy, s)) @ [-np.sin(heading), np.cos(heading)]
        assert left > 4, number
        turned.append(driven.ego[driven.steps[0], 0] > driven.traffic.ego.route.turn[1])
    assert any(turned)


# What is drawn


def touched(painter: Painter, numbers: tuple[int, ...], camera: str) -> np.ndarray:
    """(height, width) bool: where objects are painted, with soft edges, shadows and the light that they spill."""
    view = painter._view(0, painter._canvases[camera].camera)
    standing = len(painter.standing.origins)
    every = np.concatenate([np.arange(standing), standing + painter._moving_in(view, 0)]) + 1
    mesh = join(painter._seen(view, 0))
    own = view.crop(mesh.only(np.flatnonzero(np.isin(every[mesh.owner], numbers))))
    alone = np.zeros((view.camera.height, view.camera.width, 3), np.uint8)
    _paint_objects(alone, view, own, np.full((len(own.owner), 3), 255.0), 16)  # cv2.LINE_AA
    return alone.any(axis=2)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "sun"])
def test_pixels_differ_only_where_the_thing_is(kind: str, pairs: dict[str, Pair]) -> None:
    pair = pairs[kind]
    for camera in SPEC.cameras:
        without, with_it = (half.paint_scene(0, camera) for half in (pair.without, pair.with_it))
        may = touched(pair.without, pair.numbers, camera) | touched(pair.with_it, pair.numbers, camera)
        differ = (without != with_it).any(axis=2)
        assert not (differ & ~may).any(), camera
        if camera == "FRONT":
            left, top, right, bottom = pair.box(camera)
            assert differ[top:bottom, left:right].sum() > 10


def test_the_sun_changes_the_light_and_nothing_in_its_place(pairs: dict[str, Pair]) -> None:
    pair = pairs["sun"]
    assert pair.without.light.hour == pair.with_it.light.hour
    for camera in SPEC.cameras:
        masks = [half.instances(0, camera).mask for half in (pair.without, pair.with_it)]
        np.testing.assert_array_equal(*masks)
        assert (pair.without.paint_scene(0, camera) != pair.with_it.paint_scene(0, camera)).any()
        assert pair.box(camera) is None


def test_both_halves_have_the_same_noise_and_shake(pairs: dict[str, Pair]) -> None:
    pair = pairs["sign"]
    for camera in SPEC.cameras:
        may = touched(pair.with_it, pair.numbers, camera)
        far = np.pad(~may, 2, constant_values=True)  # what blur does not reach
        far = np.lib.stride_tricks.sliding_window_view(far, (5, 5)).all(axis=(2, 3))
        without, with_it = (half.paint(0, camera) for half in (pair.without, pair.with_it))
        np.testing.assert_array_equal(without[far], with_it[far])


def test_lamps_and_lights_have_their_colours(pairs: dict[str, Pair]) -> None:
    def count(pair: Pair, semantic: SemanticClass) -> tuple[int, int]:
        halves = (half.paint_classes(0, "FRONT", 2.0) for half in (pair.without, pair.with_it))
        return tuple(int((classes == semantic).sum()) for classes in halves)

    without, with_it = count(pairs["braking_car"], SemanticClass.BRAKE_LIGHT)
    assert with_it > without
    without, with_it = count(pairs["red_light"], SemanticClass.LIGHT_RED)
    assert with_it > without
    without, with_it = count(pairs["red_light"], SemanticClass.LIGHT_GREEN)
    assert with_it < without


# What is written


def test_the_folder_is_a_data_set_whose_frames_are_those_of_the_pairs(folder: Path, pairs: dict[str, Pair]) -> None:
    assert check_roadworld(folder, hashes=True) == SPEC
    dataset, halves = open_roadworld(folder, "val"), lines(folder)
    assert sorted(each["frame"] for each in halves) == sorted(dataset.states.id.tolist())
    assert [(each["pair"], each["half"]) for each in halves] == [
        (i, half) for i in range(SPEC.pairs) for half in ("without", "with")
    ]
    assert [each["kind"] for each in halves[::2]] == list(KINDS)
    rows = {name: row for row, name in enumerate(dataset.states.id.tolist())}
    for without, with_it in zip(halves[::2], halves[1::2], strict=True):
        first, second = rows[without["frame"]], rows[with_it["frame"]]
        assert dataset.states.sequence[first] == dataset.states.sequence[second]
        assert without["reason"] == with_it["reason"]
        assert int(with_it["frame"][-3:]) - int(without["frame"][-3:]) == 500
        moment = pairs[without["kind"]].moment
        np.testing.assert_array_equal(dataset.states.past[first], dataset.states.past[second])
        np.testing.assert_array_equal(dataset.targets(first).future, moment.without.future(0))
        np.testing.assert_array_equal(dataset.targets(second).future, moment.with_it.future(0))
        for camera in SPEC.cameras:
            seen = camera in without["boxes"] or without["kind"] == "sun"
            assert (dataset.image(first, camera) != dataset.image(second, camera)) == seen


def test_boxes_and_masks_tell_where_the_thing_is(folder: Path, pairs: dict[str, Pair]) -> None:
    for each in lines(folder):
        assert ("FRONT" in each["boxes"]) == (each["kind"] != "sun")
        for left, top, right, bottom in each["boxes"].values():
            assert 0 <= left < right <= SPEC.width
            assert 0 <= top < bottom <= SPEC.height
    boxes = [json.loads(line) for line in (folder / BOXES).read_text().splitlines()]
    assert len(boxes) == 2 * SPEC.pairs * len(SPEC.cameras)
    kinds = {picture["picture"]: {each["number"]: each["kind"] for each in picture["objects"]} for picture in boxes}
    for half in lines(folder):
        number = pairs[half["kind"]].numbers[:1]
        expected = {"pedestrian": "person", "sign": "sign", "parked_car": "vehicle", "standing_vehicle": "vehicle"}
        if half["kind"] in expected:
            seen = kinds[f"{half['frame']}-FRONT"].get(number[0])
            assert seen == (expected[half["kind"]] if half["half"] == "with" else None)


def test_no_cluster_is_named_of_which_nothing_need_be_drawn(folder: Path) -> None:
    assert not (folder / CLUSTER_FILE).exists()
    dataset = open_roadworld(folder, "val")
    assert {dataset.targets(row).cluster for row in range(len(dataset))} == {None}


def test_a_split_by_sequence_keeps_pairs_together(folder: Path) -> None:
    everything = open_roadworld(folder, "all")
    for split in ("train", "val"):
        part = split_by_sequence(everything, split)
        _, counts = np.unique(part.states.sequence, return_counts=True)
        assert counts.tolist() == [2] * len(counts)


def test_a_pairs_number_and_the_seed_decide_it(pairs: dict[str, Pair]) -> None:
    small = replace(SPEC, masks=False, cameras=("FRONT",))
    first = list(draw_pair(small, FIRST + 4))
    assert list(draw_pair(replace(small, pairs=40), FIRST + 4)) == first
    assert list(draw_pair(replace(small, seed=1), FIRST + 4)) != first
    moved = pair_of(replace(small, field_of_view=80.0, camera_height=1.4, exposure=0.6), FIRST + 4)
    np.testing.assert_array_equal(moved.moment.with_it.ego, pairs["braking_car"].moment.with_it.ego)


def test_pairs_have_numbers_and_a_folder_name_of_their_own() -> None:
    assert SPEC.key != replace(SPEC, kinds=KINDS[:3]).key != replace(SPEC, pairs=9).key
    assert SPEC.version != RoadWorldSpec().version
    assert SPEC.key.startswith(f"v{SPEC.version}-")
    assert SPEC.numbers("val") == range(FIRST, FIRST + len(KINDS))
    assert len(SPEC.numbers("train")) == 0
    default = RoadWorldSpec()
    assert default.numbers("val").stop <= FIRST_NUMBER["pretrain"] < FIRST


# Bad input


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("--pairs 3 --kinds gap", "RoadWorld's drive has no pairs of 'gap', but pedestrian, red_light"),
        ("--pairs 3 --kinds=", "--kinds '': one is without a name; name all, or of pedestrian, red_light"),
        ("--pairs 3 --kinds sun,", "--kinds 'sun,': one is without a name"),
        ("--pairs 3 --kinds sun,sun", "names a kind twice"),
        ("--pairs 0 --kinds sun", "--pairs 0: must be at least 1"),
        ("--kinds sun", "--kinds 'sun': belongs to --pairs N"),
        ("--pairs 2 --cameras FRONT_LEFT", "may not see what a pair differs in. Add FRONT"),
        ("--pairs -2 --kinds sun", "--pairs -2: must be at least 1"),
        ("--pairs 3 --train 5", "3 pairs beside 5 training and 0 validation sequences"),
        ("--pairs 3 --val 2", "3 pairs beside 0 training and 2 validation sequences"),
    ],
)
def test_what_cannot_be_drawn_is_said(
    words: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["roadworld", "--out", str(tmp_path / "out"), *words.split()])
    assert main() != 0
    assert says in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_kinds_that_few_pairs_do_not_come_to_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("roadcue.roadworld.__main__.write_roadworld", lambda *_: None)
    words = f"roadworld --out {tmp_path / 'out'} --kinds sun,sign,works --pairs"
    monkeypatch.setattr(sys, "argv", [*words.split(), "2"])
    assert main() == 0
    said = capsys.readouterr().out
    assert "--pairs 2 comes to sun, sign; left out: works. --pairs 3 draws one pair of each." in said
    monkeypatch.setattr(sys, "argv", [*words.split(), "3"])
    assert main() == 0
    assert "left out" not in capsys.readouterr().out


def test_a_spec_knows_its_kinds() -> None:
    with pytest.raises(BadInput, match="no pairs of kinds gap"):
        replace(SPEC, kinds=("gap",))
    with pytest.raises(BadInput, match="3 pairs of 0 kinds"):
        replace(SPEC, pairs=3, kinds=())


def test_a_kind_without_a_moment_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("roadcue.roadworld.moments._ATTEMPTS", 0)
    with pytest.raises(BadInput, match=r"no moment for a pair of kind works was found in drives of 20.0 s \(pair 2"):
        pair_of(SPEC, FIRST + 2)


def test_a_camera_that_is_written_sees_the_thing() -> None:
    """Narrow and rolled: what the default camera sees is out of its picture in many a moment."""
    spec = replace(SPEC, pairs=6, kinds=REASONS, cameras=("FRONT",), field_of_view=25.0, roll=10.0)
    for number in range(FIRST, FIRST + spec.pairs):
        pair = pair_of(spec, number)
        assert pair.box("FRONT") is not None, kind_of(spec, number)
