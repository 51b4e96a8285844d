"""Are probabilities as often right as they say, and do prediction sets hold the target?"""

import numpy as np
import pytest

from roadcue.metrics.bootstrap import Bootstrap
from roadcue.metrics.uncertainty import expected_calibration_error, reliability, score_sets

SETS = np.array([[1, 0, 0], [1, 1, 0], [0, 0, 0], [0, 0, 1]], bool)


def test_the_calibration_error_by_hand():
    """0.8 sure and right in 3 of 4, 0.6 sure and right in none of 2."""
    interval = expected_calibration_error(
        np.array([0.8] * 4 + [0.6] * 2), np.array([1, 1, 1, 0, 0, 0], bool), np.arange(6), Bootstrap(50)
    )
    assert interval.value == pytest.approx(4 / 6 * 0.05 + 2 / 6 * 0.6)
    assert interval.low <= interval.value <= interval.high


def test_too_little_confidence_does_not_make_up_for_too_much():
    """0.8 sure and right in 4 of 4, 0.6 sure and right in none of 2."""
    confidence, right = np.array([0.8] * 4 + [0.6] * 2), np.array([1, 1, 1, 1, 0, 0], bool)
    interval = expected_calibration_error(confidence, right, np.arange(6), Bootstrap(50))
    assert interval.value == pytest.approx(4 / 6 * 0.2 + 2 / 6 * 0.6)


@pytest.mark.parametrize("confidence", [-0.1, 1.5, np.nan])
def test_what_is_no_probability_is_refused(confidence):
    with pytest.raises(ValueError, match="probabilities"):
        expected_calibration_error(np.array([0.5, confidence]), np.array([True, True]), np.arange(2))


def test_an_outcome_for_every_confidence():
    with pytest.raises(ValueError, match="an outcome each"):
        expected_calibration_error(np.array([0.5, 0.5]), np.array([True]), np.arange(2))


def test_the_figures_of_four_sets():
    scores = score_sets(SETS, np.array([0, 2, 1, 2]), np.array(list("aabb")), Bootstrap(50, seed=0))
    assert scores["coverage"].value == 0.5
    assert scores["size"].value == 1.0
    assert scores["not_sure"].value == 0.5  # two answers, and none at all
    assert (scores["size"].low, scores["size"].high) == (0.5, 1.5)  # over sequences, not over rows


def test_a_set_of_everything_covers_and_is_never_sure():
    scores = score_sets(np.ones((6, 3), bool), np.arange(6) % 3, np.arange(6), Bootstrap(10, seed=0))
    assert (scores["coverage"].value, scores["size"].value, scores["not_sure"].value) == (1, 3, 1)


def test_lengths_must_fit():
    with pytest.raises(ValueError, match="4 sets, 3 targets"):
        score_sets(SETS, np.arange(3), np.arange(4), Bootstrap(10, seed=0))


def test_reliability_is_what_the_calibration_error_sums_over():
    random = np.random.default_rng(0)
    confidence = random.random(500)
    right = random.random(500) < confidence**2
    bins = reliability(confidence, right)
    assert sum(each.rows for each in bins) == 500
    assert [each.probability for each in bins] == sorted(each.probability for each in bins)
    error = sum(each.rows * abs(each.probability - each.right) for each in bins) / 500
    assert error == pytest.approx(expected_calibration_error(confidence, right, np.arange(500), Bootstrap(10)).value)
    sure, unsure = reliability(np.array([0.9, 0.92, 0.3]), np.array([True, False, True]))[::-1]
    assert (sure.rows, sure.right, unsure.rows, unsure.right) == (2, 0.5, 1, 1.0)
