import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from roadcue.reports.labels import apart

BOX = np.array([20.0, 10.0])


@given(st.lists(st.tuples(st.floats(0, 100), st.floats(0, 100)), max_size=10))
def test_no_two_labels_overlap_and_none_moves_sideways(places: list[tuple[float, float]]):
    moved = apart([np.array(place) for place in places], BOX)
    assert [place[0] for place in moved] == [place[0] for place in places]
    assert all(after[1] >= before[1] for after, before in zip(moved, places, strict=True))
    for i, one in enumerate(moved):
        assert not any((np.abs(one - other) < BOX * (1 - 1e-9)).all() for other in moved[:i])


def test_what_is_free_stays():
    places = [np.array(place) for place in ((0.0, 0.0), (25.0, 0.0), (0.0, 10.0))]
    np.testing.assert_array_equal(apart(places, BOX), places)
