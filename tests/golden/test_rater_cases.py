"""Our rater feedback score against what the official module says of the cases in `rater_feedback.npz`."""

import numpy as np
import pytest

from roadcue.metrics.modes import expected
from roadcue.metrics.rater_feedback import FLOOR, rater_feedback
from roadcue.metrics.raters import Raters

EQUAL = 1e-9


@pytest.fixture(scope="module")
def cases(golden_dir):
    with np.load(golden_dir / "rater_feedback.npz") as file:
        return dict(file)


def scored(cases, xy, length, score):
    return rater_feedback(cases["prediction"], Raters.of(xy, length, score), cases["initial_speed"])


def raters(cases):
    return cases["rater_xy"], cases["rater_length"], cases["rater_score"]


def test_rater_score_of_every_case(cases):
    np.testing.assert_allclose(scored(cases, *raters(cases)).score, cases["score"], rtol=0, atol=EQUAL)


def test_rater_trust_region_of_every_case(cases):
    feedback = scored(cases, *raters(cases))
    np.testing.assert_array_equal(feedback.inside, cases["inside"])
    outside = ~cases["inside"]
    assert not feedback.floored[cases["inside"]].any()
    assert (cases["score"][feedback.floored] == FLOOR).all()
    assert (cases["score"][outside & ~feedback.floored] >= FLOOR).all()


@pytest.mark.parametrize("order", [[1, 2, 0], [2, 1, 0]])
def test_rater_order_and_place_of_the_missing_ones_do_not_matter(cases, order):
    feedback = scored(cases, *(part[:, order] for part in raters(cases)))
    np.testing.assert_allclose(feedback.score, cases["score"], rtol=0, atol=EQUAL)


def test_rater_placeholders_that_have_points_are_left_out(cases):
    xy, length, score = (part.copy() for part in raters(cases))
    placeholder = length == 0
    xy[placeholder], length[placeholder], score[placeholder] = cases["prediction"].mean(), 21, -1
    np.testing.assert_allclose(scored(cases, xy, length, score).score, cases["score"], rtol=0, atol=EQUAL)


def test_rater_points_that_do_not_count_may_be_missing(cases):
    xy, length, score = raters(cases)
    behind = np.arange(xy.shape[2]) >= length[..., None]
    feedback = scored(cases, np.where(behind[..., None], np.nan, xy), length, score)
    np.testing.assert_allclose(feedback.score, cases["score"], rtol=0, atol=EQUAL)


def test_rater_score_of_several_modes_is_the_mean_under_their_probabilities(cases):
    """The official module adds up each mode's own score, weighted."""
    weight = np.linspace(0, 1, len(cases["score"]))
    modes = np.stack([cases["prediction"], np.roll(cases["prediction"], 1, axis=0)], axis=1)
    feedback = rater_feedback(modes, Raters.of(*raters(cases)), cases["initial_speed"])
    np.testing.assert_allclose(feedback.score[:, 0], cases["score"], rtol=0, atol=EQUAL)
    total = expected(feedback.score, np.stack([weight, 1 - weight], axis=1))
    by_hand = weight * cases["score"] + (1 - weight) * feedback.score[:, 1]
    np.testing.assert_allclose(total, by_hand, rtol=0, atol=EQUAL)
