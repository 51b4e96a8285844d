"""Whole drives as they are painted: alike in colours, classes and cameras, and as the simulation has them."""

import cv2
import numpy as np
import pytest

from roadcue.loaders.waymo_e2e.clusters import Cluster
from roadcue.roadworld import RoadWorldSpec
from roadcue.roadworld.camera import camera
from roadcue.roadworld.drive import Drive, cluster_of, drive
from roadcue.roadworld.render import Painter, _indicated
from roadcue.roadworld.road import LANE_CENTRE_M
from roadcue.roadworld.road_ahead import road_ahead
from roadcue.roadworld.semantic_class import SemanticClass
from roadcue.schema import CameraCalibration, Intent

SPEC = RoadWorldSpec(stride=30)
CAMERAS = {name: camera(SPEC, name) for name in ("FRONT_LEFT", "FRONT", "FRONT_RIGHT")}


def _pixel(camera: CameraCalibration, *point: float) -> tuple[int, int]:
    """(row, column) of a point, metres in the ego frame."""
    (pixel,), _ = camera.project(np.array([point]))
    return int(pixel[1]), int(pixel[0])


@pytest.fixture(scope="module")
def driven() -> list[Drive]:
    return [drive(SPEC, number) for number in range(6)]


def test_the_centre_line_is_where_the_calibration_says() -> None:
    """Projected with the frame's calibration, points on the double line are yellow; between and beside it not."""
    front = CAMERAS["FRONT"]
    yellow: dict[float, list[bool]] = {-LANE_CENTRE_M: [], -0.36: [], -0.14: [], 0.0: [], 0.14: [], 0.36: []}
    for number in range(32):
        driven = drive(RoadWorldSpec(seconds=0.1, stride=1), number)
        painter = Painter(driven, {"FRONT": front})
        if painter.light.hour == "night" or not (painter._ground.mark_colours[:, 2] < 60).any():
            continue
        picture = painter.paint_scene(0, "FRONT").astype(int)
        xy, heading = driven.pose(driven.steps[0])
        c, s = np.cos(heading), np.sin(heading)
        ahead = driven.streets.main.nearest(xy) + np.arange(7.0, 11.0, 0.25)
        for offset, hits in yellow.items():
            ego = (driven.streets.main.beside(ahead, offset) - xy) @ np.array([[c, -s], [s, c]])
            pixels, in_front = front.project(np.pad(ego, ((0, 0), (0, 1))))
            for u, v in np.floor(pixels[in_front]).astype(int):
                if 0 <= u < SPEC.width and 0 <= v < SPEC.height:
                    hits.append(picture[v, u, 0] > 1.4 * picture[v, u, 2])
    share = {offset: np.mean(hits) for offset, hits in yellow.items()}
    assert min(share[-0.14], share[0.14]) > 0.3  # the others have a junction there
    assert max(share[offset] for offset in share if abs(offset) != 0.14) < 0.1


def test_classes_and_picture_show_the_same(driven: list[Drive]) -> None:
    sky: list[float] = []
    for each in driven:
        painter = Painter(each, CAMERAS)
        for frame in range(0, each.frames, 2):
            picture = painter.paint_scene(frame, "FRONT").astype(int)
            classes = painter.paint_classes(frame, "FRONT", 1.0)
            assert classes.shape == picture.shape[:2]
            assert set(np.unique(classes)) <= set(SemanticClass)
            smooth = np.abs(np.diff(picture.mean(axis=2), axis=1)) < 12
            sky.append(smooth[classes[:, 1:] == SemanticClass.SKY].mean())
    assert min(sky) > 0.8


def test_classes_at_a_quarter_agree_with_those_of_full_size(driven: list[Drive]) -> None:
    painter = Painter(driven[0], CAMERAS)
    for name in CAMERAS:
        whole, small = (painter.paint_classes(2, name, scale) for scale in (1.0, 0.25))
        assert small.shape == (135, 122)
        again = cv2.resize(whole, (122, 135), interpolation=cv2.INTER_NEAREST)
        assert (small == again).mean() > 0.85


def test_cameras_meet_at_their_edges(driven: list[Drive]) -> None:
    """A direction that two cameras see is of the same kind in both."""
    painter = Painter(driven[1], CAMERAS)
    for name, bearing in (("FRONT_LEFT", 22.5), ("FRONT_RIGHT", -22.5)):
        same = []
        for frame in range(driven[1].frames):
            front, side = (painter.paint_classes(frame, each, 1.0) for each in ("FRONT", name))
            for fall in np.radians(np.arange(-12, 20, 0.5)):
                b = np.radians(bearing)
                point = 60 * np.array([np.cos(b) * np.cos(fall), np.sin(b) * np.cos(fall), -np.sin(fall)])
                same.append(
                    front[_pixel(CAMERAS["FRONT"], *(point + CAMERAS["FRONT"].extrinsic[:3, 3]))]
                    == side[_pixel(CAMERAS[name], *(point + CAMERAS[name].extrinsic[:3, 3]))]
                )
        assert np.mean(same) > 0.8


def test_pictures_differ_between_frames_and_painting_leaves_no_trace(driven: list[Drive]) -> None:
    painter = Painter(driven[3], CAMERAS)
    first, second = painter.paint(0, "FRONT"), painter.paint(1, "FRONT")
    assert first.shape == (540, 486, 3)
    assert first.dtype == np.uint8
    assert np.ptp(first) > 120
    assert not np.array_equal(first, second)
    assert np.array_equal(first, painter.paint(0, "FRONT"))
    again = Painter(driven[3], CAMERAS).paint(0, "FRONT")
    assert np.array_equal(first, again), "the same generator paints the same picture"


def test_cars_indicate_to_the_side_of_their_turn(driven: list[Drive]) -> None:
    sides = set()
    for each in (drive(SPEC, number) for number in range(30)):
        for other in each.traffic.others:
            begin, _ = other.route.turn
            if np.isfinite(begin) and not other.parked and not other.merging:
                sides.add((other.route.intent, _indicated(other, begin - 1)))
                assert _indicated(other, begin - 40) == ()
    assert sides >= {(Intent.GO_RIGHT, (-1,)), (Intent.GO_LEFT, (1,))}


def test_what_is_told_of_the_road_ahead_is_painted() -> None:
    """Lights and brakes as the simulation has them, in the picture's classes; a few are hidden by something."""
    expected = dict.fromkeys((SemanticClass.LIGHT_RED, SemanticClass.LIGHT_GREEN, SemanticClass.BRAKE_LIGHT), 0)
    shown = dict(expected)
    spec = RoadWorldSpec(stride=10)
    for number in [number for number in range(80) if cluster_of(spec, number) == Cluster.INTERSECTION]:
        each = drive(spec, number)
        painter = Painter(each, {"FRONT": CAMERAS["FRONT"]})
        for frame in range(each.frames):
            ahead = road_ahead(each, frame)
            wanted = [SemanticClass.BRAKE_LIGHT] if ahead.lead_braking and 2 < (ahead.lead_m or 0) < 15 else []
            if ahead.light in ("red", "green") and 0 < (ahead.light_m or 0) < 20 and ahead.lead_m is None:
                wanted.append(SemanticClass[f"LIGHT_{ahead.light.upper()}"])
            for one in wanted:
                expected[one] += 1
                shown[one] += bool((painter.paint_classes(frame, "FRONT", 1.0) == one).any())
        if min(expected.values()) >= 3:
            break
    assert all(shown[one] >= 0.6 * expected[one] > 1 for one in expected), (expected, shown)


def test_spotlight_sequences_are_driven_in_the_dark() -> None:
    numbers = [number for number in range(200) if cluster_of(SPEC, number) == Cluster.SPOTLIGHT][:5]
    lights = [Painter(drive(SPEC, number), {}).light for number in numbers]
    assert {light.hour for light in lights} <= {"low sun", "dusk", "night"}
