"""What is told of a drawn frame agrees with the drive, and the caption with what is told."""

from dataclasses import replace

import numpy as np
import pytest

from roadcue.roadworld.caption import caption
from roadcue.roadworld.drive import Drive, drive
from roadcue.roadworld.road_ahead import LANE_AHEAD_M, RoadAhead, road_ahead
from roadcue.roadworld.spec import RoadWorldSpec
from roadcue.roadworld.traffic import FRONT_M, REAR_M

EMPTY = RoadAhead(
    (0.0,) * 8, None, False, None, None, None, "none", False, None, False, False, None, None, None, False, None
)


@pytest.fixture(scope="module")
def scenes() -> list[tuple[Drive, int, RoadAhead]]:
    drives = [drive(RoadWorldSpec(stride=10), i) for i in range(30)]
    return [(each, i, road_ahead(each, i)) for each in drives for i in range(each.frames)]


def test_the_lane_ahead_is_where_a_car_that_goes_straight_on_drives(
    scenes: list[tuple[Drive, int, RoadAhead]],
) -> None:
    checked = 0
    for driven, position, scene in scenes:
        clear = not (driven.streets.works or driven.streets.debris or driven.traffic.ego.route.junction)
        if clear and not driven.streets.multilane and not driven.streets.kerb_in_use:
            future = driven.future(position)
            travelled = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(future, axis=0, prepend=[[0, 0]]).T))])
            left = np.concatenate([[0], future[:, 1]])
            for ahead, offset in zip(LANE_AHEAD_M, scene.lane_ahead, strict=True):
                if ahead < travelled[-1]:
                    assert offset == pytest.approx(np.interp(ahead, travelled, left), abs=1.0 + 0.02 * ahead)
                    checked += 1
    assert checked > 100


def test_the_gap_to_the_lead_is_that_of_the_simulation(scenes: list[tuple[Drive, int, RoadAhead]]) -> None:
    checked = 0
    for driven, position, scene in scenes:
        step, lane, ego = driven.steps[position], driven.traffic.lanes[0], driven.traffic.ego
        ahead = [car for car in lane[: lane.index(ego)] if car.route is ego.route and not car.merging]
        if ahead and ego.route.junction is None and scene.lead_m is not None and not scene.cut_in:
            gaps = [car.track[step][0] - 0.9 - driven.ego[step, 0] - 3.8 for car in ahead]
            if min(gaps) < scene.lead_m + 4:  # nobody of another route is between
                assert scene.lead_m == pytest.approx(min(gaps), abs=0.06 * min(gaps) + 1.0)
                checked += 1
    assert checked > 20


def test_whoever_waits_has_a_reason_that_the_scene_tells(scenes: list[tuple[Drive, int, RoadAhead]]) -> None:
    waits = [scene for driven, i, scene in scenes if driven.ego[driven.steps[i], 1] < 0.05]
    assert len(waits) > 10
    near = [(each.lead_m, each.crossing_m, each.light_m) for each in waits]
    reasons = [min(m for m in (*metres, 99.0) if m is not None) < 8 for metres in near]
    yields = [each.oncoming_m is not None for each in waits]  # before a turn to the left
    assert np.mean(np.array(reasons) | np.array(yields)) > 0.9


def test_a_light_is_red_before_a_car_that_stops_at_its_line(scenes: list[tuple[Drive, int, RoadAhead]]) -> None:
    at_line = [
        scene
        for driven, i, scene in scenes
        if scene.light_m is not None and scene.light_m < 5 and driven.ego[driven.steps[i], 1] < 0.05
    ]
    assert at_line
    assert all(scene.light_m is not None and scene.light_m > 0 for scene in at_line)
    assert np.mean([scene.light == "red" for scene in at_line]) > 0.7


def test_everything_that_can_be_told_is_met(scenes: list[tuple[Drive, int, RoadAhead]]) -> None:
    roads = [scene for _, _, scene in scenes]
    for field in ("lead_m", "light_m", "crossing_m", "junction_m", "oncoming_m"):
        distances = [getattr(scene, field) for scene in roads if getattr(scene, field) is not None]
        assert distances, field
        assert max(distances) <= 70
    assert {scene.light for scene in roads} == {None, "green", "yellow", "red"}
    assert {scene.someone_crossing for scene in roads} == {"none", "pedestrian", "cyclist"}
    assert any(scene.lead_braking for scene in roads)


def test_a_lead_that_brakes_or_stands_is_told_to_brake(scenes: list[tuple[Drive, int, RoadAhead]]) -> None:
    braking = []
    for driven, position, scene in scenes:
        ego, step = driven.traffic.ego, driven.steps[position]
        lane = [car for car in driven.traffic.lanes[0] if car is not ego and not car.aside and car.route is ego.route]
        gaps = {car.track[step][0] - REAR_M - driven.ego[step, 0] - FRONT_M: car for car in lane}
        for gap, car in gaps.items():
            if scene.lead_m is not None and abs(gap - scene.lead_m) < 0.5:
                _, speed, accel = car.track[step]
                braking.append(scene.lead_braking)
                assert scene.lead_braking == (accel < -0.5 or speed < 0.3)
    assert set(braking) == {True, False}


def test_a_caption_names_the_three_nearest_things() -> None:
    busy = replace(EMPTY, lead_m=40.0, light="red", light_m=30.0, debris_m=20.0, standing_m=10.0)
    text = caption(busy)
    assert text.count(".") == 4, "the road, and three things"
    assert "A car drives" not in text


def test_captions_say_what_is_there_the_nearest_first() -> None:
    assert caption(EMPTY) == "The road goes straight on."
    bend = replace(EMPTY, lane_ahead=(0.1, 0.4, 1.0, 1.8, 3.5, 5.5, 7.0, 9.0), lead_m=12.2, lead_braking=True)
    busy = replace(bend, light="red", light_m=31.0)
    assert caption(busy) == (
        "The road bends gently to the left. "
        "A car is braking 12 metres ahead. The traffic light 31 metres ahead is red."
    )
    right = replace(EMPTY, lane_ahead=(-0.3, -1.5, -3.0, -6.0, -12.0, -20.0, -30.0, -40.0))
    assert caption(right) == "The road bends sharply to the right."


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"crossing_m": 20.0, "someone_crossing": "cyclist"}, "A cyclist is crossing the road 20 metres ahead."),
        ({"crossing_m": 20.0}, "Someone stands at the zebra crossing 20 metres ahead."),
        ({"works_m": 1.2}, "Cones mark a construction site 1 metre ahead."),
        ({"debris_m": 9.0}, "An object lies on the lane 9 metres ahead."),
        ({"standing_m": 9.0}, "A vehicle stands half in the lane 9 metres ahead."),
        ({"lead_m": 9.0}, "A car drives 9 metres ahead."),
        ({"cut_in": True}, "A car is coming into the lane from the right."),
        ({"junction_m": 30.0, "left_arm": True}, "A side road to the left leaves the junction 30 metres ahead."),
    ],
)
def test_a_caption_names_each_thing(fields: dict[str, object], sentence: str) -> None:
    assert caption(replace(EMPTY, **fields)) == f"The road goes straight on. {sentence}"
