"""Rated trajectories in the form the official scoring gives them: cut, filled up, placeholders left out."""

import numpy as np
import pytest
from rated_paths import arrays_of, raters_of, straight

from roadcue.metrics.raters import Raters, is_rated


def test_a_short_trajectory_goes_on_with_its_last_point():
    raters = raters_of([(straight(4, 7), 5), (straight(4, 20), 6), (straight(4, 21), 7)])
    assert raters.points.tolist() == [[7, 20, 20]]
    assert raters.xy.shape == (1, 3, 20, 2)
    np.testing.assert_array_equal(raters.xy[0, 0, :7], straight(4, 7))
    np.testing.assert_array_equal(raters.xy[0, 0, 7:], [[7.0, 0]] * 13)
    np.testing.assert_array_equal(raters.xy[0, 2], straight(4, 20))


def test_what_is_missing_is_the_last_one_again():
    raters = raters_of([(straight(1), 5)], [(straight(1), 5), (straight(2), 0)])
    assert raters.score.tolist() == [[5, 5, 5], [5, 0, 0]]
    assert raters.xy[:, :, 3, 0].tolist() == [[1, 1, 1], [1, 2, 2]]


def test_placeholders_are_left_out_wherever_they_stand():
    with_points, without = (straight(9), -1), (straight(0, 0), -1)
    raters = raters_of([with_points, (straight(1), 0), (straight(2), 8)], [without, without, (straight(3), 4)])
    assert raters.score.tolist() == [[0, 8, 8], [4, 4, 4]]
    assert raters.xy[:, :, 3, 0].tolist() == [[1, 2, 2], [3, 3, 3]]


def test_no_more_than_the_first_three_count():
    xy = np.stack([[straight(speed) for speed in (1, 2, 3, 4, 5)]])
    raters = Raters.of(xy, np.full((1, 5), 20), np.array([[-1, 2, 3, 4, 5.0]]))
    assert raters.score.tolist() == [[2, 3, 4]]


def test_frames_without_a_rated_trajectory_are_named_and_can_be_selected():
    xy, length, score = arrays_of([(straight(1), 5)], [(straight(1), -1)], [(straight(1), 0)], [])
    assert is_rated(length, score).tolist() == [True, False, True, False]
    with pytest.raises(ValueError, match=r"2 of 4 frames have no rated trajectory, the first in row 1; .*is_rated"):
        Raters.of(xy, length, score)


def test_nan_scores_mark_what_is_missing_but_not_what_has_points():
    xy, length, score = arrays_of([(straight(1), 5)])
    score[score < 0] = np.nan
    assert len(Raters.of(xy, length, score)) == 1
    with pytest.raises(ValueError, match="1 trajectories have points but NaN for a score"):
        is_rated(np.array([[20, 20]]), np.array([[5, np.nan]]))


def test_no_frames_are_no_error():
    assert len(Raters.of(np.zeros((0, 3, 21, 2)), np.zeros((0, 3), int), np.zeros((0, 3)))) == 0


def test_what_cannot_be_rated_is_said():
    xy, length, score = arrays_of([(straight(1), 5)], [(straight(1, 11), 5)])
    with pytest.raises(ValueError, match=r"scores must be at most 10 .* 10\.5 and 20"):
        Raters.of(xy, length, np.where(score == 5, 10.5, score))
    with pytest.raises(ValueError, match=r"lengths at most the 21 points .* 5 and 22"):
        Raters.of(xy, np.where(length == 20, 22, length), score)
    with pytest.raises(ValueError, match=r"1 of 2 rated paths hold NaN .* row 1; check the lengths"):
        Raters.of(xy, np.where(length == 11, 12, length), score)
    with pytest.raises(ValueError, match=r"length \(n, p\).*got \(2, 3, 21, 2\), \(2, 2\)"):
        Raters.of(xy, length[:, :2], score)
    with pytest.raises(ValueError, match=r"xy \(n, p, t, 2\)"):
        Raters.of(xy[0], length, score)
