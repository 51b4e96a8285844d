"""Other weather and light over a picture: the same again for the same generator, and nothing moves."""

import numpy as np
import pytest
from drawn_road import drawn_road

from roadcue.training.weather import CHANGES, drawn_weather


def picture() -> np.ndarray:
    return drawn_road(car_x=0.25)


def other_weather(share, rng) -> np.ndarray:
    change = drawn_weather(share, rng)
    return picture() if change is None else change(picture())


def rng(*seed):
    return np.random.default_rng(seed or 0)


def test_the_same_generator_makes_the_same_weather_and_others_make_others():
    changed = [other_weather(1.0, rng(1, 2, row)) for row in range(12)]
    assert np.array_equal(changed[3], other_weather(1.0, rng(1, 2, 3)))
    assert len({each.tobytes() for each in changed}) == 12


def test_of_a_share_of_the_pictures_the_rest_stays():
    same = [np.array_equal(other_weather(0.3, rng(row)), picture()) for row in range(200)]
    assert 0.6 < np.mean(same) < 0.8
    assert np.array_equal(other_weather(0.0, rng()), picture())


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_every_change_is_a_picture_in_which_edges_stay_where_they_were(change):
    values = picture().astype(np.float32) / 255
    for seed in range(5):
        after = change(values.copy(), rng(seed))
        assert after.shape == values.shape
        assert after.dtype == np.float32
        assert np.isfinite(after).all()
        assert np.abs(after.clip(0, 1) - values).mean() > 0.005, "something is seen of it"
        grey, other = (each.mean(axis=2) for each in (values, after.clip(0, 1)))
        edges, others = (np.abs(np.diff(each, axis=1))[:, 1:-1].ravel() for each in (grey, other))
        shifted = np.roll(np.abs(np.diff(other, axis=1)), 8, axis=1)[:, 1:-1].ravel()
        here, there = (np.corrcoef(edges, each)[0, 1] for each in (others, shifted))
        assert here > there + 0.1, "edges of before and after lie on each other"
