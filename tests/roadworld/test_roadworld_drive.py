"""RoadWorld's drives: roads that do not fold, drivers who obey physics and each other, logs that fit them."""

import numpy as np
import pytest

from roadcue.roadworld.drive import Drive, drive
from roadcue.roadworld.driver import Driver
from roadcue.roadworld.holds import Halt, Light
from roadcue.roadworld.road import (
    LANE_CENTRE_M,
    ROAD_HALF_WIDTH_M,
    STEP_M,
    Detour,
    Path,
    Route,
    follow_curvature,
    path_through,
)
from roadcue.roadworld.spec import RoadWorldSpec
from roadcue.roadworld.traffic import DT_S, FRONT_M, REAR_M, Car, Traffic
from roadcue.schema import STEP_S, Intent

TIMES = STEP_S * np.arange(1, 21)


@pytest.fixture(scope="module")
def drives() -> list[Drive]:
    return [drive(RoadWorldSpec(stride=5), number) for number in range(40)]


# The road


def test_an_arc_has_its_radius() -> None:
    arc = follow_curvature(np.zeros(2), 0.0, np.full(401, 1 / 20))
    assert np.hypot(*(arc.xy - [0, 20]).T) == pytest.approx(20, abs=1e-3)
    assert arc.heading[-1] == pytest.approx(arc.length / 20)


def test_a_path_through_points_of_a_circle_is_that_circle_with_even_steps() -> None:
    angle = np.linspace(0, np.pi, 200)
    path = path_through(30 * np.stack([np.cos(angle), np.sin(angle)], axis=1))
    inner = slice(20, -20)
    assert np.hypot(*path.xy[inner].T) == pytest.approx(30, abs=0.06)
    assert path.curvature[inner] == pytest.approx(1 / 30, abs=2e-3)
    assert np.hypot(*np.diff(path.xy, axis=0).T) == pytest.approx(STEP_M, abs=1e-3)


# The traffic


def test_a_car_follows_at_its_time_gap_and_speeds_up_on_an_empty_road() -> None:
    driver = Driver(desired_speed=12.0)
    assert driver.following_accel(9.0, driver.least_gap + 9.0 * driver.headway, 9.0) == pytest.approx(0)
    assert driver.following_accel(9.0, 15.0, 0.0) < -2
    assert driver.free_accel(0.0, 12.0) == driver.max_accel
    assert driver.free_accel(12.0, 12.0) == 0


def test_the_speed_limit_slows_down_for_a_curve_before_it_begins() -> None:
    curve = np.concatenate([np.zeros(400), np.full(200, 1 / 20)])
    driver = Driver(desired_speed=15.0)
    limits = driver.speed_limits(follow_curvature(np.zeros(2), 0.0, curve))
    assert limits[-1] ** 2 / 20 == pytest.approx(driver.lateral_accel)
    assert limits[0] == 15
    braking = np.diff(limits**2) / (2 * STEP_M)
    assert braking.min() >= -driver.comfort_brake
    assert limits[399] < 8


def test_crossing_roads_never_have_green_together() -> None:
    light = Light(green_s=15, red_s=18, offset_s=7)
    shown = [(light.colour(t), light.colour(t, side_road=True)) for t in np.arange(0, 80, 0.05)]
    assert {main for main, _ in shown} == {side for _, side in shown} == {"green", "yellow", "red"}
    assert all("red" in both for both in shown)


def test_the_ego_runs_into_nobody(drives: list[Drive]) -> None:
    """Its outline never meets that of another car, nor comes over somebody who is on the road."""
    for driven in drives:
        ego, route = np.array(driven.traffic.ego.track), driven.traffic.ego.route.path
        middle, heading = _middle(route, ego[:, 0])
        for other in driven.traffic.others:
            s = np.array(other.track)[:, 0]
            there, _ = _middle(other.route.path, s)
            along, across = _apart(there - middle, heading)
            on_it = (s > 1) & (s < other.route.path.length - 3)
            assert not (on_it & (along < FRONT_M + REAR_M - 0.1) & (across < 1.75)).any(), driven.sequence
        for person in driven.traffic.people:
            offset = np.array(person.track)[:, 0]
            along, across = _apart(
                driven.streets.main.beside(np.full(len(offset), person.s), offset) - middle, heading
            )
            assert not ((along < (FRONT_M + REAR_M) / 2) & (across < 0.95)).any(), driven.sequence


def _middle(path: Path, s: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    heading = path.along(path.heading, s)
    forward = np.stack([np.cos(heading), np.sin(heading)], axis=1)
    return path.along(path.xy, s) + (FRONT_M - REAR_M) / 2 * forward, heading


def _apart(gap: np.ndarray, heading: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How far ahead or behind, and how far aside, (n,) metres each."""
    c, s = np.cos(heading), np.sin(heading)
    return np.abs(gap[:, 0] * c + gap[:, 1] * s), np.abs(gap[:, 1] * c - gap[:, 0] * s)


def test_nobody_brakes_harder_than_tyres_hold(drives: list[Drive]) -> None:
    for driven in drives:
        for car in [driven.traffic.ego, *driven.traffic.others]:
            track = np.array(car.track)
            assert track[:, 2].min() >= -7, driven.sequence
            assert np.abs(np.diff(track[:, 1])).max() <= 7 * DT_S + 1e-9, driven.sequence


def test_no_road_meets_another_but_at_a_junction(drives: list[Drive]) -> None:
    for driven in drives:
        main = driven.streets.main.xy[::8]
        for arm in list(driven.streets.roads.values())[1:]:
            away = arm.xy[200::8]  # 50 m on
            assert np.hypot(*(away[:, None] - main).transpose(2, 0, 1)).min() > 2 * ROAD_HALF_WIDTH_M


def test_a_detour_is_driven_without_a_kink() -> None:
    detour = Detour(100, 110, 1.3, 16)
    s = np.arange(0, 200, 0.25)
    shares = detour.share(s)
    assert (shares[(s >= 100) & (s <= 110)] == 1).all()
    assert (shares[(s < 84) | (s > 126)] == 0).all()
    assert np.abs(np.diff(shares, 2)).max() < 0.002


def test_the_ego_passes_works_and_debris_farther_left(drives: list[Drive]) -> None:
    passed = 0
    for driven in drives:
        route, main = driven.traffic.ego.route, driven.streets.main
        for s in [*(works.begin for works in driven.streets.works), *driven.streets.debris]:
            if s < route.turn[0] - 40:
                near = route.path.nearest(main.beside(s, -LANE_CENTRE_M))
                aside = np.hypot(*(route.path.along(route.path.xy, near) - main.beside(s, -LANE_CENTRE_M)))
                assert aside == pytest.approx(1.3, abs=0.25)
                passed += 1
    assert passed > 10


def test_a_car_that_cuts_in_ends_in_the_egos_lane_and_is_followed(drives: list[Drive]) -> None:
    merged = [(driven, car) for driven in drives for car in driven.traffic.others if car.merging]
    assert merged
    for driven, car in merged:
        begin, end = car.merging or (0.0, 0.0)
        aside = car.route.path.beside(np.array([begin, end]), 0.0)
        lane = driven.streets.main.beside(np.arange(0, driven.streets.main.length, 0.25), -LANE_CENTRE_M)
        gaps = np.hypot(*(aside[:, None] - lane).transpose(2, 0, 1)).min(axis=1)
        assert gaps[0] > 3
        assert gaps[1] < 1.6
        assert car in driven.traffic.lanes[0] or car.track[-1][0] < 0.85 * begin + 0.15 * end


def test_a_car_halts_for_a_while_and_goes_on() -> None:
    route = Route(follow_curvature(np.zeros(2), 0.0, np.zeros(2000)))
    car = Car(route, Driver(10.0), 0.0, 10.0, holds=[Halt(100.0, 3.0)])
    Traffic(car, [[car]], []).run(1200)
    speed = np.array(car.track)[:, 1]
    assert 2.5 < (speed < 0.1).sum() * DT_S < 6
    assert speed[-1] > 9


def test_who_follows_one_that_has_turned_off_heeds_the_next(drives: list[Drive]) -> None:
    straight = Route(follow_curvature(np.zeros(2), 0.0, np.zeros(2000)))
    off = Route(straight.path, Intent.GO_RIGHT, (50.0, 60.0))
    first, second, third = (Car(r, Driver(10.0), s, 0.0) for r, s in ((straight, 80), (off, 70), (straight, 40)))
    lane = [first, second, third]
    assert third.leader(lane, 2) is first
    second.s = 52
    assert third.leader(lane, 2) is second


def test_somebody_waits_at_a_red_light_and_goes_on_when_it_is_green(drives: list[Drive]) -> None:
    waited = [driven for driven in drives if (driven.ego[120:, 1] < 0.05).any() and driven.lights]
    assert any((driven.ego[-60:, 1] > 2).any() for driven in waited)


# What is logged


def test_a_drive_is_the_same_with_any_stride(drives: list[Drive]) -> None:
    dense = drive(RoadWorldSpec(stride=1), 7)
    assert np.array_equal(dense.ego, drives[7].ego)
    assert np.array_equal(dense.past(50), drives[7].past(10))
    assert dense.frame_indices[50] == drives[7].frame_indices[10] == 50


def test_the_past_is_physically_sound(drives: list[Drive]) -> None:
    for driven in drives:
        past = driven.past(3)
        assert past.shape == (16, 6)
        assert past.dtype == np.float32
        assert past[-1, :2].tolist() == [0, 0]
        assert abs(past[-1, 3]) < 1e-4, "the velocity points ahead at t = 0"
        speed = np.hypot(*past[:, 2:4].T)
        assert speed.max() < 18
        assert np.abs(past[:, 4:]).max() < 7
        assert np.diff(past[:, :2], axis=0) / STEP_S == pytest.approx((past[1:, 2:4] + past[:-1, 2:4]) / 2, abs=0.25)
        assert np.diff(past[:, 2:4], axis=0) / STEP_S == pytest.approx((past[1:, 4:] + past[:-1, 4:]) / 2, abs=1.2)


def test_the_future_continues_the_past(drives: list[Drive]) -> None:
    for driven in drives:
        past, future = driven.past(3), driven.future(3)
        assert future.shape == (20, 2)
        assert future[0] == pytest.approx(past[-1, 2:4] * STEP_S + past[-1, 4:] * STEP_S**2 / 2, abs=0.12)
        assert np.hypot(*np.diff(future, axis=0).T).max() < 18 * STEP_S


def test_a_later_past_is_an_earlier_future(drives: list[Drive]) -> None:
    for driven in drives:
        earlier, later = driven.future(0), driven.past(1)  # half a second: two states
        moved = later[-3:, :2] - later[-3, :2]
        turn = np.arctan2(later[-3, 3], later[-3, 2]) if np.hypot(*later[-3, 2:4]) > 0.1 else 0.0
        c, s = np.cos(turn), np.sin(turn)
        assert moved[1:] @ np.array([[c, -s], [s, c]]) == pytest.approx(earlier[:2], abs=0.03)


def test_constant_velocity_errs_as_on_real_roads(drives: list[Drive]) -> None:
    frames = [(driven.future(i), driven.past(i)) for driven in drives for i in (0, 15, 30)]
    errors = [np.hypot(*(future - past[-1, 2:4] * TIMES[:, None]).T).mean() for future, past in frames]
    assert 1.5 < np.mean(errors) < 5


def test_intents_are_those_of_the_route(drives: list[Drive]) -> None:
    intents = [[driven.intent(frame) for frame in range(driven.frames)] for driven in drives]
    every = [intent for frame_intents in intents for intent in frame_intents]
    assert set(every) == {Intent.GO_STRAIGHT, Intent.GO_LEFT, Intent.GO_RIGHT}
    assert 0.6 < np.mean([intent == Intent.GO_STRAIGHT for intent in every]) < 0.97
    for driven, frame_intents in zip(drives, intents, strict=True):
        route = driven.traffic.ego.route
        if set(frame_intents) != {Intent.GO_STRAIGHT}:
            before, after = route.path.along(route.path.heading, np.array(route.turn))
            side = 1 if route.intent == Intent.GO_LEFT else -1
            assert route.intent in frame_intents
            assert np.degrees(after - before) * side == pytest.approx(90, abs=30)


def test_the_ego_keeps_to_its_lane(drives: list[Drive]) -> None:
    for driven in drives:
        if driven.traffic.ego.route.intent == Intent.GO_STRAIGHT:
            main = driven.streets.main
            lane = main.beside(np.arange(0, main.length, 0.5), -LANE_CENTRE_M)
            limit = 3.6 if driven.streets.multilane else 1.8  # where something stands in the way
            xy, heading = driven.pose(driven.steps[3])
            c, s = np.cos(heading), np.sin(heading)
            future = driven.future(3) @ np.array([[c, s], [-s, c]]) + xy
            assert np.hypot(*(future[:, None] - lane).transpose(2, 0, 1)).min(axis=1).max() < limit
