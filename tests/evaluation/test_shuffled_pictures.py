"""No row keeps a picture of its own drive, and no picture is lost."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from roadcue.evaluation.shuffled_pictures import permutation_across_sequences, with_shuffled_pictures
from roadcue.training.heads.batches import StoredSplit


@given(st.lists(st.integers(0, 6), min_size=2, max_size=80), st.integers(0, 2**32 - 1))
def test_every_row_takes_from_another_sequence_and_every_row_is_taken_once(numbers, seed):
    sequence = np.array([f"drive{number}" for number in numbers])
    assume(2 * np.unique(sequence, return_counts=True)[1].max() <= len(sequence))
    taken = permutation_across_sequences(sequence, seed)
    assert (sequence[taken] != sequence).all()
    assert (np.sort(taken) == np.arange(len(sequence))).all()


def test_the_seed_decides_and_frames_do_not_keep_their_order():
    sequence = np.repeat(np.arange(30), 8)
    one, same, other = (permutation_across_sequences(sequence, seed) for seed in (0, 0, 1))
    assert (one == same).all()
    assert (one != other).mean() > 0.9
    # A frame's place in its drive would say a part of what its picture said.
    assert abs(np.corrcoef(np.arange(240) % 8, one % 8)[0, 1]) < 0.25


def test_a_drive_of_more_than_half_of_the_rows_is_refused():
    with pytest.raises(ValueError, match="holds 3 of 5 rows"):
        permutation_across_sequences(np.array(["a", "a", "a", "b", "c"]), 0)


def test_only_the_features_move():
    n = 12
    states = SimpleNamespace(
        sequence=np.repeat(["a", "b", "c"], 4),
        past=np.arange(n, dtype=np.float32),
        intent=np.arange(n),
        future=np.arange(n, dtype=np.float32),
    )
    store = SimpleNamespace(
        features=np.arange(n, dtype=np.float16), contrast=np.arange(n, dtype=np.float32), present=np.ones(n, bool)
    )
    rows = np.arange(1, n)  # a row without features is no row of the split
    split = StoredSplit(SimpleNamespace(states=states), store, rows, rows)
    batch = with_shuffled_pictures(split, 0).batch(np.arange(len(rows)))
    for values in (batch["past"], batch["intent"], batch["targets"]["future"]):
        assert values.tolist() == rows.tolist()
    assert sorted(batch["stored"].tolist()) == rows.tolist()
    assert (states.sequence[batch["stored"].int().numpy()] != states.sequence[rows]).all()
    assert batch["contrast"].tolist() == batch["stored"].tolist(), "a picture takes all that is known of it along"
    assert split.batch(np.arange(3))["stored"].tolist() == [1, 2, 3], "the split itself stays as it was"


def test_without_pictures_there_is_nothing_to_shuffle():
    with pytest.raises(ValueError, match="no features"):
        with_shuffled_pictures(StoredSplit(SimpleNamespace(), None, np.arange(2), np.arange(2)), 0)


def test_rows_of_the_store_are_shuffled_where_it_holds_them_in_another_order():
    sequence = np.repeat(["a", "b", "c"], 4)
    rows = np.arange(2, 12)
    split = StoredSplit(
        SimpleNamespace(states=SimpleNamespace(sequence=sequence)), SimpleNamespace(), rows, 50 - rows
    )
    shuffled = with_shuffled_pictures(split, 0)
    assert sorted(shuffled.store_rows) == sorted(split.store_rows)
    assert (sequence[50 - shuffled.store_rows] != sequence[rows]).all()
    assert (shuffled.rows == rows).all()
