"""Coverage, size and doubt of sets of answers."""

import numpy as np
import pytest

from roadcue.metrics.bootstrap import Bootstrap
from roadcue.metrics.prediction_sets import score_sets

SETS = np.array([[1, 0, 0], [1, 1, 0], [0, 0, 0], [0, 0, 1]], bool)


def test_the_figures_of_four_sets():
    scores = score_sets(SETS, np.array([0, 2, 1, 2]), np.array(list("aabb")), Bootstrap(50, seed=0))
    assert scores["coverage"].value == 0.5
    assert scores["size"].value == 1.0
    assert scores["not_sure"].value == 0.5  # two answers, and none at all
    assert (scores["size"].low, scores["size"].high) == (0.5, 1.5)  # over sequences, not over rows


def test_a_set_of_everything_covers_and_is_never_sure():
    scores = score_sets(np.ones((6, 3), bool), np.arange(6) % 3, np.arange(6), Bootstrap(10, seed=0))
    assert (scores["coverage"].value, scores["size"].value, scores["not_sure"].value) == (1, 3, 1)


def test_lengths_must_fit():
    with pytest.raises(ValueError, match="4 sets, 3 truths"):
        score_sets(SETS, np.arange(3), np.arange(4), Bootstrap(10, seed=0))
