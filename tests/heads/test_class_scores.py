"""Answers are scored as they were given, also where another class is more probable."""

import numpy as np
import pytest

from roadcue.heads.class_scores import class_figures, selective_tables
from roadcue.metrics.bootstrap import Bootstrap

WORDS = np.array(["left", "center", "right"])
ROWS = 12
ANSWER, TRUTH = np.ones(ROWS, int), np.ones(ROWS, int)
PROBABILITIES = np.tile([0.5, 0.3, 0.2], (ROWS, 1))
"""A head that weighs its classes answers `center` here."""
SEQUENCE = np.repeat(["a", "b", "c"], 4)
FEW = Bootstrap(resamples=20)


def test_the_calibration_error_is_of_the_answer():
    figures = class_figures(WORDS, ANSWER, PROBABILITIES, TRUTH, SEQUENCE, FEW)
    assert figures["accuracy"].value == 1
    assert figures["calibration_error"].value == pytest.approx(0.7)


def test_accuracy_and_risk_by_share_answered_are_of_the_answer():
    methods = {"field": (ANSWER, PROBABILITIES, np.zeros(ROWS)), "blind": (ANSWER, PROBABILITIES, None)}
    (table,) = selective_tables("Road position", methods, TRUTH, SEQUENCE, FEW)
    assert list(table.methods) == ["field"]
    assert table.methods["field"]["accuracy"].value == 1
    assert table.methods["field"]["augrc"].value == 0
