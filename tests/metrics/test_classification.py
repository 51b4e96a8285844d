"""Every class counts the same."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from roadcue.metrics.bootstrap import Bootstrap
from roadcue.metrics.classification import (
    LABELS,
    NO_LABEL,
    accuracy,
    balanced_accuracy,
    balanced_accuracy_difference,
    balanced_accuracy_interval,
    macro_f1,
    majority,
    recalls,
    score_classes,
)

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


def test_a_difference_is_taken_in_pairs():
    """Two methods that err on the same drives differ by what is between them, and not by the drives."""
    random = np.random.default_rng(0)
    walk = np.repeat(np.arange(50), 10)
    truth = np.array(["left", "right"])[np.arange(500) % 2]
    hard = (random.random(50) < 0.5)[walk]
    first = np.where(hard, "elsewhere", truth)
    second = np.where(hard | (np.arange(500) % 10 < 2), "elsewhere", truth)
    gap = balanced_accuracy_difference(first, second, truth, walk)
    assert gap.value == pytest.approx(balanced_accuracy(first, truth) - balanced_accuracy(second, truth))
    alone = balanced_accuracy_interval(first, truth, walk)
    assert 0 < gap.low < gap.value < gap.high
    assert gap.high - gap.low < 0.3 * (alone.high - alone.low)
    mirrored = balanced_accuracy_difference(second, first, truth, walk)
    assert (mirrored.low, mirrored.high) == pytest.approx((-gap.high, -gap.low))


@pytest.mark.parametrize("truth", [np.array([]), np.array(["left", "right"])])
def test_answers_to_other_rows_are_refused(truth):
    with pytest.raises(ValueError, match="as many predictions as targets"):
        balanced_accuracy(np.array([]) if not len(truth) else np.array(["left"]), truth)


def test_macro_f1_by_hand():
    truth = np.array(["left", "left", "left", "right"])
    predicted = np.array(["left", "right", "", "right"])
    # left: tp 1 of 1 answer and 3 truths; right: tp 1 of 2 answers and 1 truth; no answer is an answer to neither.
    score = macro_f1(predicted, truth, np.arange(4), Bootstrap(50))
    assert score.value == pytest.approx((2 * 1 / (1 + 3) + 2 * 1 / (2 + 1)) / 2)
    assert score.low <= score.value <= score.high
    assert accuracy(predicted, truth, np.arange(4), Bootstrap(50)).value == 0.5


@given(FIELDS)
def test_f1_counted_one_by_one_over_the_classes_of_the_truth(pairs):
    predicted, truth = map(np.array, zip(*pairs, strict=True))
    scores = []
    for name in set(truth):
        tp = sum(guess == true == name for guess, true in pairs)
        wrong = sum((guess == name) != (true == name) for guess, true in pairs)
        scores.append(2 * tp / (2 * tp + wrong))
    assert macro_f1(predicted, truth, np.arange(len(pairs)), Bootstrap(5)).value == pytest.approx(
        sum(scores) / len(scores)
    )


@given(FIELDS)
def test_the_truth_scores_one_and_a_missing_label_is_left_out(pairs):
    predicted, truth = map(np.array, zip(*pairs, strict=True))
    walk = np.arange(len(pairs))
    assert {score.value for score in score_classes(truth, truth, walk, Bootstrap(5)).values()} == {1.0}
    longer = [np.append(each, extra) for each, extra in ((predicted, "left"), (truth, NO_LABEL), (walk, 0))]
    masked, plain = (
        score_classes(*longer, Bootstrap(5)),
        score_classes(predicted, truth, walk, Bootstrap(5)),
    )
    assert {name: score.value for name, score in masked.items()} == {name: f.value for name, f in plain.items()}
    assert list(plain) == list(LABELS)
    assert majority(longer[1]) == majority(truth)


def test_an_answer_that_is_no_class_is_wrong_and_no_class_of_its_own():
    truth = np.array(["left", "right"] * 5)
    predicted = np.where(truth == "left", "left", "perhaps")
    assert score_classes(predicted, truth, np.arange(10), Bootstrap(5))["balanced_accuracy"].value == 0.5
    assert score_classes(predicted, truth, np.arange(10), Bootstrap(5))["macro_f1"].value == 0.5


def test_without_any_label_there_is_no_score():
    with pytest.raises(ValueError, match="n > 0 labelled"):
        score_classes(np.array(["left"]), np.array([NO_LABEL]), np.arange(1))
