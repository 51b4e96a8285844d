"""Whole sequences are kept for calibration, and always the same ones."""

from types import SimpleNamespace

import numpy as np
import pytest
from drawn import DrawnDataset
from fitted import fit

from roadcue.errors import BadInput
from roadcue.loaders.sensation.film import NO_FILM
from roadcue.training.heads.batches import StoredSplit
from roadcue.training.heads.holdout import by_turns, extent, keep_for_calibration


def split_of(sequences, frames=3):
    sequence = np.repeat([f"walk{number}" for number in range(sequences)], frames)
    dataset = SimpleNamespace(states=SimpleNamespace(sequence=sequence), description="walks")
    rows = np.arange(len(sequence))
    return StoredSplit(dataset, None, rows, rows)


@pytest.mark.parametrize(("sequences", "share", "count"), [(50, 0.2, 10), (50, 0.001, 1), (3, 0.99, 2), (2, 0.5, 1)])
def test_the_share_is_of_whole_sequences(sequences, share, count):
    split = split_of(sequences)
    train, kept = keep_for_calibration(split, share)
    assert len(np.unique(kept.sequence)) == count
    assert not set(train.sequence) & set(kept.sequence)
    assert sorted([*train.rows, *kept.rows]) == list(split.rows)
    assert extent(kept) == f"{3 * count} rows of {count} sequence{'s' * (count > 1)}"


def test_which_ones_does_not_depend_on_the_frames_that_there_are():
    few, many = (keep_for_calibration(split_of(20, frames), 0.3)[1] for frames in (1, 5))
    assert set(few.sequence) == set(many.sequence)


def test_they_are_others_than_those_that_part_training_and_validation():
    """Else `--split_by sequence` would have left none of them to training."""
    from roadcue.loaders.split import _place_in_unit

    _, kept = keep_for_calibration(split_of(200), 0.2)
    validated = [_place_in_unit(str(name)) < 0.2 for name in np.unique(kept.sequence)]
    assert 0 < sum(validated) < len(validated) / 2


@pytest.mark.parametrize(("sequences", "parts"), [(50, 5), (7, 5), (3, 3), (2, 2)])
def test_by_turns_every_sequence_is_held_out_once(sequences, parts):
    split = split_of(sequences)
    turns = list(by_turns(split, 5))
    assert len(turns) == parts
    for rest, held_out in turns:
        assert len(rest)
        assert len(held_out)
        assert not set(rest.sequence) & set(held_out.sequence)
        assert sorted([*rest.rows, *held_out.rows]) == list(split.rows)
    assert sorted(row for _, held_out in turns for row in held_out.rows) == list(split.rows)


def test_one_sequence_cannot_be_shared_out():
    with pytest.raises(BadInput, match=r"walks: only 1 sequence.*--calibration 0"):
        keep_for_calibration(split_of(1), 0.2)


@pytest.mark.parametrize("frames", [1, 2])
def test_rows_that_are_all_sequences_of_their_own_are_said(drawn, frames, capsys):
    drawn.splits["train"] = DrawnDataset("train", sequences=12 // frames, frames=frames)
    fit(drawn(epochs=1))
    assert ("each of the 12 training rows is a sequence of its own" in capsys.readouterr().out) == (frames == 1)


def test_what_the_loader_has_said_of_their_names_is_not_said_again(drawn, capsys):
    drawn.splits["train"] = DrawnDataset("train", sequences=12, frames=1)
    drawn.splits["train"].description += f"; the names of 12 pictures {NO_FILM}"
    fit(drawn(epochs=1))
    assert "is a sequence of its own" not in capsys.readouterr().out
