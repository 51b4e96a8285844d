"""Command lines of plain options by argparse, whose errors are one sentence as those of every other command."""

import argparse
import re
import sys
from pathlib import Path
from typing import Any, NoReturn

from roadcue.errors import BadInput, error_line
from roadcue.files import user_path
from roadcue.registry import nearest

_EXPECTED = {"int": "a whole number", "float": "a number"}


class SentenceParser(argparse.ArgumentParser):
    """An `ArgumentParser` without abbreviations, and without its usage block at an error."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"allow_abbrev": False, **options})
        self.register("type", Path, _path)

    def error(self, message: str) -> NoReturn:
        """Say what was wrong and where all options are listed; exit with code 2."""
        print(error_line(f"{self._explained(message)}\nAll options: {self.prog} --help"), file=sys.stderr)
        sys.exit(2)

    def _explained(self, message: str) -> str:
        """argparse's message with the option, its value, and what it may be."""
        if invalid := re.fullmatch(r"argument (\S+): invalid (\w+) value: '(.*)'", message, re.DOTALL):
            option, kind, value = invalid.groups()
            return f"{option} {value}: expected {_EXPECTED.get(kind, kind)}"
        if unknown := re.fullmatch(r"unrecognized arguments: (.*)", message, re.DOTALL):
            word, *_ = unknown[1].split()
            if not word.startswith("-"):
                return f"{unknown[1]}: belongs to no option"
            word = word.partition("=")[0]
            return f"there is no option {word}{nearest(word, self._option_string_actions)}"
        if wrong := re.fullmatch(r"argument (\S+): (.*)", message, re.DOTALL):
            option, why = wrong.groups()
            if why == "expected one argument":
                return f"{option} needs a value"
            # a sentence of our own begins with the value
            return f"{option}: {why}" if why.startswith("invalid ") else f"{option} {why}"
        if missing := re.fullmatch(r"the following arguments are required: (.*)", message):
            return f"{missing[1]} must be given"
        return message


def _path(word: str) -> Path:
    """What `type=Path` makes of a word: `~` is the home folder, as in every path that a user types."""
    try:
        return user_path(word)
    except BadInput as error:
        raise argparse.ArgumentTypeError(str(error)) from error
