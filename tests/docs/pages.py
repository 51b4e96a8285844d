"""README.md, CONTRIBUTING.md and docs/ as a newcomer reads them: pages, their code blocks, their commands."""

import contextlib
import io
import os
import re
import runpy
import shlex
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
PROGRAMS = ("train.py", "eval.py", "predict.py", "roadcue.training.extraction", "roadcue.roadworld")
"""Those whose options are named in running text."""


def pages() -> list[Path]:
    """In the order in which the README links to them."""
    linked = [ROOT / link for link in re.findall(r"\]\(((?:docs/)?\w+\.md)\)", README.read_text())]
    return list(dict.fromkeys([README, *linked]))


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE)


def prose(page: Path) -> str:
    """A page without its code blocks."""
    return re.sub(r"^```.*?^```", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)


def spans(page: Path) -> list[str]:
    """What stands between backticks in running text."""
    return [re.sub(r"\s+", " ", span) for span in re.findall(r"`([^`]+)`", prose(page))]


def commands(page: Path) -> list[str]:
    lines = [re.sub(r"\s+#.*", "", line) for block in blocks(page, "bash") for line in block.splitlines()]
    return [line.strip() for line in lines if line.strip()]


def all_commands() -> list[str]:
    """Each once, in reading order."""
    return list(dict.fromkeys(command for page in pages() for command in commands(page)))


def made_by(target: str) -> str:
    """What `make <target>` would run."""
    done = subprocess.run(["make", "-n", target], cwd=ROOT, env=outside_make(), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def outside_make() -> dict[str, str]:
    """The environment without what a `make test` around this test has put there."""
    return {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}


@cache
def options_of(program: str, *subcommand: str) -> frozenset[str]:
    """All that the help of a program names: a file of the repository, or a module, or what one of its words does."""
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(io.StringIO()) as output:
        patch.setattr(sys, "argv", [program, *subcommand, "--help"])
        with contextlib.suppress(SystemExit):
            if program.endswith(".py"):
                patch.syspath_prepend(str((ROOT / program).parent))  # as Python itself does
                runpy.run_path(str(ROOT / program), run_name="__main__")
            else:
                runpy.run_module(program, run_name="__main__")
    return frozenset(re.findall(r"--[\w.]+", output.getvalue()))


def unknown_options(words: list[str]) -> set[str]:
    """Of `python PROGRAM ...`: the options that the program's help does not name."""
    program, *rest = words[2:] if words[1] == "-m" else words[1:]
    subcommand = [word for word in rest[:1] if words[1] == "-m" and word.isalpha()]
    return {word.partition("=")[0] for word in rest if word.startswith("--")} - options_of(program, *subcommand)


def words_of(command: str) -> list[str]:
    """The words of a command behind what it sets in the environment."""
    words = shlex.split(command)
    while "=" in words[0]:
        words = words[1:]
    return words
