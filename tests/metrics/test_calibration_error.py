"""Is what is called sure right as often?"""

import numpy as np
import pytest

from roadcue.metrics.bootstrap import Bootstrap
from roadcue.metrics.calibration_error import expected_calibration_error


def test_by_hand():
    """0.8 sure and right in 3 of 4, 0.6 sure and right in none of 2."""
    found = expected_calibration_error(
        np.array([0.8] * 4 + [0.6] * 2), np.array([1, 1, 1, 0, 0, 0], bool), np.arange(6), Bootstrap(50)
    )
    assert found.value == pytest.approx(4 / 6 * 0.05 + 2 / 6 * 0.6)
    assert found.low <= found.value <= found.high


@pytest.mark.parametrize("confidence", [-0.1, 1.5, np.nan])
def test_what_is_no_probability_is_refused(confidence):
    with pytest.raises(ValueError, match="probabilities"):
        expected_calibration_error(np.array([0.5, confidence]), np.array([True, True]), np.arange(2))


def test_an_outcome_for_every_confidence():
    with pytest.raises(ValueError, match="an outcome each"):
        expected_calibration_error(np.array([0.5, 0.5]), np.array([True]), np.arange(2))
