"""R2 by hand, and its interval over sequences; a difference is in pairs."""

import numpy as np
import pytest

from roadcue.metrics.bootstrap import Bootstrap
from roadcue.metrics.r2 import r2, r2_difference

FEW = Bootstrap(200, seed=0)
BLOCK = np.array(["a", "a", "b", "b"])


def test_is_one_minus_the_ratio_of_the_sums():
    error, deviation = np.array([1.0, 2.0, 0.0, 1.0]), np.array([4.0, 4.0, 1.0, 7.0])
    assert r2(error, deviation, BLOCK).value == pytest.approx(1 - 4 / 16)


def test_the_mean_has_zero_and_a_worse_answer_less():
    deviation = np.array([4.0, 1.0, 2.0, 3.0])
    mean = r2(deviation, deviation, BLOCK, FEW)
    assert (mean.value, mean.low, mean.high) == (0, 0, 0)
    assert r2(2 * deviation, deviation, BLOCK).value == pytest.approx(-1)


def test_the_interval_reaches_from_the_worst_sequence_to_the_best():
    error, deviation = np.array([0.0, 0.0, 3.0, 3.0]), np.full(4, 4.0)
    interval = r2(error, deviation, BLOCK, FEW)
    assert (interval.low, interval.high) == (pytest.approx(0.25), pytest.approx(1.0))


def test_a_difference_is_of_the_same_resamples():
    """Where one is better by the same share in each sequence, the difference is known, however unsure both are."""
    error, deviation = np.array([0.0, 0.0, 3.0, 3.0]), np.full(4, 4.0)
    difference = r2_difference(error, error + 1, deviation, BLOCK, FEW)
    assert [difference.value, difference.low, difference.high] == pytest.approx([0.25] * 3)
    one, other = (r2(each, deviation, BLOCK) for each in (error, error + 1))
    assert difference.value == pytest.approx(one.value - other.value)
