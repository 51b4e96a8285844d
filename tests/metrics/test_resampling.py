"""The interval covers what it should, follows sequences rather than frames, and is paired where it can be."""

import math

import numpy as np
import pytest

from roadcue.metrics.bootstrap import Bootstrap
from roadcue.metrics.resampling import bootstrap_of, sequence_bootstrap


def one(values, sequence, resamples=500, seed=0):
    return sequence_bootstrap(values[:, None], sequence, Bootstrap(resamples, seed))[0]


def drives(random, sequences=40, frames=10, spread=1.0, noise=0.2):
    """Frames whose error is mostly their drive's."""
    sequence = np.repeat(np.arange(sequences), frames)
    return spread * random.normal(size=sequences)[sequence] + noise * random.normal(size=len(sequence)), sequence


def test_the_value_is_the_mean_over_frames_and_lies_inside():
    values, sequence = drives(np.random.default_rng(0))
    interval = one(values, sequence)
    assert interval.value == pytest.approx(values.mean())
    assert interval.low < interval.value < interval.high


def test_equals_resampling_the_frames_themselves():
    random = np.random.default_rng(1)
    sequence = np.sort(random.integers(0, 6, size=50))
    values = random.normal(size=50)
    interval = one(values, sequence, resamples=4000)
    means = []
    for _ in range(4000):
        frames = np.concatenate([np.flatnonzero(sequence == drawn) for drawn in random.integers(0, 6, size=6)])
        means.append(values[frames].mean())
    np.testing.assert_allclose([interval.low, interval.high], np.percentile(means, [2.5, 97.5]), atol=0.03)


def test_holds_the_middle_95_percent():
    values = np.random.default_rng(0).normal(size=400)
    interval = one(values, np.arange(400), resamples=4000)
    assert interval.high - interval.low == pytest.approx(2 * 1.96 * values.std() / np.sqrt(400), rel=0.08)


def test_covers_the_truth_about_as_often_as_it_says():
    random = np.random.default_rng(2)
    trials = [one(*drives(random), resamples=200) for _ in range(200)]
    covered = np.mean([interval.low <= 0 <= interval.high for interval in trials])
    assert 0.88 <= covered <= 0.99


def test_frames_of_one_drive_count_as_one_drive():
    values, sequence = drives(np.random.default_rng(3))
    by_drive, by_frame = one(values, sequence), one(values, np.arange(len(values)))
    assert by_drive.high - by_drive.low > 2 * (by_frame.high - by_frame.low)


def test_one_sequence_has_no_interval():
    interval = one(np.array([1.0, 3.0]), np.array(["a", "a"]))
    assert interval.value == 2
    assert math.isnan(interval.low)
    assert math.isnan(interval.high)


def test_a_column_counts_only_the_rows_it_has():
    values = np.array([[1.0, np.nan], [3.0, 10.0], [5.0, 20.0], [7.0, np.nan]])
    everyone, group = sequence_bootstrap(values, np.array(["a", "a", "b", "c"]), Bootstrap(200, seed=0))
    assert (everyone.value, group.value) == (4, 15)
    assert (group.low, group.high) == (10, 20)


def test_a_column_of_one_sequence_among_several_has_no_interval():
    values = np.array([[1.0], [np.nan], [np.nan]])
    (interval,) = sequence_bootstrap(values, np.array(["a", "b", "c"]), Bootstrap(100, seed=0))
    assert interval.value == 1
    assert math.isnan(interval.low)


def test_a_pair_is_narrower_than_its_parts():
    random = np.random.default_rng(4)
    reference, sequence = drives(random)
    method = reference + 0.1 + 0.05 * random.normal(size=len(reference))
    a, b, difference = sequence_bootstrap(
        np.stack([method, reference, method - reference], axis=1), sequence, Bootstrap(500, seed=0)
    )
    assert difference.high - difference.low < 0.2 * (a.high - a.low)
    assert difference.value == pytest.approx(a.value - b.value)
    assert difference.low > 0


def test_same_seed_same_interval_and_columns_share_their_resamples():
    values, sequence = drives(np.random.default_rng(5))
    assert one(values, sequence, seed=7) == one(values, sequence, seed=7) != one(values, sequence, seed=8)
    alone = one(values, sequence, seed=7)
    beside = sequence_bootstrap(np.stack([values**2, values], axis=1), sequence, Bootstrap(500, seed=7))[1]
    assert (beside.low, beside.high) == pytest.approx((alone.low, alone.high))


def test_blocks_do_not_change_the_draws(monkeypatch):
    values, sequence = drives(np.random.default_rng(6))
    whole = one(values, sequence)
    monkeypatch.setattr("roadcue.metrics.resampling._BLOCK", 7 * 40)
    assert one(values, sequence) == whole


def test_a_number_made_of_several_means_moves_with_them():
    values, sequence = drives(np.random.default_rng(7))
    columns = np.stack([values + 5, 2 * values + 10], axis=1)
    same_draws = Bootstrap(500, seed=3)
    ratio = bootstrap_of(lambda means: means[:, 0] / means[:, 1], columns, sequence, same_draws)
    assert (ratio.value, ratio.low, ratio.high) == pytest.approx((0.5, 0.5, 0.5))
    first = bootstrap_of(lambda means: means[:, 0], columns, sequence, same_draws)
    assert first == sequence_bootstrap(columns, sequence, same_draws)[0]


@pytest.mark.parametrize(("values", "sequence"), [(np.zeros((0, 1)), 0), (np.zeros((3, 1)), 2), (np.zeros(3), 3)])
def test_wrong_shapes_are_named(values, sequence):
    with pytest.raises(ValueError, match="a bootstrap needs"):
        sequence_bootstrap(values, np.arange(sequence), Bootstrap(10, seed=0))
