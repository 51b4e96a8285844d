"""Which group a frame is in."""

import numpy as np
import pytest

from roadcue.metrics.groups import SPEEDS, by_intent, by_speed, clusters_of


def test_intents_have_the_names_of_the_proto():
    assert by_intent(np.array([3, 0, 1, 2])).tolist() == ["right", "unknown", "straight", "left"]


def test_an_intent_out_of_range_is_an_error():
    with pytest.raises(ValueError, match=r"0 \.\.\. 3 .*-1"):
        by_intent(np.array([1, -1]))


def test_a_bound_belongs_to_the_faster_group():
    speed = np.array([0, 0.49, 0.5, 4.99, 5, 10.99, 11, 40])
    assert by_speed(speed).tolist() == [group for group in SPEEDS for _ in range(2)]


@pytest.mark.parametrize("bad", [np.nan, -0.1])
def test_an_impossible_speed_is_an_error(bad):
    with pytest.raises(ValueError, match="1 of 2 speeds"):
        by_speed(np.array([1.0, bad]))


def test_clusters_are_those_that_frames_have_in_alphabetical_order():
    assert clusters_of(np.array(["Others", "", "Cut_ins", "Others"])) == ("Cut_ins", "Others")
    assert clusters_of(np.array(["", ""])) == ()
