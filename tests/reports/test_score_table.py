"""The table of scores: who sees the image, and which method is the gold standard."""

import io

from rich.console import Console

from roadcue.metrics.bootstrap import Interval
from roadcue.metrics.score_table import ScoreTable
from roadcue.reports.score_table import score_table
from roadcue.reports.table import TERMINAL


def test_what_sees_the_image_is_marked_and_the_gold_text_is_neither(lines):
    figures = {"accuracy": Interval(0.5, 0.4, 0.6), "calibration_error": Interval(0.07, 0.05, 0.09)}
    columns = {"accuracy": "accuracy", "calibration_error": "calibration error"}
    methods = dict.fromkeys(["head", "majority", "gold text"], figures)
    scores = ScoreTable("Road", columns, methods, 9, 3, plain=("calibration_error",), gold="gold text")
    shown = lines(score_table(scores, {"head"}))
    assert shown[0] == "Road, 9 samples of 3 sequences"
    assert {"● head 50% 0.07", "○ majority 50% 0.07", "– gold text 50% 0.07"} <= set(shown)
    assert "40–60 0.05–0.09" in shown


def test_in_a_terminal_of_80_columns_no_name_loses_a_letter():
    """The widest table that there is, of the cue head."""
    names = ("accuracy", "balanced accuracy", "calibration error", "opposite way", "coverage", "answers in the set")
    columns = {name: name for name in (*names, "not sure")}
    share = Interval(0.94, 0.92, 0.96)
    methods = ("cue", "cue, answered", "cue without features", "majority cue")
    figures = {method: dict.fromkeys(columns, share) for method in methods}
    console = Console(width=TERMINAL, record=True, file=io.StringIO())
    console.print(score_table(ScoreTable("Cue", columns, figures, 1600, 400, "", ()), {"cue"}))
    said = console.export_text()
    assert "…" not in said
    assert {"answered", "without", "features", "majority", "calibration"} <= set(said.split())
    assert max(map(len, said.splitlines())) <= TERMINAL
