"""What the commands that draw have in common: options, and errors as sentences."""

import argparse
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

from roadcue.errors import exit_code
from roadcue.sentence_parser import SentenceParser
from roadcue.sentences import say, show

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Spec = TypeVar("Spec")
_NO_OPTIONS = ("width", "height", "jpeg_quality")
"""Fields of both specs that the commands leave as they are."""


class _Check(Protocol):
    def __call__(self, folder: Path, *, hashes: bool) -> "DataclassInstance": ...


def drawing_parser(module: str, description: str) -> SentenceParser:
    """--out, --check, --masks, --workers and --seed; how much is drawn is for the command to add."""
    parser = SentenceParser(prog=f"python -m {module}", description=description)
    parser.add_argument("--out", type=Path, required=True, help="folder to make; it must not exist")
    parser.add_argument("--check", action="store_true", help="draw nothing: compare the folder with its manifest")
    parser.add_argument(
        "--masks", action="store_true", help="write beside the pictures which object each pixel shows, and boxes"
    )
    parser.add_argument("--workers", type=_at_least_one, help="processes (default: one per processor)")
    add_seed(parser)
    return parser


def add_seed(parser: argparse.ArgumentParser) -> None:
    """--seed, of any command that draws."""
    parser.add_argument("--seed", type=int, default=0, help="another seed is another world (default: %(default)s)")


def draw_or_check(
    given: argparse.Namespace,
    spec: Callable[[], Spec],
    write: Callable[[Spec, Path, int | None], None],
    check: _Check,
) -> int:
    """Do what the options ask for; returns the exit code."""

    def do() -> None:
        if given.check:
            say(f"{given.out}: as written; drawn with {options_said(check(given.out, hashes=True))}")
        else:
            write(spec(), given.out, given.workers)
            show(given.out)

    return exit_code(do)


def options_said(spec: "DataclassInstance") -> str:
    """The options of the command that draws a spec: those that are not at their default, as they are typed."""
    options = []
    for field in fields(spec):
        value, name = getattr(spec, field.name), field.name.removesuffix("_sequences")
        if value == field.default or (name in ("train", "val") and getattr(spec, "pairs", 0)):
            continue
        option = name if name in _NO_OPTIONS else f"--{name}"
        words = ",".join(value) if isinstance(value, tuple) else f"{value:g}" if isinstance(value, float) else value
        options.append(option if value is True else f"{option} {words}")
    return " ".join(options) or "every option at its default"


def _at_least_one(word: str) -> int:
    number = int(word)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{word}: at least 1 process is needed")
    return number
