"""Sentences break between words on a terminal, and nowhere in a file."""

import sys

import pytest

from roadcue.sentences import counted, say

LONG = "one two three four five, train.py --a-long-option of-a-word-that-is-longer-than-the-terminal end"


def test_a_file_has_a_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    say(LONG, "", "short")
    assert capsys.readouterr().out == f"{LONG}\nshort\n"


def test_a_terminal_has_whole_words(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("COLUMNS", "24")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    say(LONG)
    lines = capsys.readouterr().out.splitlines()
    assert [word for line in lines for word in line.split()] == LONG.split()
    assert all(len(line) <= 24 or len(line.split()) == 1 for line in lines)
    assert all(line.startswith("  ") for line in lines[1:])


def test_one_has_no_s() -> None:
    assert [counted(number, "row") for number in (0, 1, 1680)] == ["0 rows", "1 row", "1,680 rows"]
