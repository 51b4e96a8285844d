import re
from dataclasses import replace

import numpy as np
import pytest
import simplejpeg
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from loaders.calibration import CameraCalibration
from reports.birds_eye_view import birds_eye_view
from reports.camera_view import camera_view
from reports.colours import colours
from reports.scene import Scene

GREY = 120
PAST = np.zeros((16, 6), np.float32)
PAINT = colours(["logged", "past", "waypoint", "constant velocity"])
GREEN = np.frombuffer(bytes.fromhex(PAINT["logged"][1:]), np.uint8).astype(int)
SECONDS = 0.25 * np.arange(1, 21)[:, None]


def picture(
    calibration: CameraCalibration | None, path: np.ndarray, size: tuple[int, int] = (1079, 972)
) -> np.ndarray:
    blank = np.full((*size, 3), GREY, np.uint8)
    return simplejpeg.decode_jpeg(camera_view(blank, calibration, PAST, {"logged": path}, PAINT)).astype(int)


def changed(drawn: np.ndarray) -> np.ndarray:
    return np.abs(drawn - GREY).max(axis=-1) > 30


@pytest.mark.parametrize("shrink", [0.5, 1, 2, 6])
def test_a_point_on_the_ground_lands_on_its_pixel(calibration: CameraCalibration, shrink: float):
    # 20 m ahead of the axle is 18.4 m ahead of the camera; 2 m to the left; the camera is 1.5 m up.
    u, v = 486 - 900 * 2 / 18.4, 540 + 900 * 1.5 / 18.4
    size = int(1079 / shrink), int(972 / shrink)
    drawn = picture(calibration, SECONDS * (10.0, 1.0), size)
    row, column = round(v / 1079 * len(drawn)), round(u / 972 * drawn.shape[1])
    assert np.abs(drawn[row, column] - GREEN).max() < 40


def test_nothing_changes_away_from_the_path(calibration: CameraCalibration):
    drawn = changed(picture(calibration, SECONDS * (10.0, 1.0)))
    x = np.linspace(1.8, 50, 4000)
    u, v = 486 - 900 * x / 10 / (x - 1.6), 540 + 900 * 1.5 / (x - 1.6)
    rows, columns = np.nonzero(drawn)
    assert len(rows) > 1000
    for row, column in zip(rows[::50], columns[::50], strict=True):
        assert np.hypot(u - column, v - row).min() < 20
    # Every part of the line that lies in the picture is drawn.
    inside = (u > 0) & (u < 971) & (v > 0) & (v < 1078)
    assert drawn[v[inside].astype(int), u[inside].astype(int)].mean() > 0.99


def test_a_path_behind_the_camera_or_without_a_calibration_is_not_drawn(calibration: CameraCalibration):
    wide = replace(calibration, intrinsic=np.array([200.0, 200.0, 486.0, 540.0, 0, 0, 0, 0, 0]))
    assert changed(picture(wide, SECONDS * (10.0, 0.1))).any()
    assert not changed(picture(wide, SECONDS * (-10.0, 0.1))).any()
    assert not changed(picture(None, SECONDS * (10.0, 1.0))).any()


def test_lens_distortion_does_not_fold_a_path_at_the_side_into_the_picture(calibration: CameraCalibration):
    # 1.8 m aside per metre ahead lies outside; its radius times 1 - 0.3 * 1.8^2 would be the middle of the picture.
    folding = replace(calibration, intrinsic=calibration.intrinsic + np.array([0, 0, 0, 0, -0.3, 0, 0, 0, 0]))
    path = np.stack([np.full(20, 11.6), np.linspace(17, 19, 20)], axis=1)
    ground = np.concatenate([path, np.zeros((20, 1))], axis=1)
    assert (np.abs(folding.project(ground)[0] - (486, 540)) < 400).all()
    drawn = changed(picture(folding, path))
    # The way there from the axle crosses the picture's edge at the right place, below the horizon, and then is gone.
    assert not drawn[:, 300:].any()


def test_the_first_path_lies_on_top_and_the_logged_one_shows_beside_it(calibration: CameraCalibration):
    blank = np.full((1079, 972, 3), GREY, np.uint8)
    straight = SECONDS * (10.0, 0.0)
    paths = dict.fromkeys(("waypoint", "logged", "constant velocity"), straight)
    drawn = simplejpeg.decode_jpeg(camera_view(blank, calibration, PAST, paths, PAINT)).astype(int)
    orange = np.frombuffer(bytes.fromhex(PAINT["waypoint"][1:]), np.uint8).astype(int)
    row = drawn[1000]
    assert np.abs(row[486] - orange).max() < 60
    for side in (row[470:484], row[489:503]):
        assert np.abs(side - GREEN).max(axis=-1).min() < 60


def test_the_overlay_leaves_the_given_picture_alone(scene: Scene):
    before = scene.image.copy()
    camera_view(scene.image, scene.calibration, scene.past, scene.paths, PAINT)
    np.testing.assert_array_equal(scene.image, before)


@settings(max_examples=40, deadline=None)
@given(
    arrays(np.float64, (20, 2), elements=st.floats(-200, 200)),
    arrays(np.float64, 5, elements=st.floats(-2, 2)),
)
def test_any_finite_path_gives_a_picture(path: np.ndarray, distortion: np.ndarray):
    extrinsic = np.eye(4)
    extrinsic[:3, 3] = 1.6, 0.0, 1.5
    lens = CameraCalibration(np.concatenate([[90.0, 90.0, 48.5, 54.0], distortion]), extrinsic, 97, 108)
    assert picture(lens, path, (108, 97)).shape == (1080, 970, 3)


def ends(svg: str, number: int) -> tuple[np.ndarray, np.ndarray]:
    """First and last point of a line in the picture from above: pixels, right and down."""
    lines = re.findall(rf'<g id="test-path-{number}">\s*<path d="([^"]*)"', svg)
    assert len(lines) == 1
    points = np.array([[float(value) for value in pair] for pair in re.findall(r"[ML] (\S+) (\S+)", lines[0])])
    return points[0], points[-1]


@pytest.mark.parametrize("metres", [1.0, 60.0])
def test_from_above_forward_is_up_left_is_left_and_a_metre_is_a_metre(metres: float):
    ahead, aside = np.zeros((20, 2)), np.zeros((20, 2))
    ahead[:, 0] = aside[:, 1] = np.linspace(0, metres, 20)
    svg = birds_eye_view(PAST, {"logged": ahead, "waypoint": aside}, PAINT, "test")
    start, front = ends(svg, 1)
    same, left = ends(svg, 2)
    np.testing.assert_allclose(start, same)
    assert front[1] < start[1]
    assert left[0] < start[0]
    np.testing.assert_allclose(front[0], start[0])
    np.testing.assert_allclose(left[1], start[1])
    np.testing.assert_allclose(start[1] - front[1], start[0] - left[0], rtol=1e-3)


def test_from_above_has_a_scale_and_a_legend(scene: Scene):
    svg = birds_eye_view(scene.past, scene.paths, PAINT, "test")
    for words in (
        "x, forward (m)",
        "y, to the left (m)",
        "past",
        "logged",
        "constant velocity",
        "waypoint",
        "ego at t = 0",
    ):
        assert f">{words}</text>" in svg
