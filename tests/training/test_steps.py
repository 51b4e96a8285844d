"""The order of a training: its own in every epoch and for every seed, the same after a resume and in threads."""

import time
from itertools import chain

import numpy as np
import pytest

from roadcue.training.steps import InOrder, TrainingSteps


class Positions:
    """Rows that are their positions; the first of an epoch's batches are the slowest to make."""

    def __init__(self, n=10, pause=0.0):
        self.n, self.pause = n, pause

    def __len__(self):
        return self.n

    def batch(self, positions):
        time.sleep(self.pause * (positions[0] % 3))
        return positions.tolist()


def order(seed=0, epochs=3, **options):
    return list(TrainingSteps(Positions(), batch_size=4, epochs=epochs, seed=seed, **options))


def test_every_epoch_has_every_row_once():
    batches = order()
    assert [len(batch) for batch in batches] == [4, 4, 2] * 3
    for epoch in range(3):
        assert sorted(chain.from_iterable(batches[3 * epoch : 3 * epoch + 3])) == list(range(10))


def test_every_epoch_has_an_order_of_its_own():
    batches = order()
    assert batches[:3] != batches[3:6] != batches[6:] != batches[:3]


def test_every_seed_has_an_order_of_its_own():
    assert order(seed=1) == order(seed=1)
    assert order(seed=1) != order(seed=2)
    assert order(seed=0)[3:6] != order(seed=1)[:3], "the epochs of one seed are not those of the next"


@pytest.mark.parametrize("ahead", [1, 3, 100])
def test_made_ahead_they_come_in_the_same_order(ahead):
    slow = TrainingSteps(Positions(pause=0.005), batch_size=4, epochs=3, seed=5, ahead=ahead)
    assert list(slow) == order(seed=5)


@pytest.mark.parametrize("ahead", [0, 2])
def test_a_saved_position_counts_what_was_given_out_and_not_what_was_made(ahead):
    whole = order(seed=5)
    for stop in range(len(whole)):
        steps, given = TrainingSteps(Positions(), batch_size=4, epochs=3, seed=5, ahead=ahead), []
        for batch in steps:
            given.append(batch)
            if len(given) == stop:
                break
        if stop:
            again = TrainingSteps(Positions(), batch_size=4, epochs=3, seed=5, ahead=2 - ahead)
            again.load_state_dict(steps.state_dict())
            assert given + list(again) == whole


def test_a_batch_that_cannot_be_made_is_an_error_in_its_place():
    class Broken(Positions):
        def batch(self, positions):
            if 7 in positions:
                raise ValueError("row 7")
            return super().batch(positions)

    whole = order(epochs=1)
    steps = iter(TrainingSteps(Broken(), batch_size=4, epochs=1, seed=0, ahead=2))
    for batch in whole[: next(at for at, batch in enumerate(whole) if 7 in batch)]:
        assert next(steps) == batch
    with pytest.raises(ValueError, match="row 7"):
        next(steps)


def test_a_batch_is_no_larger_than_the_split():
    steps = TrainingSteps(Positions(3), batch_size=256, epochs=2, seed=0)
    assert (len(steps), steps.per_epoch) == (2, 1)
    np.testing.assert_array_equal(list(steps), [[0, 1, 2]] * 2)


def test_in_order_every_row_comes_once_as_often_as_it_is_asked_for():
    batches = InOrder(Positions(), 4)
    assert len(batches) == 3
    for _ in range(2):
        assert list(batches) == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]


def lengths(epoch: int) -> np.ndarray:
    return np.random.default_rng(epoch).permutation(100)


def of_like_length(seed=0, epochs=2, n=100):
    return TrainingSteps(Positions(n), batch_size=4, epochs=epochs, seed=seed, lengths=lengths)


def test_rows_of_a_batch_are_of_like_length_and_every_row_comes_once_an_epoch():
    batches = list(of_like_length())
    for epoch in range(2):
        own = batches[25 * epoch : 25 * epoch + 25]
        assert sorted(chain.from_iterable(own)) == list(range(100))
        length = lengths(epoch)
        apart = [np.ptp(length[batch]) for batch in own]
        shuffled = [np.ptp(length[batch]) for batch in list(order_of(100))[:25]]
        assert np.mean(apart) < 0.25 * np.mean(shuffled)


def order_of(n):
    return TrainingSteps(Positions(n), batch_size=4, epochs=1, seed=0)


def test_short_and_long_batches_are_mixed_and_differ_between_epochs_and_seeds():
    batches = list(of_like_length(epochs=1))
    middle = [lengths(0)[batch].mean() for batch in batches]
    assert middle[:16] != sorted(middle[:16]), "of which each sixteen were sorted together"
    assert batches != list(of_like_length(seed=1, epochs=1))
    assert batches == list(of_like_length(epochs=1))


def test_a_run_of_like_lengths_goes_on_where_it_stopped():
    whole = list(of_like_length())
    for stop in (1, 24, 25, 26, 49):
        again = of_like_length()
        again.load_state_dict({"step": stop})
        assert list(again) == whole[stop:]


def test_fewer_rows_than_a_batch_are_one_batch_of_like_length():
    steps = TrainingSteps(Positions(3), batch_size=4, epochs=1, seed=0, lengths=lambda _: np.array([3, 1, 2]))
    assert list(steps) == [[0, 1, 2]]
    uneven = TrainingSteps(Positions(10), batch_size=4, epochs=1, seed=0, lengths=lambda _: np.arange(10))
    assert sorted(map(len, uneven)) == [2, 4, 4]
