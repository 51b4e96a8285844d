"""Which answer is given in the place of which."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from roadcue.metrics.bootstrap import Bootstrap
from roadcue.metrics.confusion import confusion

WAYS = ("deviate left", "keep straight", "deviate right")
FEW = Bootstrap(resamples=20)


def counted(pairs, classes=WAYS):
    answer, truth = (np.array(column) for column in zip(*pairs, strict=True))
    return confusion(answer, truth, classes, np.arange(len(pairs)), FEW)


def test_a_row_is_what_is_true_and_a_column_what_was_answered():
    left, straight, right = WAYS
    matrix = counted([(left, right), (left, left), (straight, right), (right, right), (right, "")])
    assert matrix.counts == ((1, 0, 0), (0, 0, 0), (1, 1, 1))
    assert (matrix.samples, matrix.sequences) == (4, 4)
    assert matrix.opposite.value == 0.25, "left where right is true, and not straight"


def test_only_the_other_side_is_the_opposite_way():
    sides = ("Not present", "Left", "Front", "Right")
    pairs = [("Right", "Left"), ("Left", "Right"), ("Front", "Left"), ("Not present", "Right")]
    assert counted(pairs, sides).opposite.value == 0.5
    assert counted([("stop", "slow down")], ("slow down", "stop")).opposite is None


@given(st.lists(st.tuples(st.sampled_from(WAYS), st.sampled_from([*WAYS, ""])), min_size=1, max_size=40))
def test_every_labelled_row_is_counted_once(pairs):
    labelled = [pair for pair in pairs if pair[1]]
    matrix = counted(pairs)
    if not labelled:
        assert matrix is None
        return
    assert np.sum(matrix.counts) == matrix.samples == len(labelled)
    assert np.trace(matrix.counts) == sum(said == true for said, true in labelled)


def test_a_word_that_is_no_class_is_refused():
    with pytest.raises(ValueError, match="go back: not among the classes"):
        counted([("go back", "deviate left")])
