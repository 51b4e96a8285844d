"""ADE, FDE and misses: by hand, and by what must hold for any paths."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from roadcue.metrics.displacement import LABELS, displacement, has_log, per_frame

paths = arrays(np.float64, (3, 20, 2), elements=st.floats(-200, 200))


def means(predicted, logged):
    return {metric: values.mean() for metric, values in per_frame(displacement(predicted, logged)).items()}


def test_by_hand():
    logged = np.zeros((2, 20, 2), dtype=np.float32)
    predicted = logged.copy()
    predicted[0, :, 0] = 3
    predicted[0, :, 1] = 4  # 5 m off all the time
    predicted[1, :, 1] = 0.1 * np.arange(1, 21)  # 0.1 m more at every point, 2.0 m at the last one
    assert means(predicted, logged) == pytest.approx(
        {
            "ade_1s": (5 + 0.25) / 2,
            "ade_3s": (5 + 0.65) / 2,
            "ade_5s": (5 + 1.05) / 2,
            "fde_1s": (5 + 0.4) / 2,
            "fde_3s": (5 + 1.2) / 2,
            "fde_5s": (5 + 2.0) / 2,
            "miss_rate": 0.5,
        },
        rel=1e-6,
    )


def test_a_miss_begins_beyond_two_metres_at_the_last_point():
    logged = np.zeros((3, 20, 2))
    predicted = logged.copy()
    predicted[0, -1, 0], predicted[1, -1, 0], predicted[2, -2, 0] = 2.0, 2.0001, 50
    assert per_frame(displacement(predicted, logged))["miss_rate"].tolist() == [0, 1, 0]


def test_every_metric_has_a_label_that_says_against_what():
    assert list(per_frame(np.zeros((1, 20)))) == list(LABELS)
    assert all("vs log" in label for label in LABELS.values())


@given(paths, paths, arrays(np.float64, 2, elements=st.floats(-1e3, 1e3)))
@settings(max_examples=50, deadline=None)
def test_moving_both_changes_nothing(predicted, logged, shift):
    moved = displacement(predicted + shift, logged + shift)
    np.testing.assert_allclose(moved, displacement(predicted, logged), atol=1e-9)


@given(paths)
@settings(max_examples=20, deadline=None)
def test_equal_paths_have_no_error(logged):
    assert not any(means(logged, logged).values())


@given(paths, st.floats(1, 10))
@settings(max_examples=50, deadline=None)
def test_a_larger_error_never_scores_better(error, factor):
    logged = np.zeros_like(error)
    small, large = means(error, logged), means(error * factor, logged)
    assert all(large[metric] >= small[metric] * (1 - 1e-12) for metric in LABELS)


@given(arrays(np.float64, (3, 4, 20, 2), elements=st.floats(-200, 200)), paths)
@settings(max_examples=20, deadline=None)
def test_each_mode_lies_as_far_from_the_log_as_alone(modes, logged):
    together = displacement(modes, logged)
    assert together.shape == (3, 4, 20)
    for mode in range(4):
        np.testing.assert_array_equal(together[:, mode], displacement(modes[:, mode], logged))


def test_rows_without_a_whole_log_are_named_by_has_log():
    logged = np.zeros((3, 20, 2), dtype=np.float32)
    logged[0] = np.nan
    logged[2, 19, 1] = np.nan
    assert has_log(logged).tolist() == [False, True, False]


def test_nan_is_an_error_that_counts_the_rows():
    logged, predicted = np.zeros((4, 20, 2)), np.zeros((4, 20, 2))
    predicted[1, 3, 0] = np.nan
    predicted[3, 0, 1] = np.inf
    with pytest.raises(ValueError, match=r"2 of 4 predicted paths .* row 1.*loss"):
        displacement(predicted, logged)
    logged[2] = np.nan
    with pytest.raises(ValueError, match=r"1 of 4 logged paths .* row 2.*has_log"):
        displacement(np.zeros((4, 20, 2)), logged)


@pytest.mark.parametrize("shape", [(4, 19, 2), (4, 20, 3), (3, 20, 2), (80, 2), (3, 5, 20, 2), (4, 5, 6, 20, 2)])
def test_a_wrong_shape_is_named(shape):
    with pytest.raises(ValueError, match="predicted paths must be"):
        displacement(np.zeros(shape), np.zeros((4, 20, 2)))
