"""Sets that hold the true answer as often as they promise, and temperatures that make probabilities true."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from roadcue.heads.calibration import (
    Calibration,
    fit_binary_temperature,
    fit_temperature,
    fit_threshold,
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
    assert fit_threshold(probabilities, truth, 0.9) == pytest.approx(0.9)
    assert fit_threshold(probabilities, truth, 0.8) == pytest.approx(0.8)
    assert fit_threshold(probabilities, truth, 0.91) == math.inf
    assert fit_threshold(probabilities[:0], truth[:0], 0.5) == math.inf


@given(st.integers(1, 40), st.sampled_from([0.5, 0.8, 0.9]), st.integers(0, 99))
def test_the_rows_it_was_found_on_are_covered(rows, coverage, seed):
    logits, truth = drawn(rows, seed)
    probabilities = logits.softmax(1)
    sets = prediction_sets(
        probabilities, torch.tensor(fit_threshold(probabilities, truth, coverage), dtype=torch.float64)
    )
    covered = int(sets.gather(1, truth[:, None]).sum())
    assert covered >= min(rows, math.ceil((rows + 1) * coverage - 1e-9))


@pytest.mark.parametrize("coverage", [0.8, 0.9])
def test_new_rows_are_covered_as_often_as_promised_whatever_the_head_is_worth(coverage):
    for sharpness in (0.2, 1.0, 5.0):
        logits, truth = drawn(4000, 0, sharpness)
        threshold = torch.tensor(fit_threshold(logits.softmax(1), truth, coverage), dtype=torch.float64)
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
    calibration.fit([(logits[:200, None], truth[:200, None]), (logits[200:, None], truth[200:, None])], 0.9)
    probabilities, _ = calibration(logits[:, None])
    assert calibration.temperature.item() > 2
    assert calibration.threshold.item() == pytest.approx(fit_threshold(probabilities[:, 0], truth, 0.9), abs=1e-6)


def test_the_temperature_of_yes_or_no_is_that_of_two_classes():
    random = torch.Generator().manual_seed(0)
    logits = 2 * torch.randn(5000, generator=random)
    truth = (torch.rand(5000, generator=random) < logits.sigmoid()).float()
    assert fit_binary_temperature(3 * logits, truth) == pytest.approx(3, rel=0.06)


def test_without_rows_nothing_is_scaled():
    assert fit_temperature(torch.zeros(0, 3), torch.zeros(0, dtype=torch.int64)) == 1
    assert fit_binary_temperature(torch.zeros(0), torch.zeros(0)) == 1
