"""The table of states, and a part of a data set."""

import numpy as np
import pytest
from drawn import DrawnDataset

from roadcue.errors import BadRecord
from roadcue.loaders.bad_records import Skipped
from roadcue.loaders.dataset import StateTable, Subset, sample

ROWS = np.array([3, 5, 17])


def table(*moments: tuple[str, int]) -> StateTable:
    """States of the given (sequence, frame)."""
    n = len(moments)
    sequence, frame = np.array([name for name, _ in moments]), np.array([number for _, number in moments])
    past, future = np.zeros((n, 16, 6), np.float32), np.zeros((n, 20, 2), np.float32)
    return StateTable(np.arange(n).astype(str), sequence, frame, past, np.zeros(n, np.int64), future)


def test_the_row_so_many_frames_before_is_of_the_same_sequence_or_there_is_none():
    states = table(("a", 0), ("a", 1), ("a", 2), ("a", 5), ("b", 1), ("b", 3), ("b", 4), ("c", 2))
    assert states.rows_before(1).tolist() == [-1, 0, 1, -1, -1, -1, 5, -1]
    assert states.rows_before(2).tolist() == [-1, -1, 0, -1, -1, 4, -1, -1]
    assert states.rows_before(3).tolist() == [-1, -1, -1, 2, -1, -1, 4, -1]
    assert states.rows_before(0).tolist() == list(range(8))


@pytest.fixture
def whole():
    dataset = DrawnDataset(sequences=2, without_rear=(5,), unreadable=(4,))
    dataset.skipped = (Skipped("elsewhere", "for a reason"),)
    dataset.calibration = lambda row, camera: (row, camera)
    return dataset


def test_a_part_has_the_rows_of_the_whole(whole):
    part = Subset(whole, ROWS, "val")
    assert len(part) == 3
    assert (part.name, part.split, part.cameras, part.skipped) == ("drawn", "val", whole.cameras, whole.skipped)
    for row, kept in enumerate(ROWS.tolist()):
        assert part.where(row) == whole.where(kept)
        assert part.cameras_of(row) == whole.cameras_of(kept)
        assert part.image(row, "FRONT") == whole.image(kept, "FRONT")
        assert part.calibration(row, "REAR") == (kept, "REAR")
        assert part.targets(row).fields == whole.targets(kept).fields
        one, expected = sample(part, row), sample(whole, kept)
        assert (one.id, one.sequence, one.frame) == (expected.id, expected.sequence, expected.frame)
        assert one.inputs.intent == expected.inputs.intent
        np.testing.assert_array_equal(one.inputs.past, expected.inputs.past)
        np.testing.assert_array_equal(one.targets.future, expected.targets.future)
    with pytest.raises(BadRecord):
        Subset(whole, np.array([4]), "val").image(0, "FRONT")


def test_a_parts_fingerprint_is_of_the_whole_and_of_its_rows(whole):
    prints = {
        whole.fingerprint,
        Subset(whole, ROWS, "val").fingerprint,
        Subset(whole, ROWS[:2], "val").fingerprint,
        Subset(whole, ROWS + 1, "val").fingerprint,
        Subset(DrawnDataset(sequences=2, seed=1), ROWS, "val").fingerprint,
    }
    assert len(prints) == 5
    assert Subset(whole, ROWS, "train").fingerprint == Subset(whole, ROWS.copy(), "val").fingerprint


def test_a_samples_pictures_are_read_when_they_are_asked_for(whole):
    images = sample(whole, 5).inputs.images
    assert (list(images), "FRONT" in images, "REAR" in images, whole.reads) == (["FRONT"], True, False, 0)
    assert images["FRONT"] == whole.image(5, "FRONT")
    whole.image = lambda row, camera: None
    with pytest.raises(KeyError):
        images["REAR"]
