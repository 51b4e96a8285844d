"""A gain is a share of the other's error, and paired."""

import numpy as np
import pytest

from roadcue.metrics.comparison import relative_gain


@pytest.fixture
def hard_and_easy_drives():
    """Errors that differ a hundredfold between drives, and (n,) their drives."""
    random = np.random.default_rng(0)
    sequence = np.repeat(np.arange(40), 6)
    return 10 ** random.uniform(-1, 1, 40)[sequence] * random.uniform(0.9, 1.1, 240), sequence


def test_is_the_share_of_the_other_error_that_is_saved():
    gain = relative_gain(np.array([1.0, 2, 3, 2]), np.array([4.0, 2, 6, 4]), np.arange(4))
    assert gain.value == pytest.approx(0.5)


def test_is_paired_where_drives_differ_more_than_methods(hard_and_easy_drives):
    error, sequence = hard_and_easy_drives
    gain = relative_gain(0.7 * error, error, sequence)
    assert gain.value == pytest.approx(0.3)
    assert gain.high - gain.low < 1e-9, "every drive saves the same share"


def test_no_gain_is_within_the_interval(hard_and_easy_drives):
    error, sequence = hard_and_easy_drives
    noise = np.random.default_rng(1).uniform(0.5, 1.5, (2, len(error)))
    gain = relative_gain(error * noise[0], error * noise[1], sequence)
    assert gain.low < 0 < gain.high


def test_a_loss_is_below_zero(hard_and_easy_drives):
    error, sequence = hard_and_easy_drives
    gain = relative_gain(1.5 * error, error, sequence)
    assert (gain.value, gain.high) == (pytest.approx(-0.5), pytest.approx(-0.5))


def test_one_drive_has_no_interval():
    gain = relative_gain(np.ones(3), np.full(3, 2.0), np.zeros(3))
    assert gain.value == 0.5
    assert np.isnan([gain.low, gain.high]).all()


def test_errors_of_other_frames_are_refused():
    with pytest.raises(ValueError, match="same frames"):
        relative_gain(np.ones(3), np.ones(4), np.arange(3))
