"""Progress in a log file: a line at every tenth, with what is done, the rate and what is left."""

import re
from itertools import count

import pytest

from roadcue.progress import ProgressLine


def test_a_log_gets_a_line_at_every_tenth(capsys):
    with ProgressLine("drawing", 1000, "pictures") as advance:
        for _ in range(1000):
            advance()
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(",")[0] for line in lines] == [f"drawing: {n}/1000" for n in range(100, 1001, 100)]
    assert all(re.search(r", \d+\.\d pictures/s, ETA \d+ s$", line) for line in lines)


def test_what_was_done_before_counts_as_done_but_not_in_the_rate(capsys, monkeypatch):
    monkeypatch.setattr("rich.console.monotonic", count(0, 100).__next__)
    with ProgressLine("drawing", 1000, "pictures", done=900) as advance:
        advance(50)
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("drawing: 950/1000")
    rate = float(re.search(r"([\d.]+) pictures/min", line)[1])
    assert rate < 60, "50 in 100 s or more; with those before it would be 9.5 a second"


def test_slow_work_says_a_line_once_a_minute_and_its_rate_by_the_minute(capsys, monkeypatch):
    monkeypatch.setattr("rich.console.monotonic", count(0, 7).__next__)
    monkeypatch.setattr("roadcue.progress.monotonic", count(0, 25).__next__)
    with ProgressLine("drawing pairs", 150, "pairs") as advance:
        for _ in range(6):
            advance()
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(",")[0] for line in lines] == ["drawing pairs: 3/150", "drawing pairs: 6/150"]
    assert all(re.search(r", \d+\.\d pairs/min, ETA \d+ s$", line) and " 0.0 " not in line for line in lines)


def test_no_figure_is_cut_in_a_terminal_of_80_columns(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("FORCE_COLOR", "1")
    with ProgressLine("drawing the sidewalk view, once", 9600, "pictures", done=9000) as advance:
        advance(600)
    *_, line = re.sub(r"\x1b\[[\d;?]*[a-zA-Z]", "", capsys.readouterr().err).strip().splitlines()
    assert re.search(r"once .* 9600/9600 [\d.]+ pictures/s ETA \d:\d\d:\d\d$", line), line


@pytest.mark.parametrize(
    ("columns", "figures"),
    [(79, r"9600/9600 [\d.]+ pictures/s$"), (40, r"9600/9600 [\d.]+ pictures/s$"), (20, "9600/9600$")],
)
def test_line_19b_in_a_narrow_terminal_the_title_loses_its_end_and_no_figure_does(
    columns, figures, capsys, monkeypatch
):
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("FORCE_COLOR", "1")
    with ProgressLine("drawing the sidewalk view, once", 9600, "pictures", done=9000) as advance:
        advance(600)
    *_, line = re.sub(r"\x1b\[[\d;?]*[a-zA-Z]", "", capsys.readouterr().err).strip().splitlines()
    line = line.split("\r")[-1]
    assert re.search(f"^drawing.* {figures}", line), line
    assert len(line) <= columns


def test_nothing_to_do_says_nothing(capsys):
    with ProgressLine("drawing", 0, "pictures"):
        pass
    assert capsys.readouterr().out == ""
