"""Reactions counted by hand, and what holds of any: in a mirror, of nothing, of the simulator itself."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from roadcue.metrics.bootstrap import Bootstrap
from roadcue.metrics.reaction import (
    LEAST_M,
    STILL_M,
    PairsAsked,
    answer_rates,
    path_reaction,
    reaction_m,
    threshold_m,
)

FEW = Bootstrap(resamples=50)
CHANGES = arrays(np.float64, (6, 2), elements=st.floats(-30, 30))
NO = np.zeros(6, bool)


def asked(*kinds: str, null: tuple[str, ...] = ("sun",)) -> PairsAsked:
    """A pair of each kind, each a sequence of its own."""
    kind = np.array(kinds)
    return PairsAsked(kind, np.array([f"s{i:02d}" for i in range(len(kind))]), np.isin(kind, null))


def test_braking_and_swerving_to_the_free_side_count_in_metres_and_the_wrong_side_below_zero() -> None:
    true = np.array([[-10.0, 0.0], [-10.0, 0.0], [0.0, 1.5], [0.0, 1.5], [-3.0, 4.0], [-10.0, 0.0]])
    predicted = np.array([[-4.0, 3.0], [2.0, 0.0], [-9.0, 1.0], [-9.0, -1.0], [-6.0, 8.0], [np.nan, np.nan]])
    assert reaction_m(predicted, true, NO).tolist() == [4, -2, 1, -1, 10, 0]


def test_a_null_pair_counts_whichever_way_it_changes_and_one_without_direction_not_at_all() -> None:
    predicted, null = np.full((4, 2), [3.0, -4.0]), np.array([True, False, False, False])
    true = np.array([[0.0, 0.0], [0.0, STILL_M / 2], [0.0, STILL_M], [np.nan, np.nan]])
    np.testing.assert_allclose(reaction_m(predicted, true, null), [5, np.nan, -4, np.nan])


@given(CHANGES, CHANGES)
def test_in_a_mirror_every_reaction_is_the_same(predicted: np.ndarray, true: np.ndarray) -> None:
    mirror = np.array([1.0, -1.0])
    for null in (NO, ~NO):
        there, mirrored = reaction_m(predicted, true, null), reaction_m(mirror * predicted, mirror * true, null)
        np.testing.assert_allclose(there, mirrored)


@given(CHANGES, CHANGES)
def test_nothing_predicted_is_no_reaction_and_the_truth_is_its_own_length(
    predicted: np.ndarray, true: np.ndarray
) -> None:
    nothing, itself = reaction_m(0 * predicted, true, NO), reaction_m(true, true, NO)
    directed = np.hypot(*true.T) >= STILL_M
    assert (nothing[directed] == 0).all()
    np.testing.assert_allclose(itself[directed], np.hypot(*true.T)[directed])
    assert (reaction_m(predicted, true, ~NO) >= np.nan_to_num(reaction_m(predicted, true, NO)) - 1e-9).all()


@given(arrays(np.float64, st.integers(0, 60), elements=st.floats(0, 20)))
def test_at_most_one_in_twenty_null_pairs_is_above_the_threshold_which_is_never_below_the_least(
    changes: np.ndarray,
) -> None:
    threshold = threshold_m(changes)
    assert threshold >= LEAST_M
    assert (changes > threshold).sum() <= 0.05 * len(changes)


def test_the_threshold_is_of_half_of_the_null_pairs_of_each_kind_and_their_rate_of_the_others() -> None:
    pairs = asked(*["sun", "sign"] * 4, "red_light", "red_light", null=("sun", "sign"))
    assert pairs.calibrating.tolist() == [True, True, False, False] * 2 + [False, False]
    predicted, true = np.zeros((10, 2)), np.zeros((10, 2))
    predicted[pairs.calibrating, 1] = [0.1, 0.2, 2.0, 0.3]
    predicted[6] = [0.0, 3.0]  # of four null pairs that are scored
    true[8:], predicted[8:] = [-10, 0], [[-1.5, 0], [-8.5, 0]]
    found = path_reaction(predicted, true, pairs, FEW)
    assert (found.threshold_m, found.calibration_pairs) == (2.0, 4)
    assert found.reacting.kinds["red_light"].value == 0.5
    assert found.above_least.kinds["red_light"].value == 1
    assert found.reacting.null.value == found.above_least.null.value == 0.25
    assert {kind: each.value for kind, each in found.reacting.null_kinds.items()} == {"sun": 0.5, "sign": 0.0}
    assert found.size.kinds["red_light"].value == found.size.mean.value == 0.5


def test_pairs_of_one_sequence_are_on_one_side() -> None:
    kind, sequence = np.array(["sun", "sign", "sun", "sun"]), np.array(["a", "a", "b", "c"])
    assert PairsAsked(kind, sequence, np.ones(4, bool)).calibrating.tolist() == [True, True, True, False]


def test_the_mean_weighs_kinds_alike_and_pairs_without_direction_are_left_out() -> None:
    pairs = asked("works", "works", "works", "person", "person")
    true = np.array([[0.0, 1.5]] * 3 + [[-9.0, 0.0], [0.0, 0.0]])
    predicted = np.array([[0.0, 1.0], [0.0, 0.0], [0.0, 0.0], [-5.0, 0.0], [-5.0, 0.0]])
    found = path_reaction(predicted, true, pairs, FEW)
    assert {kind: each.value for kind, each in found.reacting.kinds.items()} == {"works": 1 / 3, "person": 1.0}
    assert found.reacting.mean.value == pytest.approx(2 / 3)
    assert found.threshold_m == LEAST_M
    assert found.reacting.null is None
    assert found.size.mean.value == pytest.approx((1 / 4.5 + 5 / 9) / 2)


def test_an_answer_changes_rightly_to_the_true_one_and_of_null_pairs_not_at_all() -> None:
    pairs = asked("gap", "gap", "gap", "gap", "gap", "sun", "sun")
    true = [["a", "b"], ["a", "b"], ["a", "b"], ["a", "a"], ["", "b"], ["a", "a"], ["", ""]]
    said = [["a", "b"], ["b", "b"], ["a", "c"], ["a", "b"], ["a", "b"], ["a", "b"], ["", ""]]
    found = answer_rates(np.array(said), np.array(true), pairs, FEW)
    assert found.kinds["gap"].value == found.mean.value == pytest.approx(1 / 3)
    assert found.null.value == 0.5


def test_without_pairs_of_a_sort_there_is_no_figure() -> None:
    found = path_reaction(np.zeros((2, 2)), np.zeros((2, 2)), asked("sun", "sun"), FEW)
    assert (found.reacting.kinds, found.reacting.mean, found.size.mean) == ({}, None, None)
    assert found.reacting.null.value == 0
