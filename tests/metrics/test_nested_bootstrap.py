"""The bootstrap over seeds and sequences: it covers what it should, and is the plain one where seeds agree."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roadcue.metrics.bootstrap import Bootstrap
from roadcue.metrics.resampling import bootstrap_of, difference_between, sequence_bootstrap

SEQUENCES, FRAMES = 30, 4
SEQUENCE = np.repeat(np.arange(SEQUENCES), FRAMES)


def trainings(random, seeds, *, of_seed, of_sequence=1.0, of_both=0.3):
    """(seeds, n) errors whose true mean is 0: a part of the seed, one of the drive, one of the two together."""
    errors = of_seed * random.normal(size=(seeds, 1)) + of_sequence * random.normal(size=SEQUENCES)
    errors = errors + of_both * random.normal(size=(seeds, SEQUENCES))
    return np.repeat(errors, FRAMES, axis=1) + 0.1 * random.normal(size=(seeds, len(SEQUENCE)))


def nested(errors, resamples=400, seed=0):
    seeds = len(errors)
    rows = errors.reshape(-1, 1)
    return sequence_bootstrap(rows, np.tile(SEQUENCE, seeds), Bootstrap(resamples, seed, training_seeds=seeds))[0]


def plain(errors):
    return sequence_bootstrap(errors[:, None], SEQUENCE, Bootstrap(400))[0]


def width(interval):
    return interval.high - interval.low


@pytest.mark.parametrize("of_seed", [0.0, 0.3, 1.0])
def test_covers_the_truth_about_as_often_as_it_says(of_seed):
    """Where another seed changes much, an interval over sequences alone covers too seldom."""
    random = np.random.default_rng(1)
    trials = [trainings(random, 8, of_seed=of_seed) for _ in range(150)]
    covered = np.mean([interval.low <= 0 <= interval.high for interval in (nested(each, 200) for each in trials)])
    assert 0.85 <= covered <= 0.99  # a spread that eight seeds tell is itself not certain
    if of_seed == 1.0:
        of_one = [plain(each[0]) for each in trials]
        assert np.mean([interval.low <= 0 <= interval.high for interval in of_one]) < 0.6


@settings(max_examples=20, deadline=None)
@given(st.integers(2, 8), st.integers(0, 10**6))
def test_trainings_that_agree_have_the_interval_of_one(seeds, seed):
    errors = trainings(np.random.default_rng(seed), 1, of_seed=0.0)
    one, several = plain(errors[0]), nested(np.tile(errors, (seeds, 1)))
    assert (several.value, several.low, several.high) == pytest.approx((one.value, one.low, one.high), abs=1e-9)


def test_the_spread_of_the_seeds_alone_is_that_of_their_mean():
    """One seed less is drawn, or the interval of five would be a tenth too narrow."""
    random = np.random.default_rng(2)
    errors = [trainings(random, 5, of_seed=1.0, of_sequence=0.0, of_both=0.0) for _ in range(60)]
    widths = [width(nested(each)) / (each.mean(axis=1).std(ddof=1) / np.sqrt(5)) for each in errors]
    assert np.mean(widths) == pytest.approx(2 * 1.96, rel=0.06)


def test_equals_resampling_trainings_and_drives_themselves():
    random = np.random.default_rng(3)
    errors = trainings(random, 4, of_seed=0.5)
    drives = errors.reshape(4, SEQUENCES, FRAMES)
    means = [
        drives[random.integers(0, 4, size=3)][:, random.integers(0, SEQUENCES, size=SEQUENCES)].mean()
        for _ in range(4000)
    ]
    interval = nested(errors, resamples=4000)
    np.testing.assert_allclose([interval.low, interval.high], np.percentile(means, [2.5, 97.5]), atol=0.06)
    assert interval.value == pytest.approx(errors.mean())


def test_a_figure_made_of_several_means_is_that_of_each_training_averaged():
    errors = trainings(np.random.default_rng(4), 3, of_seed=1.0) + 10
    columns = np.stack([errors.ravel(), errors.ravel() ** 2], axis=1)
    given_seeds = Bootstrap(50, training_seeds=3)
    ratio = bootstrap_of(lambda means: means[:, 1] / means[:, 0], columns, np.tile(SEQUENCE, 3), given_seeds)
    assert ratio.value == pytest.approx(np.mean((errors**2).mean(axis=1) / errors.mean(axis=1)))
    assert ratio.low < ratio.value < ratio.high


def test_a_difference_shares_its_drives_and_not_its_seeds():
    random = np.random.default_rng(5)
    drives = np.repeat(random.normal(size=SEQUENCES), FRAMES)
    steady, spread = np.tile(drives, (4, 1)), drives + random.normal(size=(5, 1))
    apart = difference_between(steady + 1, steady, SEQUENCE, Bootstrap(400))
    assert (apart.value, apart.low, apart.high) == pytest.approx((1, 1, 1))
    assert width(difference_between(spread, steady, SEQUENCE, Bootstrap(400))) > 0.3
    itself = difference_between(spread, spread, SEQUENCE, Bootstrap(400))
    assert itself.value == 0
    assert width(itself) > 0.5, "equal seeds of two settings are no pair"


def test_trainings_with_other_rows_are_refused():
    with pytest.raises(ValueError, match="the same rows of each"):
        sequence_bootstrap(np.zeros((6, 1)), np.array([0, 0, 1, 0, 1, 1]), Bootstrap(5, training_seeds=2))
    with pytest.raises(ValueError, match="the same rows of each"):
        sequence_bootstrap(np.zeros((5, 1)), np.zeros(5), Bootstrap(5, training_seeds=2))
