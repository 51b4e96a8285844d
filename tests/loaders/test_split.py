"""Parting a data set by sequence, and thinning it."""

import dataclasses
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from roadcue.errors import BadInput
from roadcue.loaders.dataset import RoadDataset, StateTable
from roadcue.loaders.split import every_nth, split_by_sequence, spread


@dataclasses.dataclass
class Drives:
    """A data set of states alone: sequence name -> number of frames."""

    frames: dict[str, int]
    name = "drives"
    split = "all"
    cameras = ("FRONT",)
    fingerprint = "0"
    skipped = ()
    description = "drives"

    def __post_init__(self) -> None:
        rows = [(name, frame) for name in sorted(self.frames) for frame in range(self.frames[name])]
        sequence = np.array([name for name, _ in rows])
        frame = np.array([frame for _, frame in rows])
        n = len(rows)
        self.states = StateTable(
            np.array([f"{name}-{i}" for name, i in rows]),
            sequence,
            frame,
            np.zeros((n, 16, 6), np.float32),
            np.zeros(n, np.int64),
            np.zeros((n, 20, 2), np.float32),
        )

    def __len__(self) -> int:
        return len(self.states)


def drives(**frames: int) -> RoadDataset:
    return cast(RoadDataset, cast(Any, Drives(frames)))


def sides(dataset: RoadDataset, val_fraction: float = 0.2) -> tuple[set[str], set[str]]:
    train, val = (split_by_sequence(dataset, part, val_fraction=val_fraction) for part in ("train", "val"))
    assert (train.split, val.split) == ("train", "val")
    assert sorted([*train.states.id, *val.states.id]) == sorted(dataset.states.id)
    return set(train.states.sequence), set(val.states.sequence)


@given(st.sets(st.text("abcxyz0123456789", min_size=1, max_size=8), min_size=2, max_size=30), st.floats(0.01, 0.99))
def test_every_sequence_is_on_one_side_and_no_side_is_empty(names: set[str], val_fraction: float):
    train, val = sides(drives(**dict.fromkeys(names, 2)), val_fraction)
    assert train
    assert val
    assert not train & val


def test_the_fraction_is_met_and_a_sequence_keeps_its_side_when_others_come():
    few = {f"s{i}": 1 for i in range(1000)}
    train, val = sides(drives(**few))
    assert len(val) == pytest.approx(200, abs=45)
    more_train, more_val = sides(drives(**few, **{f"t{i}": 1 for i in range(50)}))
    assert train <= more_train
    assert val <= more_val


def test_the_sides_are_these_on_every_machine():
    """`printf b | sha256sum` begins with 3e, and 0x3e / 256 < 0.4; of a to h, only a, g and h lie above."""
    assert sides(drives(**dict.fromkeys("abcdefgh", 1)), 0.4) == (set("agh"), set("bcdef"))


def test_one_sequence_cannot_be_parted():
    with pytest.raises(BadInput, match="only 1 sequence"):
        split_by_sequence(drives(alone=9), "val")
    with pytest.raises(BadInput, match="between 0 and 1"):
        split_by_sequence(drives(a=1, b=1), "val", val_fraction=1.0)


def test_every_nth_frame_counts_within_each_sequence():
    thinned = every_nth(drives(a=5, b=4, c=1), 3)
    assert thinned.states.id.tolist() == ["a-0", "a-3", "b-0", "b-3", "c-0"]
    assert len(every_nth(drives(a=5), 1)) == 5
    with pytest.raises(BadInput, match="1 or more"):
        every_nth(drives(a=5), 0)


@given(st.integers(1, 9), st.integers(2, 40))
def test_spread_rows_are_as_many_as_asked_and_touch_every_sequence_that_they_can(sequences, n):
    dataset = cast(RoadDataset, Drives({f"drive {number}": 5 for number in range(sequences)}))
    if n >= len(dataset):
        with pytest.raises(BadInput, match="fewer than there are"):
            spread(dataset, n)
        return
    part = spread(dataset, n)
    assert len(np.unique(part.states.id)) == n
    assert len(np.unique(part.states.sequence)) == min(n, sequences)
