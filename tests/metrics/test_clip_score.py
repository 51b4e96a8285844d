"""CLIPScore and its kin out of cosines, by hand."""

import math

import numpy as np
import pytest

from roadcue.metrics.bootstrap import Bootstrap
from roadcue.metrics.captions.clip_score import (
    PREFIX,
    ClipCosines,
    clip_score,
    hundred_cos,
    ref_clip_score,
    score_similarities,
)

FEW = Bootstrap(50)


def test_clip_score_is_two_and_a_half_times_a_cosine_that_is_not_negative():
    np.testing.assert_allclose(clip_score(np.array([0.3, 0, -0.2])), [0.75, 0, 0])
    assert PREFIX == "A photo depicts "


def test_ref_clip_score_is_a_harmonic_mean_without_the_factor_for_texts():
    score = ref_clip_score(np.array([0.3, 0.3, -0.1, -0.1]), np.array([0.9, -0.5, 0.9, -0.5]))
    np.testing.assert_allclose(score, [2 * 0.75 * 0.9 / (0.75 + 0.9), 0, 0, 0])


def test_hundred_cos_is_of_the_mean_and_never_negative():
    np.testing.assert_allclose(hundred_cos(np.array([[0.3], [-0.2]])), [30, 0])


def cosines(picture, reference=None, squashed=None):
    picture = np.array(picture)
    return ClipCosines(picture, *(picture if each is None else np.array(each) for each in (reference, squashed)))


def test_figures_have_intervals_over_sequences():
    said = cosines([0.3, 0.2, -0.1, 0.4], [0.9] * 4, [0.4, 0.2, 0.1, -0.1])
    figures = score_similarities(said, np.array([*"aabb"]), FEW)
    assert figures["clip_score"].value == pytest.approx(2.5 * (0.3 + 0.2 + 0 + 0.4) / 4)  # cut before the mean
    assert figures["hundred_cos"].value == pytest.approx(15)  # cut after it
    assert figures["hundred_cos"].low == pytest.approx(0)
    assert figures["hundred_cos"].high == pytest.approx(30)
    assert all(each.low <= each.value <= each.high for each in figures.values())
    assert all(math.isnan(each.low) for each in score_similarities(said, np.zeros(4), FEW).values())
    with pytest.raises(ValueError, match="n > 0"):
        score_similarities(cosines([]), np.array([]), FEW)
