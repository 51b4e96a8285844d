"""Objects as sets: what is claimed, what is missed, and what nobody can gain by."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from roadcue.metrics.bootstrap import Bootstrap
from roadcue.metrics.objects import Counts, f1_of_sets, place_difference, score_places, score_presence

KINDS = ("car", "person")
LEFT, CENTER, RIGHT = np.eye(3, dtype=bool)
NOWHERE = np.zeros(3, bool)


def places(*rows):
    return np.array(rows, bool).reshape(len(rows), -1, 3)


def scored(predicted, true, known=None, predicted_present=None):
    known = np.ones(true.shape[:2], bool) if known is None else known
    predicted_present = predicted.any(-1) if predicted_present is None else predicted_present
    walk = np.arange(len(true))
    return score_places(predicted_present, predicted, true.any(-1), true, known, walk, ("car",), Bootstrap(20))


def test_presence_by_hand():
    true = np.array([[1, 0], [1, 0], [0, 0], [0, 1]], bool)
    predicted = np.array([[1, 0], [0, 0], [1, 0], [0, 1]], bool)
    scores = score_presence(predicted, true, np.ones((4, 2), bool), np.arange(4), KINDS, Bootstrap(50))
    assert scores.counts == {"car": Counts(tp=1, fn=1, fp=1), "person": Counts(tp=1, fn=0, fp=0)}
    assert (scores.by_kind["car"].value, scores.by_kind["person"].value, scores.macro.value) == (0.5, 1.0, 0.75)
    assert scores.macro.low <= 0.75 <= scores.macro.high


def test_a_kind_at_the_wrong_place_is_missed_and_falsely_claimed():
    scores = scored(places(LEFT, LEFT), places(LEFT, LEFT | RIGHT))
    assert scores.counts["car"] == Counts(tp=2, fn=1, fp=0)
    scores = scored(places(LEFT, CENTER), places(LEFT, RIGHT))
    assert scores.counts["car"] == Counts(tp=1, fn=1, fp=1)


def test_a_kind_without_a_place_is_a_false_claim_wherever_it_is():
    scores = scored(places(NOWHERE, NOWHERE), places(LEFT, NOWHERE), predicted_present=np.ones((2, 1), bool))
    assert scores.counts["car"] == Counts(tp=0, fn=1, fp=2)


def test_a_place_of_a_kind_that_is_not_claimed_is_no_claim():
    scores = scored(places(LEFT), places(LEFT), predicted_present=np.zeros((1, 1), bool))
    assert scores.counts["car"] == Counts(tp=0, fn=1, fp=0)


def test_what_is_not_labelled_is_not_counted():
    known = np.array([[True], [False]])
    scores = scored(places(LEFT, LEFT), places(LEFT, NOWHERE), known)
    assert scores.counts["car"] == Counts(tp=1, fn=0, fp=0)
    assert scores.macro.value == 1.0


def test_a_kind_that_is_nowhere_has_no_f1_but_its_false_claims_are_counted():
    true, predicted = np.array([[1, 0], [1, 0]], bool), np.array([[1, 1], [1, 0]], bool)
    scores = score_presence(predicted, true, np.ones((2, 2), bool), np.arange(2), KINDS, Bootstrap(20))
    assert np.isnan(scores.by_kind["person"].value)
    assert scores.counts["person"] == Counts(tp=0, fn=0, fp=1)
    assert scores.macro.value == 1.0
    nothing = score_presence(
        predicted, np.zeros((2, 2), bool), np.ones((2, 2), bool), np.arange(2), KINDS, Bootstrap(20)
    )
    assert np.isnan([nothing.macro.value, nothing.macro.low, nothing.macro.high]).all()


@given(st.integers(0, 10**6))
def test_the_truth_scores_one_and_listing_everything_does_not(seed):
    random = np.random.default_rng(seed)
    true = random.random((8, 2, 3)) < 0.3
    true[0, :, 0], true[1] = True, False
    known = random.random((8, 2)) < 0.8
    known[:2] = True

    def macro(predicted):
        return score_places(
            predicted.any(-1), predicted, true.any(-1), true, known, np.arange(8), KINDS, Bootstrap(10)
        ).macro.value

    assert macro(true) == 1.0
    assert macro(np.ones_like(true)) < 1.0
    assert macro(np.zeros_like(true)) == 0.0


@given(st.integers(0, 10**6))
def test_f1_is_the_harmonic_mean_of_precision_and_recall(seed):
    random = np.random.default_rng(seed)
    true, predicted = random.random((2, 12, 1)) < 0.5
    true[0] = predicted[0] = True
    scores = score_presence(predicted, true, np.ones((12, 1), bool), np.arange(12), ("car",), Bootstrap(5))
    precision, recall = (predicted & true).sum() / predicted.sum(), (predicted & true).sum() / true.sum()
    assert scores.by_kind["car"].value == pytest.approx(2 * precision * recall / (precision + recall))


def test_arrays_that_do_not_fit_are_refused():
    true = np.ones((3, 2), bool)
    with pytest.raises(ValueError, match="same rows and kinds"):
        score_presence(true[:2], true, true, np.arange(3), KINDS)
    with pytest.raises(ValueError, match=r"\(n, 1\) with n > 0"):
        score_presence(true, true, true, np.arange(3), ("car",))
    with pytest.raises(ValueError, match="three positions"):
        score_places(true, np.ones((3, 2, 2), bool), true, np.ones((3, 2, 3), bool), true, np.arange(3), KINDS)


@given(st.integers(0, 10**6))
def test_a_difference_in_pairs_is_that_of_the_two_scores(seed):
    random = np.random.default_rng(seed)
    true, ours, theirs = (random.random((12, 2, 3)) < share for share in (0.4, 0.5, 0.2))
    known, walk = random.random((12, 2)) < 0.9, np.arange(12) // 2

    def score(sides):
        return score_places(sides.any(-1), sides, true.any(-1), true, known, walk, KINDS, Bootstrap(20)).macro

    gap = place_difference(ours, theirs, true, known, walk, Bootstrap(20))
    np.testing.assert_allclose(gap.value, score(ours).value - score(theirs).value)
    same = place_difference(ours, ours, true, known, walk, Bootstrap(20))
    assert np.isnan(same.low) or (same.low, same.high) == (0, 0)


def test_f1_of_sets_counts_over_all_rows():
    said = [frozenset("ab"), frozenset("c"), frozenset()]
    true = [frozenset("a"), frozenset("d"), frozenset("ef")]
    assert f1_of_sets(said, true) == 2 * 1 / (3 + 4)
    assert f1_of_sets(true, true) == 1.0
    assert f1_of_sets([frozenset()] * 3, true) == 0.0
    assert np.isnan(f1_of_sets([frozenset()], [frozenset()]))
    with pytest.raises(ValueError, match="argument 2 is shorter"):
        f1_of_sets(said, true[:2])
