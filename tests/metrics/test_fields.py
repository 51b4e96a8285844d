"""Every class counts the same."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.fields import balanced_accuracy, balanced_accuracy_interval, majority, recalls

FIELDS = st.lists(st.tuples(*2 * [st.sampled_from(["left", "centre", "right", "outside"])]), min_size=1, max_size=60)


def test_a_rare_class_counts_as_much_as_a_frequent_one():
    truth = np.array(["left"] * 9 + ["right"])
    assert recalls(np.full(10, "left"), truth) == {"left": 1.0, "right": 0.0}
    assert balanced_accuracy(np.full(10, "left"), truth) == 0.5
    assert balanced_accuracy(truth, truth) == 1.0


@given(FIELDS)
def test_is_the_mean_of_the_recalls_counted_one_by_one(pairs):
    predicted, truth = map(np.array, zip(*pairs, strict=True))
    shares = []
    for name in set(truth):
        of_class = [guess for guess, true in pairs if true == name]
        shares.append(sum(guess == name for guess in of_class) / len(of_class))
    assert balanced_accuracy(predicted, truth) == pytest.approx(sum(shares) / len(shares))


def test_without_looking_four_classes_give_a_quarter():
    truth = np.array(["left", "centre", "right", "outside", "right"] * 8)
    constant = np.full(len(truth), majority(truth))
    interval = balanced_accuracy_interval(constant, truth, np.repeat(np.arange(8), 5))
    assert (interval.value, interval.low, interval.high) == (0.25, 0.25, 0.25)


def test_majority_is_the_most_frequent_and_of_equals_the_first_by_name():
    assert majority(np.array(["b", "a", "b", "c"])) == "b"
    assert majority(np.array(["b", "a", "c", "a", "b"])) == "a"


def test_the_interval_follows_sequences_and_not_frames():
    """Every walk is told right or wrong as a whole: its frames say the same thing ten times."""
    random = np.random.default_rng(0)
    walk = np.repeat(np.arange(50), 10)
    truth = np.array(["left", "right"])[walk % 2]
    right = (random.random(50) < 0.8)[walk]
    predicted = np.where(right, truth, "elsewhere")
    by_walk = balanced_accuracy_interval(predicted, truth, walk)
    by_frame = balanced_accuracy_interval(predicted, truth, np.arange(500))
    assert by_walk.value == by_frame.value == pytest.approx(balanced_accuracy(predicted, truth))
    assert by_walk.high - by_walk.low > 2.5 * (by_frame.high - by_frame.low)


def test_a_class_of_one_sequence_leaves_no_interval():
    truth = np.array(["left", "left", "right", "right", "left", "right"])
    interval = balanced_accuracy_interval(truth, truth, np.array([0, 0, 1, 1, 2, 1]))
    assert interval.value == 1.0
    assert np.isnan([interval.low, interval.high]).all()


@pytest.mark.parametrize("truth", [np.array([]), np.array(["left", "right"])])
def test_answers_to_other_rows_are_refused(truth):
    with pytest.raises(ValueError, match="as many answers as truths"):
        balanced_accuracy(np.array([]) if not len(truth) else np.array(["left"]), truth)
