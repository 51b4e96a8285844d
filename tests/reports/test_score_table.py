"""The table of scores: who sees the image, and which method is the gold standard."""

from roadcue.metrics.bootstrap import Interval
from roadcue.metrics.score_table import ScoreTable
from roadcue.reports.score_table import score_table


def test_what_sees_the_image_is_marked_and_the_gold_text_is_neither(lines):
    figures = {"accuracy": Interval(0.5, 0.4, 0.6), "calibration_error": Interval(0.07, 0.05, 0.09)}
    columns = {"accuracy": "accuracy", "calibration_error": "calibration error"}
    methods = dict.fromkeys(["head", "majority", "gold text"], figures)
    scores = ScoreTable("Road", columns, methods, 9, 3, plain=("calibration_error",), gold="gold text")
    shown = lines(score_table(scores, {"head"}))
    assert shown[0] == "Road, 9 samples of 3 sequences"
    assert {"● head 50% 0.07", "○ majority 50% 0.07", "– gold text 50% 0.07"} <= set(shown)
    assert "40–60 0.05–0.09" in shown
