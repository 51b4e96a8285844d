"""The table of fields and objects."""

from io import StringIO

from rich.console import Console

from metrics.bootstrap import Interval
from reports.fields_table import fields_tables


def printed(rows):
    console = Console(width=80, record=True, file=StringIO())
    for table in fields_tables(rows, {"head"}, extent="9 pictures", how_made="How.", truth="gold text"):
        console.print(table)
    return console.export_text()


def test_who_looks_is_marked_and_a_score_that_one_row_lacks_is_a_dash():
    both = {"sidewalk_balanced_accuracy": Interval(0.5, 0.4, 0.6), "near_placed_f1": Interval(0.25, 0.2, 0.3)}
    shown = printed(
        {
            "head": {**both, "sidewalk_calibration_error": Interval(0.07, 0.05, 0.09)},
            "majority": both,
            "gold text": both,
        }
    )
    lines = [" ".join(line.split()) for line in shown.splitlines()]
    assert "● head 0.25 0.07" in lines
    assert "○ majority 0.25 –" in lines
    assert "– gold text 0.25 –" in lines
    assert "0.05–0.09" in shown
    assert "ECE" not in printed({"majority": both})
