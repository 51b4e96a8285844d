import re
from dataclasses import replace

import numpy as np
import pytest
import simplejpeg
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from rated_paths import random_scene, raters_of, straight

from roadcue.metrics.rater_feedback import rater_feedback
from roadcue.metrics.raters import Raters
from roadcue.reports.birds_eye_view import birds_eye_view, wide_view
from roadcue.reports.camera_view import camera_view
from roadcue.reports.colours import colours
from roadcue.reports.frame import MODES_SHOWN, Modes, ReportFrame, apart, named_lines, rated_paths
from roadcue.schema import CameraCalibration

GREY = 120
BOX = np.array([20.0, 10.0])
PAST = np.zeros((16, 6), np.float32)
PAINT = colours(["logged", "past", "rated", "waypoint", "constant velocity"])
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
    rust = np.frombuffer(bytes.fromhex(PAINT["waypoint"][1:]), np.uint8).astype(int)
    row = drawn[1000]
    assert np.abs(row[486] - rust).max() < 60
    for side in (row[470:484], row[489:503]):
        assert np.abs(side - GREEN).max(axis=-1).min() < 60


def test_a_path_that_ends_before_the_picture_begins_is_named_at_its_foot(calibration: CameraCalibration):
    # The lowest pixel is 539 below the middle: ground 2.5 m ahead of the camera, 4.1 m ahead of the axle.
    blank = np.full((1079, 972, 3), GREY, np.uint8)

    def drawn(lens: CameraCalibration, speed: float) -> np.ndarray:
        paths = {"waypoint": SECONDS * (speed, 0.0), "logged": SECONDS * (0.02, 0.0)}
        return simplejpeg.decode_jpeg(camera_view(blank, lens, PAST, paths, PAINT)).astype(int)

    standing, creeping = drawn(calibration, 0.75), drawn(calibration, 0.9)
    rows, columns = np.nonzero(changed(standing))
    assert rows.min() > 950
    assert 486 / 2 < columns.min() < columns.max() < 486 * 1.5
    for name in ("waypoint", "logged"):
        paint = np.frombuffer(bytes.fromhex(PAINT[name][1:]), np.uint8).astype(int)
        assert (np.abs(standing - paint).max(axis=-1) < 25).sum() > 100, name
    rust = np.frombuffer(bytes.fromhex(PAINT["waypoint"][1:]), np.uint8).astype(int)
    named = [(np.abs(one[:, 300:460] - rust).max(axis=-1) < 25).any() for one in (standing, creeping)]
    assert named == [True, False], "4.5 m reach into the picture, and are drawn there"
    back = calibration.extrinsic @ np.diag([-1.0, -1.0, 1.0, 1.0])
    assert not changed(drawn(replace(calibration, extrinsic=back), 0.1)).any()


def test_the_overlay_leaves_the_given_picture_alone(frame: ReportFrame):
    before = frame.image.copy()
    camera_view(frame.image, frame.calibration, frame.past, frame.paths, PAINT)
    np.testing.assert_array_equal(frame.image, before)


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


def test_two_metres_to_the_side_are_seen_at_20_metres_a_second_and_the_scale_is_said():
    straight = SECONDS * (20.0, 0.0)
    aside = straight + np.linspace(0, 2, 20)[:, None] * [0, 1]
    svg = wide_view({"waypoint": aside, "logged": straight}, PAINT, "test")
    (start, logged), (_, predicted) = ends(svg, 1), ends(svg, 2)
    right, up = (predicted - logged) * (1, -1)
    assert abs(right) < 0.01
    assert up > 20, "points, in a figure that is 331 wide"
    (said,) = re.findall(r"y, to the left \(m\), (\d+) times as large", svg)
    assert int(said) == round((up / 2) / ((logged - start)[0] / 100))


def test_from_above_has_a_scale_and_a_legend(frame: ReportFrame):
    svg = birds_eye_view(frame.past, frame.paths, PAINT, "test")
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


def inside(corners: np.ndarray, point: np.ndarray) -> bool:
    """Whether a point (2,) lies within four corners (4, 2), in turn around them: on the same side of all edges."""
    edge, gap = np.roll(corners, -1, axis=0) - corners, point - corners
    side = edge[:, 0] * gap[:, 1] - edge[:, 1] * gap[:, 0]
    return bool((side >= 0).all() or (side <= 0).all())


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6))
def test_a_path_is_in_both_regions_of_a_rater_where_the_score_says_inside(seed: int):
    predicted, rated, speed = random_scene(seed)
    raters = Raters.of(*rated)
    feedback = rater_feedback(predicted, raters, speed)
    for frame, path in enumerate(predicted):
        drawn = rated_paths(raters, frame, speed[frame])
        in_both = [
            all(inside(region, path[at]) for region, at in zip(one.regions, (11, 19), strict=True)) for one in drawn
        ]
        assert any(in_both) == feedback.inside[frame]


def test_what_raters_scored_keeps_its_own_points_and_is_not_there_twice():
    long, short = straight(8.0), straight(4.0, points=7)
    (first, second), (only,) = (
        rated_paths(raters_of([(long, 9.5), (short, 2.0)]), 0, 8.0),
        rated_paths(raters_of([(short, 2.0)]), 0, 8.0),
    )
    assert (len(first.xy), len(second.xy), len(only.xy)) == (20, 7, 7)
    assert (first.score, second.score, only.score) == (9.5, 2.0, 2.0)
    # A rectangle of the size at 8 m/s around the last point, which stands for those that are missing.
    scale = 0.5 + 0.5 * (8 - 1.4) / (11 - 1.4)
    np.testing.assert_allclose(np.ptp(only.regions[1], axis=0), (2 * 7.2 * scale, 2 * 1.8 * scale))
    np.testing.assert_allclose(only.regions[1].mean(axis=0), (7.0, 0.0), atol=1e-9)


RATED = rated_paths(raters_of([(straight(8.0), 9.5), (straight(6.0, left=4.0), 2.1)]), 0, 8.0)
MODES = Modes("waypoint", np.stack([straight(4.0, left=-2.0), straight(9.0)]), np.array([0.31, 0.69]))


def test_from_above_has_scores_trust_regions_and_probabilities(frame: ReportFrame):
    svg = birds_eye_view(frame.past, frame.paths, PAINT, "test", rated=RATED, modes=MODES)
    for words in ("9.5", "2.1", "31%", "69%", "trust regions, 3 s and 5 s", "modes of waypoint, probability"):
        assert svg.count(f">{words}</text>") == 1, words
    assert "rated 9.5 of 10" in svg.split(">")[0]
    plain = birds_eye_view(frame.past, frame.paths, PAINT, "test")
    assert svg.count(PAINT["rated"]) > 8
    assert PAINT["rated"] not in plain
    assert "var(--page, #fff)" in svg


def test_the_picture_shows_what_was_rated_where_it_lies(calibration: CameraCalibration):
    blank = np.full((1079, 972, 3), GREY, np.uint8)

    def drawn(**more: object) -> np.ndarray:
        return simplejpeg.decode_jpeg(camera_view(blank, calibration, PAST, {}, PAINT, **more)).astype(int)

    empty, rated, modes = drawn(), drawn(rated=RATED), drawn(modes=MODES)
    assert not changed(empty).any()
    # The edge of the region at 5 s that is nearest to the car, 1.8 m to the right of the path.
    scale = 0.5 + 0.5 * (8 - 1.4) / (11 - 1.4)
    x = 40 - 7.2 * scale
    u, v = 486 + 900 * 1.0 * scale / (x - 1.6), 540 + 900 * 1.5 / (x - 1.6)
    violet = np.frombuffer(bytes.fromhex(PAINT["rated"][1:]), np.uint8).astype(int)
    assert np.abs(rated[round(v) - 2 : round(v) + 3, round(u)] - violet).max(axis=-1).min() < 80, "a thin line"
    assert changed(modes).any()
    assert not changed(modes)[:, :300].any()


def test_of_many_modes_the_most_probable_are_shown():
    probability = np.arange(1.0, 12) / 66
    many = Modes("waypoint", np.arange(11.0)[:, None, None] + np.zeros((11, 20, 2)), probability[::-1])
    shown = many.shown()
    assert [xy[0, 0] for xy, _ in shown] == [5, 4, 3, 2, 1, 0]
    assert len(shown) == MODES_SHOWN
    assert [p for _, p in shown] == sorted(probability)[-6:]


def test_the_dots_of_the_past_lie_at_full_seconds_before_now_and_those_of_a_path_after_it():
    past = np.zeros((16, 6))
    past[:, 0] = np.arange(-15, 1)
    path = np.stack([np.arange(1, 21), np.zeros(20)], axis=1)
    (_, _, behind), (_, _, ahead) = named_lines(past, {"head": path})
    assert behind[:, 0].tolist() == [-4, -8, -12]
    assert ahead[:, 0].tolist() == [4, 8, 12, 16, 20]


@given(st.lists(st.tuples(st.floats(0, 100), st.floats(0, 100)), max_size=10))
def test_no_two_labels_overlap_and_none_moves_sideways(places: list[tuple[float, float]]):
    moved = apart([np.array(place) for place in places], BOX)
    assert [place[0] for place in moved] == [place[0] for place in places]
    assert all(after[1] >= before[1] for after, before in zip(moved, places, strict=True))
    for i, one in enumerate(moved):
        assert not any((np.abs(one - other) < BOX * (1 - 1e-9)).all() for other in moved[:i])


def test_what_is_free_stays():
    places = [np.array(place) for place in ((0.0, 0.0), (25.0, 0.0), (0.0, 10.0))]
    np.testing.assert_array_equal(apart(places, BOX), places)
