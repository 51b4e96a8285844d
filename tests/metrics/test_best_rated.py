"""The two ADEs against the best-rated trajectory: alike where the data are whole, each its own way where not."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rated_paths import random_scene, raters_of, straight

from roadcue.metrics.best_rated import LABELS, best_rated_ade, official_ade
from roadcue.metrics.displacement import displacement, per_frame
from roadcue.metrics.raters import Raters


def both(predicted, *rated):
    raters = raters_of(list(rated))
    ade = {**best_rated_ade(predicted[None], raters), **official_ade(predicted[None], raters)}
    assert list(ade) == list(LABELS)
    return {name: pytest.approx(value[0]) for name, value in ade.items()}


def test_by_hand():
    """10 m/s against 8 m/s: 0.5 m more at every point."""
    ade = both(straight(10), (straight(10), 5), (straight(8), 9), (straight(10), 0))
    three, five = 0.5 * np.arange(1, 13).mean(), 0.5 * np.arange(1, 21).mean()
    assert ade == {
        "ade_3s_best_rated": three,
        "ade_5s_best_rated": five,
        "ade_3s_official": three,
        "ade_5s_official": five,
    }


def test_a_short_one_counts_with_its_own_points_or_goes_on_with_its_last():
    """Best-rated are 7 points at 10 m/s: the prediction is 0.6 m beside them as long as they last."""
    ade = both(straight(10, left=0.6), (straight(10, 7), 9), (straight(8), 3))
    assert ade["ade_3s_best_rated"] == 0.6
    assert ade["ade_5s_best_rated"] == 0.6
    ahead = np.hypot(2.5 * np.maximum(np.arange(-6, 14), 0), 0.6)
    assert ade["ade_3s_official"] == ahead[:12].mean()
    assert ade["ade_5s_official"] == ahead.mean()


def test_points_beyond_the_horizon_do_not_count():
    path = straight(10)
    path[12:, 1] = 4
    ade = both(path, (straight(10), 9))
    assert (ade["ade_3s_best_rated"], ade["ade_3s_official"]) == (0, 0)
    assert (ade["ade_5s_best_rated"], ade["ade_5s_official"]) == (1.6, 1.6)


def test_of_equals_the_nearest_or_the_first_counts():
    far, near = (straight(8), 9), (straight(9), 9)
    for rated in ((far, near), (near, far)):
        ade = both(straight(10), *rated, (straight(10), 8))
        assert ade["ade_5s_best_rated"] == 0.25 * np.arange(1, 21).mean()
    assert both(straight(10), far, near)["ade_5s_official"] == 0.5 * np.arange(1, 21).mean()
    assert both(straight(10), near, far)["ade_5s_official"] == 0.25 * np.arange(1, 21).mean()


def test_of_equals_one_is_chosen_for_both_horizons():
    """The one that is nearer over 5 s is farther at 3 s."""
    late, early = straight(10), straight(10)
    late[12:, 1], early[:4, 1] = 9, 1
    ade = both(straight(10), (late, 7), (early, 7))
    assert ade["ade_3s_best_rated"] == 4 / 12
    assert ade["ade_5s_best_rated"] == 4 / 20


@given(st.integers(0, 10**6), st.permutations(range(3)))
@settings(max_examples=50, deadline=None)
def test_the_order_of_raters_matters_to_the_official_one_alone(seed, order):
    predicted, rated, _ = random_scene(seed)
    ours = best_rated_ade(predicted, Raters.of(*rated))
    turned = best_rated_ade(predicted, Raters.of(*(part[:, order] for part in rated)))
    for name, values in ours.items():
        np.testing.assert_allclose(turned[name], values, rtol=1e-12)


@given(st.integers(0, 10**6))
@settings(max_examples=50, deadline=None)
def test_all_agree_with_the_ade_against_a_log_that_raters_like_best(seed):
    predicted, (xy, _, _), _ = random_scene(seed)
    raters = Raters.of(xy, np.full((6, 3), 21), np.tile([9.0, 3, 6], (6, 1)))
    log = per_frame(displacement(predicted, xy[:, 0, :20]))
    ade = {**best_rated_ade(predicted, raters), **official_ade(predicted, raters)}
    for name, values in ade.items():
        np.testing.assert_allclose(values, log[name[:6]], rtol=1e-12)


def test_labels_say_against_what():
    assert all("best-rated" in label or "official" in label for label in LABELS.values())
    assert len(set(LABELS.values())) == 4


@pytest.mark.parametrize("metric", [best_rated_ade, official_ade])
def test_what_cannot_be_scored_is_said(metric):
    raters = raters_of([(straight(10), 9)])
    with pytest.raises(ValueError, match=r"1 of 1 predicted paths hold NaN"):
        metric(np.full((1, 20, 2), np.nan), raters)
    with pytest.raises(ValueError, match=r"predicted paths must be \(1, 20, 2\)"):
        metric(np.zeros((2, 20, 2)), raters)
    with pytest.raises(ValueError, match=r"\(1, 20, 2\)"):
        metric(np.zeros((1, 2, 20, 2)), raters)
