"""Masks and boxes: painted as the picture is, one number an object, and beside files that stay as they are."""

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest

from roadcue.loaders.sensation.files import ANNOTATIONS
from roadcue.roadworld.camera import camera
from roadcue.roadworld.checksums import CHECKSUMS_FILE
from roadcue.roadworld.drive import drive
from roadcue.roadworld.instances import BOXES, MASKS, Instances
from roadcue.roadworld.render import Painter
from roadcue.roadworld.semantic_class import SemanticClass
from roadcue.roadworld.sidewalk.spec import SidewalkSpec
from roadcue.roadworld.sidewalk.walk import Walk
from roadcue.roadworld.sidewalk.write import check_sidewalk, write_sidewalk
from roadcue.roadworld.spec import RoadWorldSpec
from roadcue.roadworld.write import check_roadworld, write_roadworld

SPEC = RoadWorldSpec(train_sequences=1, val_sequences=1, seconds=6, width=216, height=240)
WALKS = SidewalkSpec(train=4, val=4, width=256, height=192)


@pytest.fixture(scope="module")
def painter() -> Painter:
    """A drive with other cars, people and a traffic light in the pictures."""
    spec = RoadWorldSpec(seconds=20)
    cameras = {name: camera(spec, name) for name in spec.cameras}
    return Painter(drive(spec, 2_000_009), cameras)


def test_a_pixel_has_a_number_where_an_object_is_seen_and_nowhere_else(painter):
    for frame in (0, 3):
        classes = painter.paint_classes(frame, "FRONT", 1.0)
        seen = painter.instances(frame, "FRONT")
        np.testing.assert_array_equal(seen.mask > 0, classes >= SemanticClass.BUILDING)
    walk = Walk(WALKS, 5)
    np.testing.assert_array_equal(walk.instances(1).mask > 0, walk.paint_classes(1, 1.0) >= SemanticClass.BUILDING)


def test_masks_roll_with_the_camera():
    tilted = replace(WALKS, roll=12.0)
    walk = Walk(tilted, 5)
    mask = walk.instances(1).mask
    np.testing.assert_array_equal(mask > 0, walk.paint_classes(1, 1.0) >= SemanticClass.BUILDING)
    assert (mask > 0).any()
    spec = replace(SPEC, roll=-8.0)
    cameras = {"FRONT": camera(spec, "FRONT")}
    painter = Painter(drive(spec, 2_000_009), cameras)
    np.testing.assert_array_equal(
        painter.instances(0, "FRONT").mask > 0, painter.paint_classes(0, "FRONT", 1.0) >= SemanticClass.BUILDING
    )


def test_the_kind_is_that_of_the_classes(painter):
    classes, seen = painter.paint_classes(0, "FRONT", 1.0), painter.instances(0, "FRONT")
    assert len(seen.kinds) > 5
    for semantic, kind in (
        (SemanticClass.VEHICLE, "vehicle"),
        (SemanticClass.BRAKE_LIGHT, "vehicle"),
        (SemanticClass.TREE, "tree"),
        (SemanticClass.BUILDING, "building"),
        (SemanticClass.LIGHT_RED, "light"),
    ):
        for number in np.unique(seen.mask[classes == semantic]).tolist():
            assert seen.kinds[number] == kind, (semantic, number)


def test_a_number_is_the_same_object_in_every_frame_and_camera(painter):
    kinds: dict[int, set[str]] = {}
    for frame in range(painter.drive.frames):
        for name in painter.cameras:
            for number, kind in painter.instances(frame, name).kinds.items():
                kinds.setdefault(number, set()).add(kind)
    assert all(len(each) == 1 for each in kinds.values())
    moving = {number for number, kind in kinds.items() if kind == {"vehicle"}}
    assert len(moving) > 1


def test_boxes_hold_all_pixels_of_an_object_and_no_empty_row_or_column():
    mask = np.zeros((6, 8), np.uint16)
    mask[1:3, 2:7], mask[2, 4], mask[5, 0] = 9, 300, 300
    assert Instances(mask, {9: "vehicle", 300: "person"}).boxes() == [
        {"number": 9, "kind": "vehicle", "box": [2, 1, 7, 3], "pixels": 9},
        {"number": 300, "kind": "person", "box": [0, 2, 5, 6], "pixels": 2},
    ]
    assert Instances(np.zeros((2, 2), np.uint16), {}).boxes() == []


def lines(folder):
    return [json.loads(line) for line in (folder / BOXES).read_text().splitlines()]


def sums(folder):
    return json.loads((folder / CHECKSUMS_FILE).read_text())["files"]


def test_masks_of_drives_lie_beside_shards_that_stay_as_they_are(tmp_path):
    write_roadworld(SPEC, tmp_path / "without", workers=1)
    write_roadworld(replace(SPEC, masks=True), tmp_path / "with", workers=1)
    assert check_roadworld(tmp_path / "with", hashes=True).masks
    without, with_masks = sums(tmp_path / "without"), sums(tmp_path / "with")
    assert {name: with_masks[name] for name in without} == without
    pictures = lines(tmp_path / "with")
    assert len(pictures) == 2 * 2 * 3
    assert {each["mask"] for each in pictures} | {BOXES} == with_masks.keys() - without.keys()
    first = cv2.imread(str(tmp_path / "with" / pictures[0]["mask"]), cv2.IMREAD_UNCHANGED)
    assert first.shape == (240, 216)
    assert first.dtype == np.uint16
    assert {each["number"] for each in pictures[0]["objects"]} == set(np.unique(first).tolist()) - {0}


def test_masks_of_walks_lie_beside_files_that_stay_as_they_are(tmp_path):
    write_sidewalk(WALKS, tmp_path / "without", workers=1)
    write_sidewalk(replace(WALKS, masks=True), tmp_path / "with", workers=1)
    assert check_sidewalk(tmp_path / "with", hashes=True).masks
    without, with_masks = sums(tmp_path / "without"), sums(tmp_path / "with")
    assert ANNOTATIONS in without
    assert {name: with_masks[name] for name in without} == without
    assert [each["picture"] for each in lines(tmp_path / "with")][:2] == ["walk-0000000-0", "walk-0000000-1"]
    assert len(list((tmp_path / "with" / MASKS).iterdir())) == 8
