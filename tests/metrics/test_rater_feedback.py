"""The rater feedback score: what the official module was seen to say, and what must hold for any scene."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rated_paths import random_scene, raters_of, straight

from roadcue.metrics.bootstrap import Bootstrap
from roadcue.metrics.modes import expected
from roadcue.metrics.rater_feedback import (
    FLOOR,
    by_cluster,
    directions,
    mean_over_clusters,
    mean_over_frames,
    rater_feedback,
    trust_region,
)
from roadcue.metrics.raters import Raters

seeds = st.integers(0, 10**6)
scenes = settings(max_examples=50, deadline=None)


def alone(predicted, rated, speed=10.0):
    """Score, inside and floored of one path in one frame."""
    feedback = rater_feedback(predicted[None], raters_of(rated), np.array([speed]))
    return feedback.score[0], feedback.inside[0], feedback.floored[0]


class TestAsTheOfficialModuleWasSeen:
    def test_the_floor_does_not_lift_what_is_inside(self):
        assert alone(straight(10), [(straight(10), 2)]) == (2.0, True, False)

    @pytest.mark.parametrize("label", [10, 3])
    def test_far_away_is_the_floor(self, label):
        assert alone(straight(10, left=50), [(straight(10), label)]) == (4.0, False, True)

    def test_the_best_rater_is_found_for_each_horizon(self):
        other = straight(10, left=20)
        path = np.where(np.arange(20)[:, None] < 15, straight(10), other)
        assert alone(path, [(straight(10), 10), (other, 8)]) == (9.0, False, False)

    def test_just_outside_is_no_cliff(self):
        path = straight(10)
        path[11, 1] = 0.948 + 1e-4
        score, inside, floored = alone(path, [(straight(10), 10)])
        assert 9.99 < score < 10
        assert not inside
        assert not floored

    def test_padding_favours_who_stops(self):
        rated = [(straight(10, 11), 10)]
        assert alone(straight(10), rated)[0] == pytest.approx(5.03, abs=0.005)
        stops = np.minimum(straight(10), 27.5)
        assert alone(stops, rated) == (10.0, True, False)

    @pytest.mark.parametrize(
        ("gap", "score"), [((0, 0.4), 10), ((0, 0.6), 8.155), ((0, -0.6), 8.155), ((1.9, 0), 10), ((2.1, 0), 9.456)]
    )
    def test_a_standing_rater_looks_ahead(self, gap, score):
        assert alone(np.full((20, 2), gap), [(np.zeros((20, 2)), 10)], speed=0.0)[0] == pytest.approx(score, abs=5e-4)

    @pytest.mark.parametrize("place", [1, 0])
    def test_placeholders_do_not_count(self, place):
        """Unfiltered, the official module gives -1 to a path on top of one."""
        rated = [(straight(10), 6)]
        rated.insert(place, (straight(10, left=30), -1))
        assert alone(straight(10, left=30), rated) == (4.0, False, True)
        assert alone(straight(10), rated) == (6.0, True, False)


@pytest.mark.parametrize(
    ("speed", "lateral"),
    [
        (0, (0.5, 0.9)),
        (1.4, (0.5, 0.9)),
        (6.2, (0.75, 1.35)),
        (10, (0.9479, 1.7063)),
        (11, (1.0, 1.8)),
        (40, (1.0, 1.8)),
    ],
)
def test_trust_region_grows_with_speed(speed, lateral):
    across, along = trust_region(np.array([speed]))
    np.testing.assert_allclose(across, [lateral], atol=5e-5)
    np.testing.assert_allclose(along, 4 * across, rtol=1e-12)


def test_directions_are_those_of_the_last_move():
    turns = np.zeros((4, 20, 2))
    turns[1, 10:, 1] = 1.5  # steps to the left at the 11th point and stays
    turns[2, :, 0] = -0.5 * np.arange(1, 21)  # goes back
    turns[3, 15:] = [3, 4]  # stands at 3 s, has moved by 5 s
    np.testing.assert_allclose(
        directions(turns), [[[1, 0], [1, 0]], [[0, 1], [0, 1]], [[-1, 0], [-1, 0]], [[1, 0], [0.6, 0.8]]], atol=1e-12
    )


@pytest.mark.parametrize("x", [0.5, 1.0, 1.25, 3.0])
@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("sign", [-1, 1])
def test_decay_by_hand(x, axis, sign):
    """At x half sides on both horizons: flat to the edge, then a tenth for each further one, down to the floor."""
    speed = 4.0
    side = trust_region(np.array([speed]))[1 - axis][0]
    path = straight(4)
    path[[11, 19], axis] += sign * x * side * (1 - 1e-12)
    score, inside, floored = alone(path, [(straight(4), 10)], speed)
    assert score == pytest.approx(max(4, 10 * 0.1 ** max(x - 1, 0)))
    assert inside == (x <= 1)
    assert floored == (x == 3)


@given(seeds, st.permutations(range(3)))
@scenes
def test_the_order_of_raters_does_not_matter(seed, order):
    predicted, rated, speed = random_scene(seed)
    ours = rater_feedback(predicted, Raters.of(*rated), speed)
    turned = rater_feedback(predicted, Raters.of(*(part[:, order] for part in rated)), speed)
    np.testing.assert_array_equal(turned.score, ours.score)
    np.testing.assert_array_equal(turned.inside, ours.inside)


@given(seeds, st.floats(-np.pi, np.pi), st.booleans())
@scenes
def test_turning_or_mirroring_the_scene_does_not_matter(seed, angle, mirror):
    predicted, (xy, *rest), speed = random_scene(seed)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]) * [1, -1 if mirror else 1]
    ours = rater_feedback(predicted, Raters.of(xy, *rest), speed)
    turned = rater_feedback(predicted @ turn, Raters.of(xy @ turn, *rest), speed)
    np.testing.assert_allclose(turned.score, ours.score, atol=1e-9)


@given(seeds)
@scenes
def test_scores_lie_between_the_floor_or_the_raters_lowest_and_their_highest(seed):
    predicted, rated, speed = random_scene(seed)
    raters = Raters.of(*rated)
    feedback = rater_feedback(predicted, raters, speed)
    assert (feedback.score >= np.where(feedback.inside, raters.score.min(axis=1), FLOOR)).all()
    assert (feedback.score <= np.maximum(FLOOR, raters.score.max(axis=1))).all()
    assert (feedback.score >= 0).all()
    assert (feedback.score <= 10).all()
    assert (feedback.score[feedback.floored] == FLOOR).all()
    assert not (feedback.floored & feedback.inside).any()


@given(seeds, st.floats(-np.pi, np.pi), st.floats(4, 10))
@scenes
def test_going_away_from_the_only_rater_never_pays(seed, angle, label):
    """Of one whom the floor does not lift: a label below 4 gets more outside, see above."""
    _, (xy, _, _), speed = random_scene(seed, frames=1)
    raters = Raters.of(xy[:, :1], np.array([[20]]), np.array([[label]]))
    gaps = np.linspace(0, 20, 60)[:, None, None] * [np.cos(angle), np.sin(angle)]
    score = rater_feedback((raters.xy[0, 0] + gaps)[None], raters, speed).score[0]
    assert score[0] == label
    assert (np.diff(score) <= 1e-12).all()
    assert score[-1] == pytest.approx(max(FLOOR, 0.1 * label), abs=0.2)


@given(seeds)
@scenes
def test_more_speed_never_harms_at_the_side_of_one_good_rater(seed):
    predicted, (xy, length, _), speed = random_scene(seed)
    raters = Raters.of(xy[:, :1], length[:, :1], np.full((6, 1), 9.0))
    slow, fast = rater_feedback(predicted, raters, speed), rater_feedback(predicted, raters, speed + 3)
    assert (fast.score >= slow.score).all()
    assert (fast.inside >= slow.inside).all()


@given(seeds)
@scenes
def test_only_3_s_and_5_s_of_the_prediction_count(seed):
    predicted, rated, speed = random_scene(seed)
    other = np.where(np.isin(np.arange(20), [11, 19])[:, None], predicted, 99)
    raters = Raters.of(*rated)
    np.testing.assert_array_equal(
        rater_feedback(other, raters, speed).score, rater_feedback(predicted, raters, speed).score
    )


def test_modes_are_scored_each_for_itself():
    paths, rated, speed = random_scene(7)
    raters = Raters.of(*rated)
    modes = np.stack([paths, raters.xy[:, 0], paths[::-1]], axis=1)
    feedback = rater_feedback(modes, raters, speed)
    for mode in range(3):
        one = rater_feedback(modes[:, mode], raters, speed)
        for part in ("score", "inside", "floored"):
            np.testing.assert_array_equal(getattr(feedback, part)[:, mode], getattr(one, part))
    weighted = expected(feedback.score, np.tile([0.5, 0.25, 0.25], (6, 1)))
    np.testing.assert_allclose(weighted, feedback.score @ [0.5, 0.25, 0.25])


def test_float32_paths_are_scored_in_float64():
    score = rater_feedback(
        straight(10)[None].astype(np.float32), raters_of([(straight(10), 7)]), np.float32([10])
    ).score
    assert score.dtype == np.float64
    assert score.tolist() == [7.0]


def test_no_frames_have_no_scores():
    raters = Raters.of(np.zeros((0, 3, 21, 2)), np.zeros((0, 3), int), np.zeros((0, 3)))
    assert rater_feedback(np.zeros((0, 20, 2)), raters, np.zeros(0)).score.shape == (0,)


def test_what_cannot_be_scored_is_said():
    raters = raters_of([(straight(10), 7)], [(straight(10), 7)])
    paths = np.stack([straight(10)] * 2)
    with pytest.raises(ValueError, match=r"predicted paths must be \(2, 20, 2\).*got \(1, 20, 2\)"):
        rater_feedback(paths[:1], raters, np.zeros(2))
    with pytest.raises(ValueError, match=r"predicted paths must be \(2, 4, 20, 2\)"):
        rater_feedback(np.zeros((2, 4, 12, 2)), raters, np.zeros(2))
    with pytest.raises(ValueError, match=r"1 of 2 predicted paths hold NaN .* row 1"):
        rater_feedback(paths * [[[1.0]], [[np.nan]]], raters, np.zeros(2))
    with pytest.raises(ValueError, match="1 of 2 speeds are negative or NaN"):
        rater_feedback(paths, raters, np.array([0, np.nan]))
    with pytest.raises(ValueError, match="2 frames need 2 speeds"):
        rater_feedback(paths, raters, np.zeros(1))


class TestMeans:
    score = np.array([4.0, 6, 8, 10, 2, 2])
    cluster = np.array(["Cyclist", "Cyclist", "Cyclist", "Cyclist", "Others", "Others"])
    sequence = np.array(["a", "b", "c", "d", "e", "f"])

    def test_each_cluster_weighs_the_same(self):
        assert by_cluster(self.score, self.cluster) == {"Cyclist": 7.0, "Others": 2.0}
        assert mean_over_clusters(self.score, self.cluster, self.sequence).value == pytest.approx(4.5)
        assert mean_over_frames(self.score, self.sequence).value == pytest.approx(32 / 6)

    def test_one_cluster_is_the_mean_over_frames(self):
        alone = np.full(6, "Others")
        assert mean_over_clusters(self.score, alone, self.sequence) == mean_over_frames(self.score, self.sequence)

    def test_intervals_hold_the_value_and_are_paired(self):
        score, cluster, sequence = np.tile(self.score, 10), np.tile(self.cluster, 10), np.arange(60)
        interval = mean_over_clusters(score, cluster, sequence, Bootstrap(500))
        assert 4 < interval.low < interval.value < interval.high < 5
        worse = score - 0.5 - 1e-3 * sequence
        difference = mean_over_clusters(score - worse, cluster, sequence, Bootstrap(500))
        assert 0.5 < difference.low < difference.high < 0.56

    def test_a_cluster_that_a_resample_has_missed_does_not_count_there(self):
        cluster = np.repeat(["Cyclist", "Others"], [20, 2])
        interval = mean_over_clusters(np.where(cluster == "Others", 8.0, 4.0), cluster, np.arange(22))
        assert (interval.low, interval.value, interval.high) == (4, 6, 6)

    def test_a_cluster_of_one_sequence_has_no_interval(self):
        sequence = np.where(self.cluster == "Others", "e", self.sequence)
        interval = mean_over_clusters(self.score, self.cluster, sequence)
        assert interval.value == pytest.approx(4.5)
        assert np.isnan([interval.low, interval.high]).all()

    def test_what_has_no_cluster_is_said(self):
        with pytest.raises(ValueError, match="2 of 6 frames have no scenario cluster; take the mean over frames"):
            by_cluster(self.score, np.where(self.cluster == "Others", "", self.cluster))
        with pytest.raises(ValueError, match="a name for every frame"):
            by_cluster(self.score, self.cluster[:3])
