"""What is printed of somebody else's text."""

import io
import os
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.text import Text

from roadcue.command_line import run
from roadcue.errors import BadInput, error_line, exit_code, printable, to_the_end
from roadcue.reports.frame_table import FrameLine, frame_table
from roadcue.sentences import say, show


def test_what_a_terminal_obeys_is_written_out():
    assert printable("a\x1b[31m\rb\x9b\u202e\udcff\x00") == r"a\x1b[31m\rb\x9b\u202e\udcff\x00"
    assert printable("für 😀\ta\nline [red]") == "für 😀\ta\nline [red]"


@given(st.text(st.characters(exclude_categories=())))
def test_any_text_is_printed(text):
    written = io.StringIO()
    Console(file=written).print(Text(printable(text)))
    assert "\x1b" not in written.getvalue()
    written.getvalue().encode()


def test_an_error_is_no_command_for_the_terminal(capsys):
    def fail():
        raise BadInput("\x1b[2Jgone")

    assert exit_code(fail) == 2
    assert capsys.readouterr().err == "error: \\x1b[2Jgone\n"


NASTY = "\x1b[2J[bold red]x[/]\x1b]0;title\x07[link=file:///etc/passwd]y\r"
"""A name that clears the screen, sets the title of the window, and is markup to rich."""


def test_a_long_message_keeps_its_place_and_its_remedy():
    line = error_line(f"/some/file: {'x' * 4000}; delete it")
    assert line.startswith("error: /some/file: xxx")
    assert line.endswith("xxx; delete it")
    assert " [...] " in line
    assert len(line) < 2100
    assert error_line("short") == "error: short"


def test_names_are_said_and_shown_as_they_are_written(capsys):
    say(NASTY)
    show(NASTY, NASTY)
    show(NASTY, error=True)
    said = capsys.readouterr()
    assert "\x1b" not in said.out + said.err
    assert "\x07" not in said.out + said.err
    assert said.out.count("[bold red]x[/]") == 3
    assert said.err.count("\\x1b[2J[bold red]x[/]\\x1b]0;title\\x07[link=file:///etc/passwd]y\\r") == 1


def test_a_table_has_no_markup_of_others():
    table = frame_table("worst", [NASTY], [FrameLine(NASTY, NASTY, NASTY, (NASTY,), NASTY, None)])
    written = io.StringIO()
    Console(file=written, force_terminal=True, color_system=None, width=400).print(table)
    assert "\x1b[2J" not in written.getvalue()
    assert "\x07" not in written.getvalue()
    assert written.getvalue().count("[bold red]x[/]") >= 4


@pytest.mark.parametrize("printed", ["one line\n", "line\n" * 100_000])
def test_work_whose_output_nobody_reads_on_is_done_to_the_end(printed, tmp_path, monkeypatch, capfd):
    """`eval.py ... | head -1` writes its files."""
    read, write = os.pipe()
    os.close(read)

    def work():
        with to_the_end():
            for _ in range(3):
                print(printed, flush=True)
                Console().print("a table")
            (tmp_path / "metrics.json").touch()

    with open(write, "w") as pipe, monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", pipe)
        assert run(work) == 141
        assert sys.stdout is pipe
    assert (tmp_path / "metrics.json").exists()
    assert capfd.readouterr().err == ""


def test_work_whose_output_is_read_ends_as_it_does(capsys, monkeypatch):
    def work():
        with to_the_end():
            print("all of it")

    assert run(work) == 0
    assert capsys.readouterr().out == "all of it\n"
    monkeypatch.setattr(sys, "stdout", None)
    assert run(work) == 0
