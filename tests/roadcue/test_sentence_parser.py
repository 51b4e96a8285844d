"""Wrong words to a command of plain options: one sentence with the option and its value, no usage block."""

import argparse
from pathlib import Path

import pytest

from roadcue.sentence_parser import SentenceParser


def at_least_one(word: str) -> int:
    if int(word) < 1:
        raise argparse.ArgumentTypeError(f"{word}: at least 1 is needed")
    return int(word)


@pytest.fixture
def parser() -> SentenceParser:
    parser = SentenceParser(prog="python -m roadcue.something")
    parser.add_argument("--out", required=True)
    parser.add_argument("--train", type=int)
    parser.add_argument("--roll", type=float)
    parser.add_argument("--workers", type=at_least_one)
    parser.add_argument("--how", choices=("raise", "skip"))
    return parser


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--train", "a"], "--train a: expected a whole number"),
        (["--roll=wide"], "--roll wide: expected a number"),
        (["--workers", "0"], "--workers 0: at least 1 is needed"),
        (["--train"], "--train needs a value"),
        (["--trian", "3"], "there is no option --trian; did you mean --train?"),
        (["--trian=3"], "there is no option --trian; did you mean --train?"),
        (["--tra", "3"], "there is no option --tra; did you mean --train?"),
        (["a", "b"], "a b: belongs to no option"),
        (["--how", "stop"], "--how: invalid choice: 'stop' (choose from 'raise', 'skip')"),
    ],
)
def test_a_wrong_word_is_a_sentence(
    parser: SentenceParser, words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        parser.parse_args(["--out", "there", *words])
    assert capsys.readouterr().err == f"error: {sentence}\nAll options: python -m roadcue.something --help\n"


def test_what_must_be_given_is_named(parser: SentenceParser, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        parser.parse_args([])
    assert capsys.readouterr().err.startswith("error: --out must be given\n")


def test_so_it_is_below_a_command(capsys: pytest.CaptureFixture[str]) -> None:
    parser = SentenceParser(prog="python -m roadcue.something")
    parser.add_subparsers(required=True, metavar="COMMAND").add_parser("look").add_argument("--all", type=int)
    with pytest.raises(SystemExit, match="2"):
        parser.parse_args(["look", "--all", "x"])
    assert capsys.readouterr().err.startswith("error: --all x: expected a whole number\n")


def test_the_sign_of_the_home_folder_is_known_in_every_path(monkeypatch, capsys):
    monkeypatch.setenv("HOME", "/home/of/me")
    parser = SentenceParser(prog="python -m roadcue.something")
    look = parser.add_subparsers(required=True, metavar="COMMAND").add_parser("look")
    look.add_argument("table", type=Path)
    look.add_argument("--out", type=Path)
    given = parser.parse_args(["look", "~/a.csv", "--out=~/b"])
    assert (given.table, given.out) == (Path("/home/of/me/a.csv"), Path("/home/of/me/b"))
    with pytest.raises(SystemExit, match="2"):
        parser.parse_args(["look", "a", "--out", "~no_such_user/b"])
    said = capsys.readouterr().err
    assert said.startswith("error: --out ~no_such_user/b: there is no home folder ~no_such_user; write the whole")
