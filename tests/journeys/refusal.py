"""What every refused command must do: exit code 2, one sentence, no traceback."""

import re

from main_job import exit_code

from roadcue import train

QUICK = ("--epochs", 1, "--grid", 2, "--waypoint.hidden", 16, "--workers", 0)
"""Options of train.py that make a run short."""


def quick(*words):
    """The words of a short run: `words`, and of `QUICK` what they do not set."""
    left = zip(QUICK[::2], QUICK[1::2], strict=True)
    return (*(word for option in left if option[0] not in words for word in option), *words)


def refused(capsys, main, *words):
    """The one `error:` line of a command that must refuse."""
    capsys.readouterr()
    assert exit_code(main, *words) == 2
    error = capsys.readouterr().err
    assert "Traceback" not in error
    sentences = re.findall(r"^error: (.*)$", error, re.MULTILINE)
    assert len(sentences) == 1, error
    return sentences[0]


def trained(capsys, *words):
    """Everything that a command said that must succeed."""
    capsys.readouterr()
    assert exit_code(train.main, *quick(*words)) == 0
    captured = capsys.readouterr()
    return captured.out + captured.err
