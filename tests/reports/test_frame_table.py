"""Single frames as a table on the terminal."""

import io

from rich.console import Console

from roadcue.reports.frame_table import FrameLine, frame_table


def shown(lines: list[FrameLine]) -> str:
    text = io.StringIO()
    Console(file=text, width=120).print(frame_table("The worst", ["cue"], lines))
    return text.getvalue()


def test_no_more_than_a_hundred_lines_are_laid_out_and_it_says_how_many_there_are():
    lines = [FrameLine(f"id-{i:04d}", "a", "go", ("no (90%)",), "yes", i > 150) for i in range(9999)]
    text = shown(lines)
    assert ("id-0099" in text, "id-0100" in text) == (True, False)
    assert "The first 100 of 9,999." in text
    assert "Unlike" not in text
    assert "The first" not in shown(lines[:100])
    assert "Unlike" in shown(lines[-1:])
