"""The tables of answers: who looks, what is the truth, and what was claimed of each kind."""

from io import StringIO

import pytest
from rich.console import Console

from roadcue.metrics.bootstrap import Interval
from roadcue.metrics.objects import Counts
from roadcue.metrics.score_table import ScoreTable
from roadcue.reports.answers_table import answers_table
from roadcue.reports.kinds_table import kinds_table


@pytest.fixture
def lines():
    def lines(table):
        console = Console(width=80, record=True, file=StringIO())
        console.print(table)
        return [" ".join(line.split()) for line in console.export_text().splitlines()]

    return lines


def test_who_looks_is_marked_and_the_truth_is_nobody(lines):
    figures = {"accuracy": Interval(0.5, 0.4, 0.6), "calibration_error": Interval(0.07, 0.05, 0.09)}
    columns = {"accuracy": "accuracy", "calibration_error": "calibration error"}
    methods = dict.fromkeys(["head", "majority", "gold text"], figures)
    scores = ScoreTable("Road", columns, methods, 9, 3, plain=("calibration_error",), truth="gold text")
    shown = lines(answers_table(scores, {"head"}))
    assert shown[0] == "Road, 9 samples of 3 sequences"
    assert {"● head 50% 0.07", "○ majority 50% 0.07", "– gold text 50% 0.07"} <= set(shown)
    assert "40–60 0.05–0.09" in shown


def test_a_kind_has_its_counts_by_presence_and_by_place(lines):
    f1 = {"car": Interval(0.5, float("nan"), float("nan"))}
    shown = lines(kinds_table("Near", {"car": Counts(1, 2, 3)}, {"car": Counts(0, 4, 5)}, f1))
    assert "– car 1/2/3 0/4/5 0.50" in shown
    assert any(line.startswith("object ") for line in shown)
