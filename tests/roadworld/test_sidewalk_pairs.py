"""Pairs of walks: the halves differ in one thing alone, and a reason changes the cue where a null pair does not."""

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from roadcue.errors import BadInput
from roadcue.heads.cue.rules import IN_THE_WAY, blocked_sides, walking_cue
from roadcue.loaders import jpeg
from roadcue.loaders.sensation import open_sensation
from roadcue.loaders.sensation.states import STATES
from roadcue.prompts.annotation import OBJECT_KINDS, Annotation
from roadcue.prompts.bvpi import compose
from roadcue.roadworld.dataset import open_sidewalk
from roadcue.roadworld.instances import BOXES, MASKS
from roadcue.roadworld.lens import Lens
from roadcue.roadworld.pairs import APART, PAIRS
from roadcue.roadworld.sidewalk import pairs
from roadcue.roadworld.sidewalk.__main__ import main
from roadcue.roadworld.sidewalk.outing import FIRST_STEP
from roadcue.roadworld.sidewalk.pairs import PairedWalk
from roadcue.roadworld.sidewalk.reasons import DRAW
from roadcue.roadworld.sidewalk.spec import KINDS, REASONS, SidewalkSpec
from roadcue.roadworld.sidewalk.walk import Walk
from roadcue.roadworld.sidewalk.write import check_sidewalk, write_sidewalk
from roadcue.roadworld.spec import FIRST_NUMBER
from roadcue.schema import Intent

SPEC = SidewalkSpec(0, 0, width=256, height=192, masks=True, pairs=3 * len(KINDS), kinds=KINDS)
FIRST = FIRST_NUMBER["pairs"]
HALVES = (0, APART)
EDGE_PX = 2
"""Beyond a mask's pixels an outline is smoothed."""
BLOOM_RADII = 3.2
"""As wide as its light spills, a lamp's radii."""


@pytest.fixture(scope="module")
def paired() -> list[PairedWalk]:
    return [PairedWalk(SPEC, FIRST + pair) for pair in range(SPEC.pairs)]


@pytest.fixture(scope="module")
def drawn(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("pairs") / "drawn"
    write_sidewalk(SPEC, folder, workers=1)
    return folder


def lines(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / PAIRS).read_text().splitlines()]


def cue(labels: Annotation) -> tuple[str, str]:
    blocked = blocked_sides(labels.near)
    return walking_cue(labels.sidewalk, labels.road, blocked)


def test_every_kind_can_be_drawn():
    assert set(DRAW) == set(KINDS)


def touched(walk: PairedWalk) -> np.ndarray:
    """Of both halves, what the changed thing shows, the smoothed edge around it, and where its lamps spill light."""
    number = walk.halves.with_.last_number
    shown = walk.instances(APART).mask == number
    if walk.halves.without.last_number == number:  # the same house in another colour
        shown |= walk.instances(0).mask == number
    thing, camera = walk.halves.with_.scene.things[-1], walk.halves.with_.camera
    mesh = thing.look(thing.at(0))
    away = np.hypot(*(np.array(thing.xy) - walk.halves.with_.outing.pose(FIRST_STEP)[:2])) - max(thing.half)
    lamps = mesh.radii[mesh.shines[len(mesh.quads) :]]
    bloom = round(float(BLOOM_RADII * lamps.max(initial=0) * camera.intrinsic[0] / away))
    return wider(shown, EDGE_PX + bloom)


def wider(mask: np.ndarray, pixels: int) -> np.ndarray:
    size = 2 * pixels + 1
    return cv2.dilate(mask.astype(np.uint8), np.ones((size, size), np.uint8)) > 0


def behind(walk: PairedWalk) -> np.ndarray:
    """All that the thing would show if nothing stood before it.

    Where two smoothed faces before it meet, a hint of it shines through the seam: such pixels have no number of it.
    """
    half = walk.halves.with_
    alone = half.changed([half.scene.things[-1]], half.outing, [half.sight(0)], half.light)
    return wider(alone.instances(0).mask > 0, EDGE_PX)


def test_the_halves_are_alike_wherever_the_thing_is_not(paired, monkeypatch):
    monkeypatch.setattr(Lens, "fall", lambda *_: None)
    monkeypatch.setattr(Lens, "expose", lambda _, picture, *__: picture)
    for walk in paired:
        without, with_ = walk.paint(0), walk.paint(APART)
        differs = (without != with_).any(axis=2)
        assert differs.any(), walk.kind
        if walk.kind != "sun":
            seams = differs & ~touched(walk)
            assert not (seams & ~behind(walk)).any(), (walk.kind, walk.lines()[0])
            assert seams.sum() <= 16
            assert np.abs(without.astype(int) - with_)[seams].max(initial=0) <= 24
            assert touched(walk).mean() < 0.5


def test_the_lens_is_the_same_for_both_halves(paired):
    """Beyond the thing the very noise is the same: what falls, the shake, the blur and the noise are the walk's.

    But for what spreads over the picture: the blocks of a JPEG, drops, a veil.
    """
    for walk in paired:
        assert walk.halves.without._lens == walk.halves.with_._lens
        if walk.kind in ("obstacle", "person"):
            painted = []
            for half in walk.halves:
                lens = half._lens
                half._lens = replace(lens, quality=None, drops=0, veil=0.0)
                painted.append(half.paint(0))
                half._lens = lens
            differs = (painted[0] != painted[1]).any(axis=2)
            assert not (differs & ~wider(touched(walk), 3)).any()  # a blur's 3 x 3, a fringe, a sharpening's 3 x 3


def test_a_reason_changes_the_cue_and_nothing_else_does(paired):
    for walk in paired:
        cues = [cue(walk.annotation(half)) for half in HALVES]
        assert (cues[0] != cues[1]) == (walk.kind in REASONS), (walk.kind, cues)


def test_the_pasts_are_equal_and_a_reason_alone_changes_the_future(paired):
    for walk in paired:
        assert np.array_equal(walk.past(0), walk.past(APART))
        assert walk.halves.without.outing.pose(FIRST_STEP) == walk.halves.with_.outing.pose(FIRST_STEP)
        change = np.abs(walk.future(0) - walk.future(APART)).max()
        assert change >= 0.3 if walk.kind in REASONS else change == 0, (walk.kind, change)
        assert walk.seconds(0) == walk.seconds(APART) == 0
        assert walk.intent(0) == walk.intent(APART) == Intent.GO_STRAIGHT


def test_before_the_thing_is_there_nobody_knows_of_it(paired):
    """Both futures begin as the walker went; he needs a while to see what has appeared."""
    for walk in paired:
        assert np.abs(walk.future(0)[0] - walk.future(APART)[0]).max() < 0.01


def test_nobody_knows_of_what_is_taken_out_of_both_halves(paired, monkeypatch):
    """When a car or a bin turns out not to be clear, the way to the picture is walked again without it."""
    whole, among, walk = pairs.clear_sights, [], paired[0]

    def takes_one_away(scene, moments):
        if len(among) == 1:
            del scene.things[0]
        return whole(scene, moments)

    def noted(walk, things):
        among.append(things)
        return to_first_picture(walk, things)

    to_first_picture = Walk.to_first_picture
    monkeypatch.setattr(pairs, "clear_sights", takes_one_away)
    monkeypatch.setattr(Walk, "to_first_picture", noted)
    without, with_ = pairs._halves(walk.halves.without, walk._difference)
    assert among[0][1:] == among[-1] == without.scene.things == with_.scene.things[:-1]


def test_labels_differ_in_the_thing_alone(paired):
    label = {
        "obstacle": "obstacle",
        "gap": "obstacle",
        "person": "person",
        "parked_car": "car",
        "sign": "traffic_sign",
    }
    for walk in paired:
        without, with_ = walk.annotation(0), walk.annotation(APART)
        assert (without.sidewalk, without.road) == (with_.sidewalk, with_.road)
        for near in (True, False):
            was, is_ = (labels.near if near else labels.far for labels in (without, with_))
            changed = {kind for kind in OBJECT_KINDS if sorted(was[kind]) != sorted(is_[kind])}
            assert changed <= {label.get(walk.kind)}
            if walk.kind in REASONS:
                assert bool(changed) == near
        if walk.kind in REASONS:
            assert without.sidewalk == "Center"
            assert not any("Center" in without.near[kind] for kind in IN_THE_WAY)
            assert "Center" in with_.near[label[walk.kind]]
            assert walk.caption(0) != walk.caption(APART)
        elif walk.kind in ("house_colour", "sun"):
            assert walk.caption(0) == walk.caption(APART)


def test_a_gap_is_a_hole_that_the_caption_names_and_that_is_dark(paired):
    for walk in paired:
        if walk.kind == "gap":
            assert "A hole in the sidewalk lies" in walk.caption(APART)
            left, top, right, bottom = walk.lines()[1].boxes["CHEST"]
            assert (
                walk.paint(APART)[top:bottom, left:right].mean() < 0.85 * walk.paint(0)[top:bottom, left:right].mean()
            )


def test_a_box_is_that_of_the_thing_in_the_half_with_it(paired):
    for walk in paired:
        without, with_ = walk.lines()
        assert (without.half, with_.half) == ("without", "with")
        assert without.boxes == with_.boxes
        if walk.kind == "sun":
            assert with_.boxes == {}
        else:
            (box,) = [
                each["box"]
                for each in walk.instances(APART).boxes()
                if each["number"] == walk.halves.with_.last_number
            ]
            assert with_.boxes == {"CHEST": box}


def test_by_night_too_the_last_number_is_that_of_what_differs_and_all_others_are_the_same_objects(paired):
    nights = [walk for walk in paired if walk.halves.with_.light.dark and walk.kind in ("obstacle", "person", "sign")]
    assert nights
    for walk in nights:
        without, with_ = walk.instances(0), walk.instances(APART)
        (box,) = walk.lines()[1].boxes.values()
        assert with_.boxes()[-1]["box"] == box
        both = without.kinds.keys() & with_.kinds.keys()
        assert {number: with_.kinds[number] for number in both} == {number: without.kinds[number] for number in both}
        same = (without.mask == with_.mask) | (with_.mask == max(with_.kinds))
        assert same.all()


def test_a_sign_stands_beside_the_walker_even_where_the_way_lies_to_a_side(monkeypatch):
    """Of these scenes two would take it close before the walker, whose way lies to a side, if he saw nothing."""
    monkeypatch.setattr(Walk, "future", lambda *_: np.zeros((20, 2), np.float32))
    spec = replace(SPEC, pairs=60, kinds=("sign",))
    for pair in (23, 25):
        walk = PairedWalk(spec, FIRST + pair)
        without, with_ = walk.annotation(0), walk.annotation(APART)
        assert "Center" not in set(with_.near["traffic_sign"]) - set(without.near["traffic_sign"])


def test_what_a_person_would_hide_is_in_neither_half():
    """In these scenes there is such a thing: the other half would show what the labels of both leave out."""
    for pair in (10, 29):
        without, with_ = PairedWalk(replace(SPEC, pairs=40, kinds=("person",)), FIRST + pair).halves
        assert len(without.scene.things) == len(with_.scene.things) - 1
        assert all(one is other for one, other in zip(without.scene.things, with_.scene.things, strict=False))


def test_nobody_is_walked_through():
    """In the first scenes of these pairs the walker went through the person who came towards him."""
    for pair in (17, 19, 20, 23):
        halves = PairedWalk(replace(SPEC, pairs=60, kinds=("person",)), FIRST + pair).halves
        assert not any(half.outing.touches(half.scene.things) for half in halves), pair


def test_a_pair_is_of_its_number_and_seed(paired):
    again = PairedWalk(replace(SPEC, pairs=9), FIRST + 8)
    assert again.lines() == paired[8].lines()
    np.testing.assert_array_equal(again.paint(APART), paired[8].paint(APART))
    assert again.annotation(APART) == paired[8].annotation(APART)
    other = PairedWalk(replace(SPEC, seed=1), FIRST + 8)
    assert (other.paint(APART) != again.paint(APART)).any()


def test_the_scene_is_an_ordinary_walks(paired):
    numbers = range(FIRST, FIRST + 500 * 1_000_000, 1_000_000)
    walk = paired[6]  # the sun: the half without it is the walk
    assert walk.kind == "sun"
    captions = (Walk(SPEC, number + 6).caption(0) for number in numbers)
    assert walk.caption(0) in captions


def test_every_line_has_its_picture_and_the_loaders_read_them_all(drawn, paired):
    assert check_sidewalk(drawn, hashes=True) == SPEC
    dataset = open_sidewalk(drawn, "val")
    listed = lines(drawn)
    assert [line["frame"] for line in listed] == [
        f"walk-{FIRST + k:07d}-{half}.jpg" for k in range(21) for half in HALVES
    ]
    assert [line["kind"] for line in listed[::2]] == [*KINDS, *KINDS, *KINDS]
    assert [f"{name}.jpg" for name in dataset.states.id] == [line["frame"] for line in listed]
    assert len(open_sensation(drawn, "all")) == 42
    for row, line in enumerate(listed):
        walk, half = paired[line["pair"]], APART * (line["half"] == "with")
        assert dataset.states.sequence[row] == f"walk-{FIRST + line['pair']:07d}"
        assert dataset.annotation(row) == walk.annotation(half)
        assert dataset.caption(row) == walk.caption(half)
        assert dataset.bvpi(row) == compose(walk.annotation(half), walk.caption(half))
        assert dataset.image(row, "CHEST") == jpeg.encode(walk.paint(half), SPEC.jpeg_quality)
    with pytest.raises(BadInput, match=r"holds pairs .* nothing to train on"):
        open_sidewalk(drawn, "train")


def test_neither_half_is_an_earlier_picture_of_the_other(drawn):
    states = open_sidewalk(drawn, "val").states
    assert not [back for back in range(1, 200) if (states.rows_before(back) >= 0).any()]


def test_states_hold_both_halves(drawn, paired):
    states = [json.loads(line) for line in (drawn / STATES).read_text().splitlines()]
    assert [line["image"] for line in states] == [line["frame"] for line in lines(drawn)]
    for without, with_, walk in zip(states[::2], states[1::2], paired, strict=True):
        assert without["past"] == with_["past"]
        assert (without["future"] != with_["future"]) == (walk.kind in REASONS)
        np.testing.assert_allclose(with_["future"], walk.future(APART), atol=0.0005001)
        assert without["time_s"] == with_["time_s"] == 0.0


def test_masks_lie_beside_pairs_and_nothing_else_is_left(drawn):
    masks = [json.loads(line) for line in (drawn / BOXES).read_text().splitlines()]
    for line, mask in zip(lines(drawn), masks, strict=True):
        assert line["frame"] == f"{mask['picture']}.jpg"
        if line["half"] == "with" and line["boxes"]:
            assert line["boxes"]["CHEST"] in [each["box"] for each in mask["objects"]]
    assert len(list((drawn / MASKS).iterdir())) == 42
    assert not list(drawn.glob("*.pair"))


def test_what_no_camera_sees_clearly_is_said(monkeypatch):
    monkeypatch.setattr("roadcue.roadworld.sidewalk.pairs._SCENES", 2)
    narrow = replace(SPEC, kinds=("gap",), field_of_view=20.0, camera_height=2.0)
    with pytest.raises(BadInput, match="of 2 scenes none has a pair of kind gap"):
        PairedWalk(narrow, FIRST)


def test_other_kinds_of_pairs_are_another_folder():
    assert replace(SPEC, kinds=("gap",)).key != SPEC.key


def test_pairs_have_a_version_that_other_walks_have_not(drawn, monkeypatch):
    before, walks = SPEC.key, SidewalkSpec().key
    assert json.loads((drawn / "manifest.json").read_text())["version"] == SPEC.version != SidewalkSpec().version
    monkeypatch.setattr("roadcue.roadworld.sidewalk.spec.PAIRS_VERSION", "0")
    assert SPEC.key != before
    assert SidewalkSpec().key == walks


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("--pairs 3 --kinds red_light", "the sidewalk view has no pairs of 'red_light'"),
        ("--pairs -1", "--pairs -1: must be at least 1"),
        ("--pairs 3 --train 5", "3 pairs beside 5 training and 0 validation pictures"),
        ("--train 4 --val 0 --kinds gap", "--kinds 'gap': belongs to --pairs N"),
        ("--pairs 3 --kinds gap,gap", "names a kind twice"),
    ],
)
def test_what_cannot_be_drawn_is_said(words, says, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["sidewalk", "--out", str(tmp_path / "made"), *words.split()])
    assert main() == 2
    assert says in capsys.readouterr().err
    assert not (tmp_path / "made").exists()


def test_a_spec_with_an_unknown_kind_is_refused():
    with pytest.raises(BadInput, match="no pairs of kinds red_light"):
        SidewalkSpec(0, 0, pairs=1, kinds=("red_light",))


def test_kinds_that_few_pairs_do_not_come_to_are_named(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("roadcue.roadworld.sidewalk.__main__.write_sidewalk", lambda *_: None)
    monkeypatch.setattr("sys.argv", ["sidewalk", "--out", str(tmp_path / "made"), "--pairs", "6"])
    assert main() == 0
    assert "; left out: sun. --pairs 7 draws one pair of each." in capsys.readouterr().out


def test_the_command_draws_the_kinds_in_turn(tmp_path, monkeypatch):
    out = tmp_path / "made"
    command = ["sidewalk", "--out", str(out), "--pairs", "3", "--kinds", "person,sign", "--workers", "1"]
    monkeypatch.setattr("sys.argv", command)
    assert main() == 0
    assert [line["kind"] for line in lines(out)[::2]] == ["person", "sign", "person"]
