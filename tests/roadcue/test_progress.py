"""Progress in a log file: a line at every tenth, with what is done, the rate and what is left."""

import re
from itertools import count

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
    rate = float(re.search(r"([\d.]+) pictures/s", line)[1])
    assert rate < 1, "50 in 100 s or more; with those before it would be 9.5"


def test_nothing_to_do_says_nothing(capsys):
    with ProgressLine("drawing", 0, "pictures"):
        pass
    assert capsys.readouterr().out == ""
