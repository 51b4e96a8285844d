"""Somebody on foot among things: where he goes, where he waits, and that he knows nothing of what comes."""

from dataclasses import replace

import numpy as np
import pytest

from roadcue.roadworld.furniture import bin_
from roadcue.roadworld.sidewalk.outing import FIRST_STEP, Outing
from roadcue.roadworld.sidewalk.scene import Thing, Way
from roadcue.roadworld.sidewalk.spec import STEPS_PER_S, SidewalkSpec
from roadcue.roadworld.sidewalk.walk import Walk
from roadcue.roadworld.sidewalk.walker import BODY_M, LATERAL_ACCEL, TURN_RATE, Walker
from roadcue.roadworld.traffic import DT_S

PATH = Way(-1.5, 1.5, -0.7, 0.7)
PACE = 1.4
MESH = bin_(0)


def box(x: float, y: float, half: tuple[float, float] = (0.3, 0.3)) -> Thing:
    return Thing("obstacle", "a box", (MESH,), (x, y), 0.0, (*half, 1.0))


def person(x: float, y: float, speed: float) -> Thing:
    return Thing("person", "a person", (MESH,), (x, y), 0.0 if speed > 0 else np.pi, (0.28, 0.32, 1.75), (speed, 0.0))


def car(y: float, speed: float) -> Thing:
    return Thing("car", "a car", (MESH,), (7.0, y), 0.0, (0.95, 2.35, 1.5), (0.0, speed))


def walked(*things: Thing, way: Way = PATH, seconds: float = 8.0, **walker: float) -> Outing:
    """So many seconds after t = 0, when the walker is at x = 0 unless he is held up."""
    outing = Outing(Walker(-PACE * FIRST_STEP * DT_S, 0.0, PACE, way, 0.0, **walker), things)
    outing.run_to(FIRST_STEP + round(seconds / DT_S))
    return outing


def after(outing: Outing, seconds: float) -> np.ndarray:
    return outing.track[FIRST_STEP + round(seconds / DT_S)]


def test_alone_he_goes_straight_on_at_his_pace():
    x, y, heading, speed, accel, turn_rate = after(walked(), 4.0)
    assert (x, y, heading) == pytest.approx((4 * PACE, 0, 0))
    assert (speed, accel, turn_rate) == pytest.approx((PACE, 0, 0))


@pytest.mark.parametrize("y", [-0.25, 0.25])
def test_he_goes_round_what_stands_in_his_way_smoothly_and_comes_back(y):
    outing = walked(box(5.0, y), seconds=10)
    track = outing.track
    beside = track[np.abs(track[:, 0] - 5.0) < 0.3]
    assert (np.abs(beside[:, 1] - y) > 0.3 + BODY_M).all()
    assert np.sign(beside[:, 1]).mean() == -np.sign(y)
    assert abs(track[-1, 1]) < 0.1
    assert track[-1, 3] == pytest.approx(PACE, abs=0.05)
    assert np.abs(track[:, 3] * track[:, 5]).max() <= LATERAL_ACCEL + 1e-9
    assert np.abs(track[:, 5]).max() <= TURN_RATE
    assert np.abs(np.diff(track[:, :2], axis=0)).max() <= 1.7 * DT_S


def test_he_stops_before_what_leaves_no_room():
    outing = walked(box(5.0, 0.0, (0.2, 3.0)), seconds=12)
    x, _, _, speed, _, _ = outing.track[-1]
    assert speed == 0
    assert 0.2 + BODY_M < 5.0 - x < 2.0


def test_he_slows_down_behind_somebody_slower_when_there_is_no_room():
    narrow = Way(-0.3, 0.3, -0.3, 0.3)
    ahead = person(3.0, 0.0, 0.7)
    outing = walked(ahead, way=narrow, seconds=10)
    assert after(outing, 10)[3] == pytest.approx(0.7, abs=0.05)
    gap = outing.place(ahead, 10.0).x - after(outing, 10)[0]
    assert BODY_M + 0.28 < gap < 2.5


def test_he_overtakes_somebody_slower_where_there_is_room():
    ahead = person(3.0, 0.0, 0.6)
    outing = walked(ahead, seconds=10)
    assert after(outing, 10)[0] > outing.place(ahead, 10.0).x + 1
    assert not outing.touches([ahead])


def test_two_who_meet_pass_each_other_on_the_right_and_both_go_on():
    comes = person(9.0, 0.0, -1.2)
    outing = walked(comes, seconds=8)
    beside = min(range(160), key=lambda step: abs(outing.place(comes, step * DT_S).x - after(outing, step * DT_S)[0]))
    assert after(outing, beside * DT_S)[1] < 0 < outing.place(comes, beside * DT_S).y
    assert not outing.touches([comes])
    assert outing.place(comes, 8.0).x < 2
    assert after(outing, 8.0)[0] > 9


@pytest.mark.parametrize("gap", [BODY_M + 0.01, BODY_M + 0.05])
def test_he_goes_on_beside_what_he_nearly_touches(gap):
    beside = box(0.5, 0.3 + gap)
    narrow = Way(-0.01, 0.01, -0.01, 0.01)
    outing = Outing(Walker(0.0, 0.0, PACE, narrow, 0.0), [beside])
    outing.run_to(120)
    assert outing.track[-1, 0] > 4
    assert not outing.touches([beside])


def test_he_sidles_out_from_behind_what_he_nearly_touches():
    before = box(0.3 + BODY_M - 0.005, -0.06)
    outing = Outing(Walker(0.0, 0.0, PACE, PATH, 0.0), [before])
    outing.walker.speed = 0.0
    outing.run_to(500)
    assert outing.track[-1, 0] > 4
    assert not outing.touches([before])


ROAD = (6.0, 12.0)


def test_he_slows_down_before_a_free_road_and_crosses_it():
    track = walked(way=PATH._replace(road=ROAD), seconds=12).track
    before = track[(track[:, 0] > 5.0) & (track[:, 0] < 5.5)]
    assert 0.5 * PACE < before[:, 3].mean() < 0.8 * PACE
    assert track[-1, 0] > ROAD[1]
    assert track[-1, 3] == pytest.approx(PACE, abs=0.05)


def test_he_waits_at_the_kerb_until_a_car_has_passed():
    comes = car(-40.0, 5.0)  # before him after 8 s
    track = walked(comes, way=PATH._replace(road=ROAD), seconds=18).track
    waits = track[FIRST_STEP + round(7.5 / DT_S)]
    assert waits[0] < ROAD[0]
    assert waits[3] < 0.15
    assert track[-1, 0] > ROAD[1]
    assert walked(car(-40.0, -5.0), way=PATH._replace(road=ROAD)).track[-1, 0] > ROAD[0]  # this one drives away


@pytest.mark.parametrize(("name", "crosses"), [("a red traffic light", False), ("a green traffic light", True)])
def test_he_crosses_by_green_alone(name, crosses):
    light = Thing("traffic_light", name, (MESH,), (5.5, 1.9), 0.0, (0.1, 0.3, 2.4), base=1.45)
    assert (after(walked(light, way=PATH._replace(road=ROAD), seconds=12), 12)[0] > ROAD[1]) == crosses
    assert after(walked(replace(light, xy=(30.0, 1.9)), way=PATH._replace(road=ROAD), seconds=12), 12)[0] > ROAD[1]


def test_a_car_that_stands_on_the_road_is_not_waited_for():
    assert after(walked(car(9.0, 0.0), way=PATH._replace(road=ROAD), seconds=12), 12)[0] > ROAD[1]


def test_who_is_beside_the_path_goes_back_to_it_when_it_is_time():
    outing = Outing(Walker(-PACE * FIRST_STEP * DT_S, -2.5, PACE, PATH, -0.3, joins_s=1.0), [])
    outing.run_to(FIRST_STEP + 160)
    assert abs(after(outing, 1.0)[1] + 2.5) < 0.01
    assert after(outing, 8.0)[1] == pytest.approx(-0.3, abs=0.05)


def test_somebody_who_is_put_there_is_where_the_walker_sees_him():
    """In the half of a pair that has him he walks on from the picture, not a step ahead of it."""
    outing = walked(seconds=0)
    comes = person(6.0, 0.0, -1.2)
    outing = outing.among([comes])
    outing.run_to(FIRST_STEP + 40)
    places = np.array([outing.place(comes, step * DT_S).x for step in range(30)])
    np.testing.assert_allclose(np.diff(places)[:4], -1.2 * DT_S)
    assert outing.place(comes, 39 * DT_S) != outing.place(comes, 40 * DT_S)


def test_what_comes_later_changes_nothing_before():
    """A thing beyond sight, one that appears, and one that is taken away while he walks."""
    alone = walked(seconds=4)
    far = walked(box(14.0, 0.0), seconds=4)
    np.testing.assert_array_equal(far.track, alone.track)
    two = walked(seconds=2)
    then = two.among([box(6.0, 0.1)])
    then.run_to(FIRST_STEP + 160)
    np.testing.assert_array_equal(then.track[: FIRST_STEP + 41], alone.track[: FIRST_STEP + 41])
    assert abs(then.track[FIRST_STEP + 70, 1]) > 0.1
    assert len(two.track) == FIRST_STEP + 41


def test_a_longer_run_begins_as_a_shorter_one_does():
    things = [box(4.0, 0.1), person(8.0, 0.2, -1.0), person(5.0, -0.5, 0.8)]
    short, long = walked(*things, seconds=2), walked(*things, seconds=9)
    np.testing.assert_array_equal(short.track, long.track[: len(short.track)])
    assert short.place(things[1], 2.0) == long.place(things[1], 2.0)


SPEC = SidewalkSpec(width=128, height=96)


@pytest.fixture(scope="module")
def walks() -> list[Walk]:
    return [Walk(SPEC, number) for number in range(40)]


def test_pictures_fall_on_steps_of_the_simulation():
    assert DT_S * STEPS_PER_S == 1
    assert SPEC.frame_steps * SPEC.rate == STEPS_PER_S


def test_nobody_walks_through_a_thing_or_a_person(walks):
    for walk in walks:
        assert not walk.outing.touches(walk.scene.things), walk.scene.things
    # Of these one would: the test can fail.
    walk = walks[0]
    x, y = walk.outing.track[-20, :2].tolist()
    assert walk.outing.touches([box(x, y + 0.4)])


def test_he_keeps_to_his_way(walks):
    for walk in walks:
        y = walk.outing.track[:, 1]
        if not walk.scene.astray:
            assert walk.scene.way.low - 0.05 < y.min() <= y.max() < walk.scene.way.high + 0.05
        else:
            assert abs(y[FIRST_STEP] - walk.scene.start) < 0.9
    joined = [abs(walk.outing.track[-1, 1]) < abs(walk.scene.start) - 0.3 for walk in walks if walk.scene.astray]
    assert np.mean(joined) > 0.75


def test_paces_are_those_of_people(walks):
    speeds = np.array([walk.outing.track[0, 3] for walk in walks])
    assert speeds.min() >= 1.1
    assert speeds.max() <= 1.6
    assert np.ptp(speeds) > 0.3


def test_past_and_future_agree_with_each_other_and_between_pictures(walks):
    for walk in walks[:12]:
        for frame in range(SPEC.frames - 1):
            now, later = walk.past(frame), walk.past(frame + 1)
            assert now.shape == (16, 6)
            assert walk.future(frame).shape == (20, 2)
            np.testing.assert_allclose(now[-1, :2], 0, atol=1e-6)
            here, there = walk.outing.pose(walk.step(frame)), walk.outing.pose(walk.step(frame + 1))
            c, s = np.cos(there.heading - here.heading), np.sin(there.heading - here.heading)
            moved = walk.future(frame)[0]  # pictures and states are both 0.25 s apart
            np.testing.assert_allclose(later[:, :2] @ [[c, s], [-s, c]] + moved, [*now[1:, :2], moved], atol=1e-4)
            np.testing.assert_allclose(later[:-1, 2:4] @ [[c, s], [-s, c]], now[1:, 2:4], atol=1e-4)
            np.testing.assert_allclose(
                walk.future(frame + 1)[:-1] @ [[c, s], [-s, c]] + moved, walk.future(frame)[1:], atol=1e-4
            )


def test_speeds_and_accelerations_are_those_of_the_places(walks):
    for walk in walks[:12]:
        track = walk.outing.track
        velocity = np.diff(track[:, :2], axis=0) / DT_S
        along = np.stack([np.cos(track[:-1, 2]), np.sin(track[:-1, 2])], axis=1)
        np.testing.assert_allclose(velocity, track[:-1, 3, None] * along, atol=1e-9)
        np.testing.assert_allclose(np.diff(track[:, 3]) / DT_S, track[:-1, 4], atol=1e-9)
        np.testing.assert_allclose(np.diff(track[:, 2]) / DT_S, track[:-1, 5], atol=1e-9)
        past = walk.past(0)
        assert past[-1, 2] == pytest.approx(track[walk.step(0), 3], abs=1e-5)
        assert past[-1, 5] == pytest.approx(track[walk.step(0), 3] * track[walk.step(0), 5], abs=1e-5)


def test_people_move_continuously_in_time():
    spec = replace(SPEC, seconds=6.0, rate=10.0)
    moved = 0
    for number in range(24):
        walk = Walk(spec, number)
        for thing in walk.scene.things:
            if thing.walks:
                xy = np.array([walk.outing.place(thing, t)[:2] for t in np.arange(-1, 6, 0.05)])
                assert np.hypot(*np.diff(xy, axis=0).T).max() < 1.6 * DT_S + 1e-9
                moved += 1
    assert moved > 5
