"""Whole walks: what is in no picture moves nobody, nobody freezes or bumps, and the picture is that of his place."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from roadcue.roadworld.furniture import bin_
from roadcue.roadworld.roll import levelled
from roadcue.roadworld.semantic_class import SemanticClass
from roadcue.roadworld.sidewalk.camera import framing, view_of
from roadcue.roadworld.sidewalk.outing import FUTURE_STEPS, Outing
from roadcue.roadworld.sidewalk.plan import draw_scene
from roadcue.roadworld.sidewalk.scene import Thing
from roadcue.roadworld.sidewalk.spec import SidewalkSpec
from roadcue.roadworld.sidewalk.walk import Walk
from roadcue.roadworld.streams import Streams

SPEC = SidewalkSpec(width=128, height=96)


@pytest.mark.parametrize("number", [*range(12), 12, 43, 52, 65, 93, 154, 169])
def test_futures_react_to_nothing_that_is_in_no_picture(number):
    """In walks 12 and later of these there was such a thing, before things that are not clear were taken away."""
    walk = Walk(SidewalkSpec(), number)
    last = walk.step(walk._spec.frames - 1) + FUTURE_STEPS
    outing, again = walk.outing, Outing(walk._set_out(walk.scene), walk.scene.things)
    assert {*outing._standing, *outing._walking, *outing._cars} <= set(walk.scene.things)
    for each in (outing, again):
        each.run_to(last)
    np.testing.assert_array_equal(outing.track[: last + 1], again.track[: last + 1])


@pytest.mark.parametrize("number", [0, 1, 2, 3, 9, 11, 12, 20])
def test_on_long_walks_nobody_stands_for_ever(number):
    """In five of these he did: beside a barrier, before a bollard, among two people and a light."""
    walk = Walk(SidewalkSpec(seconds=60, rate=1, train=1500), number)
    last = walk.step(59)
    walk.outing.run_to(last)
    before, x = walk.outing.track[[last - 200, last], 0].tolist()
    at_road = walk.scene.way.road and abs(x - walk.scene.way.road[0]) < 1
    assert x - before > 1 or at_road, (before, x)


@pytest.mark.parametrize("frame", [0, 3])
def test_the_picture_shows_where_he_is(frame):
    """A bin 3 m before him has its pixels where the camera of his pose has it: half a second later it is larger."""
    for number in range(6):
        walk = Walk(SPEC, number)
        pose = walk.outing.pose(walk.step(frame))
        c, s = np.cos(pose.heading), np.sin(pose.heading)
        there = (pose.x + 3 * c, pose.y + 3 * s)
        bin_there = Thing("obstacle", "a trash bin", (bin_(0),), there, 0.0, (0.3, 0.3, 1.0))
        walk.scene = replace(walk.scene, things=[bin_there])
        view = view_of(pose, levelled(walk.camera), walk._lens.shake(frame))
        corners = np.array(list(product((-0.3, 0.3), (-0.3, 0.3), (0, 1)))) + np.array([*there, 0])
        u, v = view.pixels(view.to_camera(corners)).T
        row, column = np.nonzero(walk.paint_classes(frame, 1.0) == SemanticClass.OBSTACLE)
        assert column.min() == pytest.approx(u.min(), abs=3)
        assert column.max() == pytest.approx(u.max(), abs=3)
        assert row.max() == pytest.approx(min(v.max(), walk.camera.height - 1), abs=3)


@pytest.mark.parametrize("road", ["Left", "Right"])
def test_on_long_walks_no_car_drives_through_a_parked_one(road):
    passed = 0
    for number in range(20):
        scene = draw_scene(Streams((number, "scene")), "Center", road, framing(SPEC), 30.0, "summer")
        cars = [thing for thing in scene.things if thing.label == "car"]
        parked, driving = ([car for car in cars if bool(any(car.velocity)) == moves] for moves in (False, True))
        for one, other in product(parked, driving):
            assert abs(one.xy[1] - other.xy[1]) > one.half[1] + other.half[1]
            passed += 1
    assert passed > 20


def test_he_hardly_ever_bumps_into_anything(monkeypatch):
    """A walk is drawn again when he does: so the share of these tells, and not the walks that are left."""
    bumped, bumps = [], Walk._bumps
    monkeypatch.setattr(Walk, "_bumps", lambda *given: bumped.append(bumps(*given)) or bumped[-1])
    for number in range(100, 180):
        Walk(SPEC, number)
    assert len(bumped) >= 80
    assert np.mean(bumped) < 0.05
