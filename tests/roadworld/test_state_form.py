"""Line 7 of "Never sure without ground": RoadWorld's states are of the form that every split is asked for."""

from collections.abc import Sequence

import numpy as np

from roadcue.loaders.dataset import StateTable
from roadcue.loaders.state_check import find_doubt
from roadcue.roadworld.drive import Drive, drive
from roadcue.roadworld.sidewalk.spec import SidewalkSpec
from roadcue.roadworld.sidewalk.walk import Walk
from roadcue.roadworld.spec import RoadWorldSpec


def states_of(moments: Sequence[tuple[Drive | Walk, int]]) -> StateTable:
    """The table of some frames of drives or walks."""
    n = np.arange(len(moments))
    return StateTable(
        id=n.astype(str),
        sequence=n.astype(str),
        frame=n,
        past=np.array([one.past(frame) for one, frame in moments]),
        intent=np.array([one.intent(frame) for one, frame in moments]),
        future=np.array([one.future(frame) for one, frame in moments]),
    )


def test_line_7_drives_and_walks_raise_no_alarm_and_in_km_h_they_do():
    drives = [drive(RoadWorldSpec(stride=10), number) for number in range(12)]
    walks = [Walk(SidewalkSpec(), number) for number in range(8)]
    for states in (
        states_of([(one, frame) for one in drives for frame in range(one.frames)]),
        states_of([(one, frame) for one in walks for frame in range(4)]),
    ):
        assert find_doubt(states) is None
        states.past[..., 2:4] *= 3.6
        doubt = find_doubt(states)
        assert doubt is not None
        assert doubt.cause.startswith("speeds look like km/h")


def test_line_7_drives_whose_accelerations_are_zero_or_in_g_raise_one():
    drives = [drive(RoadWorldSpec(stride=10), number) for number in range(4)]
    states = states_of([(one, frame) for one in drives for frame in range(one.frames)])
    for factor, cause in ((1 / 9.8, "ax and ay look like g"), (0, "ax and ay are zero")):
        states.past[..., 4:] *= factor
        doubt = find_doubt(states)
        assert doubt is not None
        assert doubt.cause.startswith(cause)
