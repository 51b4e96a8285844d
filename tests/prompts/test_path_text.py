"""Paths as texts: what is composed is read again and is of the grammar, and any other text is no path."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from language import language

from roadcue.prompts.path_text import PATH_EBNF, compose, parse

FUTURES = arrays(np.float32, (20, 2), elements=st.floats(-900, 900, width=32))


@settings(deadline=None)
@given(FUTURES)
def test_a_composed_path_is_read_to_half_a_decimetre_and_is_of_the_grammar(future):
    text = compose(future)
    assert language(PATH_EBNF).holds(text)
    np.testing.assert_allclose(parse(text), future[[3, 7, 11, 15, 19]], atol=0.05 + 1e-6)


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 2**32))
def test_every_text_of_the_grammar_is_a_path(seed):
    assert parse(language(PATH_EBNF).drawn(seed)).shape == (5, 2)


def test_the_points_are_those_at_whole_seconds():
    seconds = 0.25 * np.arange(1, 21)
    assert compose(np.stack([2 * seconds, -0.01 * seconds], axis=1)) == (
        "[[2.0, 0.0], [4.0, 0.0], [6.0, 0.0], [8.0, 0.0], [10.0, 0.0]]"
    )


@given(st.text(max_size=40) | st.recursive(st.floats() | st.none() | st.text(max_size=3), st.lists).map(json.dumps))
def test_any_other_text_is_no_path(text):
    points = parse(text)
    assert points is None or (points.shape == (5, 2) and np.isfinite(points).all())


FIVE = [[1.0, 0.0]] * 5


@pytest.mark.parametrize(
    "text",
    [
        "",
        json.dumps(FIVE)[:-1],
        f"Here: {json.dumps(FIVE)}",
        json.dumps(FIVE[:4]),
        json.dumps([*FIVE, [1.0, 0.0]]),
        json.dumps([[1.0, 0.0, 0.0]] * 5),
        json.dumps([[1.0, float("nan")]] * 5),
        json.dumps([["a", 1.0]] * 5),
        json.dumps([["2.0", "0.0"]] * 5),
        json.dumps([[True, False]] * 5),
        json.dumps([[1e200, 0.0]] * 5),
        json.dumps({"path": FIVE}),
        "[" * 100_000,
        f"[[1{'0' * 400}, 0]]",
    ],
)
def test_what_is_not_five_points_is_no_path(text):
    assert parse(text) is None


def test_a_path_with_gaps_has_no_text():
    with pytest.raises(ValueError, match="20 known points"):
        compose(np.full((20, 2), np.nan))
    with pytest.raises(ValueError, match="20 known points"):
        compose(np.zeros((5, 2)))
