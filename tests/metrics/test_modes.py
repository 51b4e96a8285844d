"""Several modes: what the choice costs, and whether the probabilities are true."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rated_paths import straight

from roadcue.metrics.bootstrap import Bootstrap
from roadcue.metrics.modes import LABELS, calibration_error, expected, mode_ade, per_frame, picked_mode, score_modes
from roadcue.metrics.uncertainty import BINS


def softmax(logits):
    weight = np.exp(logits - logits.max(axis=1, keepdims=True))
    return weight / weight.sum(axis=1, keepdims=True)


def drawn(seed, frames=40, modes=5):
    random = np.random.default_rng(seed)
    return random.gamma(2, size=(frames, modes)), softmax(random.normal(size=(frames, modes)))


def test_by_hand():
    error = np.array([[3.0, 1, 2], [1, 5, 5], [2, 2, 4]])
    probability = np.array([[0.5, 0.3, 0.2], [0.6, 0.2, 0.2], [0.1, 0.3, 0.6]])
    scores = per_frame(error, probability)
    assert list(scores) == list(LABELS)
    assert scores["picked"].tolist() == [3, 1, 4]
    assert scores["oracle"].tolist() == [1, 1, 2]
    assert scores["regret"].tolist() == [2, 0, 2]
    assert scores["picked_best"].tolist() == [0, 1, 0]
    np.testing.assert_allclose(scores["best_nll"], -np.log([0.3, 0.6, 0.4]))  # the third has two equally good ones


def test_a_score_is_given_as_its_negative():
    scores = per_frame(-np.array([[4.0, 9, 7]]), np.array([[0.1, 0.2, 0.7]]))
    assert (scores["picked"][0], scores["oracle"][0], scores["regret"][0]) == (-7, -9, 2)


@given(st.integers(0, 10**6), st.permutations(range(5)))
@settings(max_examples=50, deadline=None)
def test_no_choice_beats_the_oracle_and_the_order_of_modes_does_not_matter(seed, order):
    error, probability = drawn(seed)
    scores, turned = per_frame(error, probability), per_frame(error[:, order], probability[:, order])
    assert (scores["regret"] >= 0).all()
    assert ((scores["regret"] == 0) == (scores["picked_best"] == 1)).all()
    for name, values in scores.items():
        np.testing.assert_allclose(turned[name], values, rtol=1e-12)


@given(st.integers(0, 10**6))
@settings(max_examples=50, deadline=None)
def test_more_modes_never_worsen_the_oracle(seed):
    error, probability = drawn(seed)
    fewer = per_frame(error[:, :3], softmax(np.log(probability[:, :3])))
    assert (per_frame(error, probability)["oracle"] <= fewer["oracle"]).all()


def test_knowing_nothing_costs_log_k_and_a_zero_is_finite():
    error, _ = drawn(0, modes=8)
    np.testing.assert_allclose(per_frame(error, np.full((40, 8), 1 / 8))["best_nll"], np.log(8))
    certain = np.eye(8)[error.argmax(axis=1)]
    assert per_frame(error, certain)["best_nll"].max() == pytest.approx(87.3, abs=0.1)
    right = np.eye(8)[error.argmin(axis=1)]
    assert per_frame(error, right)["best_nll"].tolist() == [0] * 40


def test_the_first_of_equally_probable_modes_is_picked():
    assert picked_mode(np.array([[0.4, 0.4, 0.2], [0.2, 0.4, 0.4]])).tolist() == [0, 1]


def test_expected_is_the_mean_under_the_probabilities():
    value, probability = drawn(3)
    np.testing.assert_allclose(expected(value, probability), np.einsum("nk,nk->n", value, probability))
    picked = np.eye(5)[picked_mode(probability)]
    np.testing.assert_array_equal(expected(value, picked), per_frame(value, probability)["picked"])


def test_mode_ade_by_hand():
    predicted = np.stack([np.stack([straight(10), straight(8)]), np.stack([straight(4, left=3), straight(4)])])
    ade = mode_ade(predicted, np.stack([straight(10), straight(4)]))
    np.testing.assert_allclose(ade, [[0, 0.5 * np.arange(1, 21).mean()], [3, 0]])


def sequences(frames):
    return np.arange(frames) // 4


def test_calibration_error_by_hand():
    """Two bins: 0.8 sure and right in 3 of 4, 0.6 sure and right in none of 2."""
    probability = np.array([[0.8, 0.2]] * 4 + [[0.4, 0.6]] * 2)
    error = np.array([[0.0, 1], [0, 1], [0, 1], [1, 0], [0, 1], [0, 1]])
    interval = calibration_error(error, probability, np.arange(6), Bootstrap(100))
    assert interval.value == pytest.approx(4 / 6 * 0.05 + 2 / 6 * 0.6)
    assert interval.low <= interval.value <= interval.high


def test_gaps_of_one_bin_cancel_and_those_of_two_do_not():
    def of(low, high):
        probability = np.array([[low, 1 - low], [high, 1 - high]])
        return calibration_error(np.array([[1.0, 0], [0, 1]]), probability, np.arange(2), Bootstrap(10)).value

    edge = 12 / BINS
    assert of(edge - 0.01, edge) == pytest.approx(abs((edge - 0.01 - 0) + (edge - 1)) / 2)  # an edge ends its bin
    assert of(edge, edge + 0.01) == pytest.approx(((edge - 0) + (1 - edge - 0.01)) / 2)


@pytest.mark.parametrize(("temperature", "low", "high"), [(1.0, 0.0, 0.02), (0.25, 0.2, 1.0), (4.0, 0.1, 1.0)])
def test_true_probabilities_are_calibrated_and_sharpened_or_flattened_ones_are_not(temperature, low, high):
    random = np.random.default_rng(0)
    logits = 1.5 * random.normal(size=(20_000, 6))
    truth = (softmax(logits).cumsum(axis=1) < random.uniform(size=(20_000, 1))).sum(axis=1)
    error = 1.0 - np.eye(6)[np.minimum(truth, 5)]
    interval = calibration_error(error, softmax(logits / temperature), sequences(20_000), Bootstrap(50))
    assert low <= interval.value < high


def test_certainty_is_in_a_bin_and_fully_wrong_is_one():
    error = np.array([[1.0, 0]] * 8)
    assert calibration_error(error, np.array([[1.0, 0]] * 8), sequences(8), Bootstrap(10)).value == 1
    assert calibration_error(error, np.array([[0.0, 1]] * 8), sequences(8), Bootstrap(10)).value == 0


@pytest.mark.parametrize("metric", [per_frame, expected])
def test_what_cannot_be_scored_is_said(metric):
    error, probability = drawn(0)
    with pytest.raises(ValueError, match=r"\(n, k\) with k > 0; got \(40, 5\), \(40, 4\)"):
        metric(error, probability[:, :4])
    with pytest.raises(ValueError, match="1 of 40 frames have a mode of NaN"):
        metric(np.where(np.arange(200).reshape(40, 5) == 7, np.nan, error), probability)
    below_zero = np.tile([1.5, -0.5, 0, 0, 0], (40, 1))
    for wrong in (probability * 2, below_zero, np.full_like(probability, np.nan)):
        with pytest.raises(ValueError, match=r"40 of 40 frames are negative or do not sum to 1, the first in row 0"):
            metric(error, wrong)
    metric(error, probability.astype(np.float32))


def test_one_path_a_frame_has_no_modes():
    with pytest.raises(ValueError, match=r"modes must be \(n, k, 20, 2\)"):
        mode_ade(np.zeros((3, 20, 2)), np.zeros((3, 20, 2)))


def test_the_scores_are_the_means_and_the_calibration_error():
    error, probability = drawn(5)
    sequence = np.repeat(np.arange(10), 4)
    scores = score_modes(error, probability, sequence, Bootstrap(50, seed=1))
    assert list(scores) == [*LABELS, "calibration_error"]
    for name, values in per_frame(error, probability).items():
        assert scores[name].value == pytest.approx(values.mean())
        assert scores[name].low <= scores[name].value <= scores[name].high
    assert scores["calibration_error"] == calibration_error(error, probability, sequence, Bootstrap(50, seed=1))
