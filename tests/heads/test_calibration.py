"""Sets that hold the true answer as often as they promise, and temperatures that make probabilities true."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from mapie.classification import SplitConformalClassifier
from sklearn.base import BaseEstimator, ClassifierMixin

from roadcue.heads.calibration import (
    Calibration,
    fit_binary_temperature,
    fit_temperature,
    fit_threshold,
    least_sequences,
    prediction_sets,
)


def drawn(rows, seed, sharpness=1.0):
    """Logits whose softmax is true, made sharper; and answers drawn from it."""
    random = torch.Generator().manual_seed(seed)
    logits = 2 * torch.randn(rows, 3, generator=random)
    truth = torch.multinomial(logits.softmax(1), 1, generator=random)[:, 0]
    return sharpness * logits, truth


def test_the_threshold_is_the_rank_of_the_finite_sample_quantile():
    truth = torch.zeros(9, dtype=torch.int64)
    probabilities = torch.stack([torch.arange(1, 10) / 10, 1 - torch.arange(1, 10) / 10], dim=1)
    # ceil(10 * 0.9) = the 9th smallest of 0.1 ... 0.9; with 0.8 the 8th; with more than 0.9 there is none.
    assert fit_threshold(probabilities, truth, np.arange(9), 0.9) == pytest.approx(0.9)
    assert fit_threshold(probabilities, truth, np.arange(9), 0.8) == pytest.approx(0.8)
    assert fit_threshold(probabilities, truth, np.arange(9), 0.91) == math.inf
    assert fit_threshold(probabilities[:0], truth[:0], np.arange(0), 0.5) == math.inf


def test_frames_share_the_weight_of_their_sequence():
    """Sequences of 1, 1 and 8 frames: each weighs a quarter, and the last quarter lies at infinity."""
    truth = torch.zeros(10, dtype=torch.int64)
    scores = torch.tensor([0.9, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.95], dtype=torch.float64)
    probabilities = torch.stack([1 - scores, scores], dim=1)
    sequence = np.array(["a", "b", *"cccccccc"])
    # b's quarter, then eighths of c's quarter: one half is reached with all of c but a's 0.9, which comes between.
    assert fit_threshold(probabilities, truth, sequence, 0.25) == pytest.approx(0.1)
    assert fit_threshold(probabilities, truth, sequence, 0.25 + 4 / 32) == pytest.approx(0.5)
    assert fit_threshold(probabilities, truth, sequence, 0.7) == pytest.approx(0.9)
    assert fit_threshold(probabilities, truth, sequence, 0.75) == pytest.approx(0.95)
    assert fit_threshold(probabilities, truth, sequence, 0.76) == math.inf


class GivenProbabilities(ClassifierMixin, BaseEstimator):
    """A fitted classifier whose input is what it answers."""

    def fit(self, x, y):
        self.classes_ = np.arange(3)
        return self

    def predict_proba(self, x):
        return x

    def predict(self, x):
        return x.argmax(axis=1)


@pytest.mark.parametrize("coverage", [0.5, 0.8, 0.9, 0.95])
def test_with_one_frame_a_sequence_the_sets_are_mapies(coverage):
    logits, truth = drawn(203, 1)
    new = drawn(500, 2)[0].softmax(1)
    classifier = GivenProbabilities().fit(None, None)
    theirs = SplitConformalClassifier(classifier, confidence_level=coverage, conformity_score="lac")
    theirs.conformalize(logits.softmax(1).double().numpy(), truth.numpy())
    _, sets = theirs.predict_set(new.double().numpy())
    threshold = fit_threshold(logits.softmax(1), truth, np.arange(203), coverage)
    ours = prediction_sets(new, torch.tensor(threshold, dtype=torch.float64))
    assert np.array_equal(ours.numpy(), sets[:, :, 0])
    assert not ours.all()


@pytest.mark.parametrize(("coverage", "least"), [(0.5, 1), (0.8, 4), (0.9, 9), (0.95, 19)])
def test_with_too_few_sequences_every_set_is_full(coverage, least):
    assert least_sequences(coverage) == least
    logits, truth = drawn(200, 0)
    few, enough = np.arange(200) % max(least - 1, 1), np.arange(200) % least
    assert fit_threshold(logits.softmax(1), truth, enough, coverage) < math.inf
    if least > 1:
        assert fit_threshold(logits.softmax(1), truth, few, coverage) == math.inf


def test_a_new_sequence_is_covered_with_ten_of_unequal_length():
    """Frames of a sequence are nearly alike, as of a film: by frames a set would hold far less than it promises."""
    random = np.random.default_rng(0)
    by_sequence, by_frame = [], []
    for _ in range(400):
        lengths = random.integers(1, 60, 11)
        sequence = np.repeat(np.arange(11), lengths)
        hard = random.normal(size=11)[sequence] + 0.1 * random.normal(size=len(sequence))
        probabilities = torch.from_numpy(1 / (1 + np.exp(hard)))
        both, truth = (
            torch.stack([probabilities, 1 - probabilities], dim=1),
            torch.zeros(len(hard), dtype=torch.int64),
        )
        old, new = sequence < 10, sequence == 10
        for covered, names in ((by_sequence, sequence[old]), (by_frame, np.arange(old.sum()))):
            threshold = fit_threshold(both[old], truth[old], names, 0.9)
            sets = prediction_sets(both[new], torch.tensor(threshold, dtype=torch.float64))
            covered.append(sets[:, 0].float().mean().item())
    assert np.mean(by_sequence) >= 0.89
    assert np.mean(by_frame) < 0.88


@given(st.integers(1, 40), st.sampled_from([0.5, 0.8, 0.9]), st.integers(0, 99))
def test_the_rows_it_was_found_on_are_covered(rows, coverage, seed):
    logits, truth = drawn(rows, seed)
    probabilities = logits.softmax(1)
    sets = prediction_sets(
        probabilities,
        torch.tensor(fit_threshold(probabilities, truth, np.arange(rows), coverage), dtype=torch.float64),
    )
    covered = int(sets.gather(1, truth[:, None]).sum())
    assert covered >= min(rows, math.ceil((rows + 1) * coverage - 1e-9))


@pytest.mark.parametrize("coverage", [0.8, 0.9])
def test_new_rows_are_covered_as_often_as_promised_whatever_the_head_is_worth(coverage):
    for sharpness in (0.2, 1.0, 5.0):
        logits, truth = drawn(4000, 0, sharpness)
        threshold = torch.tensor(
            fit_threshold(logits.softmax(1), truth, np.arange(4000), coverage), dtype=torch.float64
        )
        logits, truth = drawn(4000, 1, sharpness)
        sets = prediction_sets(logits.softmax(1), threshold)
        assert sets.gather(1, truth[:, None]).float().mean() == pytest.approx(coverage, abs=0.02)


def test_an_infinite_threshold_rules_nothing_out():
    assert prediction_sets(torch.rand(5, 2, 3), torch.full((2,), torch.inf, dtype=torch.float64)).all()


@pytest.mark.parametrize("sharpness", [0.3, 1.0, 4.0])
def test_the_temperature_undoes_what_made_logits_too_sharp(sharpness):
    assert fit_temperature(*drawn(5000, 0, sharpness)) == pytest.approx(sharpness, rel=0.06)


def test_the_threshold_is_one_of_the_probabilities_that_are_given_out():
    logits, truth = drawn(500, 3, sharpness=3.0)
    calibration = Calibration(1)
    batches = [(logits[:200, None], truth[:200, None]), (logits[200:, None], truth[200:, None])]
    calibration.fit(batches, np.arange(500), 0.9)
    probabilities, _ = calibration(logits[:, None])
    assert calibration.temperature.item() > 2
    assert calibration.threshold.item() == pytest.approx(
        fit_threshold(probabilities[:, 0], truth, np.arange(500), 0.9), abs=1e-6
    )


def test_the_temperature_of_yes_or_no_is_that_of_two_classes():
    random = torch.Generator().manual_seed(0)
    logits = 2 * torch.randn(5000, generator=random)
    truth = (torch.rand(5000, generator=random) < logits.sigmoid()).float()
    assert fit_binary_temperature(3 * logits, truth) == pytest.approx(3, rel=0.06)


def test_without_rows_nothing_is_scaled():
    assert fit_temperature(torch.zeros(0, 3), torch.zeros(0, dtype=torch.int64)) == 1
    assert fit_binary_temperature(torch.zeros(0), torch.zeros(0)) == 1
