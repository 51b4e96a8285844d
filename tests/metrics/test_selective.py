import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from roadcue.metrics.bootstrap import Bootstrap
from roadcue.metrics.selective import augrc, risk_coverage

FEW = Bootstrap(resamples=20)


def area(doubt, right):
    return augrc(np.array(doubt, float), np.array(right, bool), np.arange(len(doubt)), FEW).value


rows = st.lists(st.tuples(st.integers(0, 4), st.booleans()), min_size=1, max_size=30)


@given(rows)
def test_augrc_is_what_its_paper_makes_of_auroc_and_accuracy(pairs):
    """arXiv 2407.01032, equation 7: (1 - AUROC) acc (1 - acc) + (1 - acc)^2 / 2."""
    doubt, right = (np.array(column) for column in zip(*pairs, strict=True))
    wrong_doubt, right_doubt = doubt[~right], doubt[right]
    accuracy = right.mean()
    expected = (1 - accuracy) ** 2 / 2
    if len(wrong_doubt) and len(right_doubt):
        above = (wrong_doubt[:, None] > right_doubt).mean() + (wrong_doubt[:, None] == right_doubt).mean() / 2
        expected += (1 - above) * accuracy * (1 - accuracy)
    assert area(doubt, right) == pytest.approx(expected)


def test_the_best_the_worst_and_no_order():
    right = [True] * 6 + [False] * 4
    assert area(range(10), right) == pytest.approx(0.4**2 / 2)
    assert area(range(10, 0, -1), right) == pytest.approx(0.4 * 0.6 + 0.4**2 / 2)
    assert area([1] * 10, right) == pytest.approx(0.2)


@given(rows)
def test_the_curve_ends_at_the_accuracy_of_all_and_answers_those_of_one_doubt_together(pairs):
    doubt, right = (np.array(column) for column in zip(*pairs, strict=True))
    curve = risk_coverage(doubt, right)
    assert curve.coverage[-1] == 1
    assert curve.accuracy[-1] == pytest.approx(right.mean())
    assert curve.coverage == sorted(set(curve.coverage))
    for coverage, accuracy in zip(curve.coverage, curve.accuracy, strict=True):
        answered = doubt <= np.sort(doubt)[round(coverage * len(doubt)) - 1]
        assert answered.mean() == pytest.approx(coverage)
        assert right[answered].mean() == pytest.approx(accuracy)


def test_infinite_doubts_are_answered_last_and_together():
    curve = risk_coverage(np.array([0.1, np.inf, np.inf]), np.array([True, False, True]))
    assert curve.coverage == pytest.approx([1 / 3, 1])
    assert curve.accuracy == pytest.approx([1, 2 / 3])


@pytest.mark.parametrize(("doubt", "right"), [([], []), ([1.0], [True, False]), ([np.nan], [True])])
def test_what_does_not_fit_is_said(doubt, right):
    with pytest.raises(ValueError, match="doubt"):
        risk_coverage(np.array(doubt, float), np.array(right, bool))
    with pytest.raises(ValueError, match="doubt"):
        augrc(np.array(doubt, float), np.array(right, bool), np.arange(len(doubt)), FEW)
