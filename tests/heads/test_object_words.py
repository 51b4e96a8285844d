"""Objects as words and read again."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from roadcue.heads.field.object_words import from_words, in_words
from roadcue.prompts.annotation import OBJECT_KINDS, SIDES

ROWS = st.lists(st.lists(st.booleans(), min_size=36, max_size=36), min_size=1, max_size=4)


@given(ROWS)
def test_what_is_written_is_read(rows):
    bits = np.array(rows).reshape(-1, 9, 4)
    present = bits[..., 0]
    sides = bits[..., 1:] & present[..., None]
    words = in_words(present, sides)
    read = from_words(words.tolist())
    np.testing.assert_array_equal(read[0], present)
    np.testing.assert_array_equal(read[1], sides)
    some = from_words(words.tolist(), ("car", "trees"))
    places = [OBJECT_KINDS.index(kind) for kind in ("car", "trees")]
    np.testing.assert_array_equal(some[0], present[:, places])
    np.testing.assert_array_equal(some[1], sides[:, places])


def test_the_words_are_those_of_the_frames():
    present, sides = np.zeros((2, 9), bool), np.zeros((2, 9, len(SIDES)), bool)
    present[0, [1, 2]] = sides[0, 1, :2] = True
    assert in_words(present, sides).tolist() == ["car Left-Center, person", "not present"]
