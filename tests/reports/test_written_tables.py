"""Tables as CSV and LaTeX."""

import csv
import io
import math

import pytest

from roadcue.errors import BadInput
from roadcue.metrics.bootstrap import Interval
from roadcue.metrics.score_table import ScoreTable
from roadcue.reports.displacement_table import displacement_scores
from roadcue.reports.written_tables import as_csv, as_latex, save_tables

NAN = math.nan
TABLE = ScoreTable(
    "Cue & pace",
    {"right": "right", "size": "answers in_set", "gap": "Δ right (points)"},
    {
        "first": {"right": Interval(0.5, 0.4, 0.6), "size": Interval(1.25, NAN, NAN)},
        "second": {"right": Interval(0.75, 0.7, 0.8), "size": Interval(2, 1, 3), "gap": Interval(-3.0, -4.0, -2.0)},
    },
    40,
    8,
    "Shares in %.",
    plain=("size",),
    signed=("gap",),
    training_seeds={"first": 5, "second": 1},
)


def test_every_figure_is_a_line_of_numbers():
    lines = list(csv.DictReader(io.StringIO(as_csv([TABLE]))))
    assert [(line["method"], line["figure"], line["value"]) for line in lines] == [
        ("first", "right", "0.5"),
        ("first", "answers in_set", "1.25"),
        ("second", "right", "0.75"),
        ("second", "answers in_set", "2"),
        ("second", "Δ right (points)", "-3.0"),
    ]
    assert (lines[1]["low"], lines[1]["high"]) == ("", "")
    assert (lines[0]["table"], lines[0]["samples"], lines[0]["sequences"]) == ("Cue & pace", "40", "8")
    assert [line["training_seeds"] for line in lines] == ["5", "5", "1", "1", "1"]


def test_latex_escapes_and_marks():
    latex = as_latex([TABLE], {"second"})
    assert r"Cue \& pace, 40 samples of 8 sequences" in latex
    assert r"Shares in \%." in latex
    assert r"method & right & answers in\_set & $\Delta$ right (points) \\" in latex
    assert r"$\circ$ first & 50\% {\scriptsize (40--60)} & 1.25 {\scriptsize (--)} & reference \\" in latex
    assert r"$\bullet$ second" in latex
    assert r"$-$3.00$^*$ {\scriptsize ($-$4.00 \ldots{} $-$2.00)} \\" in latex
    assert latex.isascii()
    assert r"Means of 5 training seeds, but for 'second'. One training seed: whether" in latex


def test_the_caption_names_the_intervals_once(comparison):
    """They were named by the caption and by what a table says of itself."""
    first, *_ = as_latex(displacement_scores(comparison), {"waypoint"}).split(r"\end{table}")
    assert first.count(r"\% intervals") == first.count("over sequences") == 1
    assert "Differences in ADE 5 s to" in first


def test_only_what_was_asked_for_is_written(tmp_path, capsys):
    save_tables([TABLE], set(), csv=str(tmp_path / "new/a.csv"), latex=None)
    assert [file.name for file in tmp_path.rglob("*.*")] == ["a.csv"]
    assert capsys.readouterr().out == f"{tmp_path / 'new/a.csv'}\n"
    with pytest.raises(BadInput, match="is not a file"):
        save_tables([TABLE], set(), csv=None, latex=str(tmp_path))
