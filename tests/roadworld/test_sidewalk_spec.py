"""How much of the sidewalk view is drawn: what is refused, the pictures of a walk and of a split."""

import re

import pytest

from roadcue.errors import BadInput
from roadcue.roadworld.sidewalk.spec import SidewalkSpec


@pytest.mark.parametrize("amount", [{"train": -4}, {"train": 0, "val": 0}, {"seed": -1}, {"val": 5_000_000}])
def test_an_amount_that_cannot_be_drawn_is_refused(amount):
    with pytest.raises(BadInput, match="sidewalk view"):
        SidewalkSpec(**amount)


@pytest.mark.parametrize(
    ("times", "says"),
    [
        ({"seconds": 0}, "a walk of 0 s cannot be drawn. Choose more than 0 and at most 600 s"),
        ({"seconds": 601}, "a walk of 601 s cannot be drawn"),
        ({"seconds": float("nan")}, "a walk of nan s cannot be drawn"),
        ({"rate": 3}, "with a rate of 3 pictures a second they do not fall on the simulation's 20 steps a second"),
        ({"rate": 0}, "with a rate of 0 pictures"),
        ({"rate": -4}, "with a rate of -4 pictures"),
        ({"rate": 40}, "with a rate of 40 pictures"),
        ({"rate": float("inf")}, "with a rate of inf pictures"),
        ({"rate": float("nan")}, "with a rate of nan pictures"),
        ({"seconds": float("inf")}, "a walk of inf s cannot be drawn"),
        ({"seconds": 1.1}, "1.1 s with 4 pictures a second are 4.4 pictures. Choose"),
        ({"seconds": 0.1}, "0.1 s with 4 pictures a second are 0.4 pictures"),
        ({"seconds": 5, "train": 0, "val": 0, "pairs": 1, "kinds": ("gap",)}, "a pair is one moment drawn twice"),
    ],
)
def test_times_at_which_nothing_can_be_drawn_are_refused(times, says):
    with pytest.raises(BadInput, match=f"sidewalk view: .*{re.escape(says)}"):
        SidewalkSpec(**times)


def test_a_longer_walk_has_more_pictures():
    spec = SidewalkSpec(train=304, val=0, seconds=30, rate=5)
    assert (spec.frames, spec.frame_steps) == (150, 4)
    assert spec.pictures("train")[149:152] == [(0, 149), (1, 0), (1, 1)]
    assert len(spec.pictures("train")) == 304
    assert not spec.all_clear
    assert SidewalkSpec(seconds=1, rate=20).all_clear
    assert SidewalkSpec(seconds=30, rate=5).key != SidewalkSpec(seconds=30, rate=4).key != SidewalkSpec().key


def test_no_walk_is_in_two_splits():
    spec = SidewalkSpec(train=6, val=4)
    assert spec.pictures("train") == [(0, 0), (0, 1), (0, 2), (0, 3), (1, 0), (1, 1)]
    assert spec.pictures("val") == [(1_000_000, frame) for frame in range(4)]
    for split in ("train", "val"):
        with pytest.raises(BadInput, match=rf"Choose 0 to 4000000 for --{split}"):
            SidewalkSpec(**{split: 4_000_001})


def test_longer_walks_have_a_version_of_their_own(monkeypatch):
    short, long = SidewalkSpec(), SidewalkSpec(seconds=3)
    assert short.version != long.version
    keys = short.key, long.key
    monkeypatch.setattr("roadcue.roadworld.sidewalk.spec._LONG_VERSION", "0")
    assert short.key == keys[0]
    assert long.key != keys[1]
