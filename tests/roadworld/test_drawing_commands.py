"""What the two commands that draw say: how much it will be, what a folder was drawn with, which option is wrong."""

import re
from contextlib import suppress
from importlib import import_module
from pathlib import Path

import pytest

from roadcue.roadworld.dataset import DEFAULT
from roadcue.roadworld.drawing_command import options_said
from roadcue.roadworld.sidewalk.spec import SidewalkSpec
from roadcue.roadworld.spec import RoadWorldSpec

VIEWS = ("roadworld", "roadworld.sidewalk")


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """Calls a view's command, which draws nothing; returns what it says."""

    def call(view: str, words: str) -> str:
        module = import_module(f"roadcue.{view}.__main__")
        monkeypatch.setattr(module, f"write_{view.rpartition('.')[2]}", lambda *_: None)
        monkeypatch.setattr("sys.argv", ["drawing", "--out", str(tmp_path / "out"), *words.split()])
        with suppress(SystemExit):
            module.main()
        return "".join(capsys.readouterr())

    return call


@pytest.mark.parametrize(
    ("view", "words", "sentence"),
    [
        ("roadworld", "--train 3 --val 0 --seconds 10", "training: 12 frames of 3 sequences, seen by 3 cameras; val"),
        ("roadworld", "--train 1 --val 0 --cameras FRONT", "training: 7 frames of 1 sequence, seen by 1 camera; val"),
        ("roadworld", "--pairs 10", "training: none; validation: 20 frames of 10 pairs, seen by 3 cameras"),
        (
            "roadworld.sidewalk",
            "--train 9 --val 1",
            "training: 9 pictures of 3 walks; validation: 1 picture of 1 wa",
        ),
        ("roadworld.sidewalk", "--pairs 7", "training: none; validation: 14 pictures of 7 pairs"),
    ],
)
def test_how_much_is_drawn_is_said_before(said, view: str, words: str, sentence: str) -> None:
    assert sentence in said(view, words)


def test_a_stride_beyond_a_sequence_is_said(said) -> None:
    first_alone = "--stride 30 is no shorter than a sequence of 10 frames: the first of each is drawn, and no other"
    assert first_alone in said("roadworld", "--train 1 --seconds 1")
    assert "--stride 10 is no shorter" in said("roadworld", "--train 1 --seconds 1 --stride 10")
    assert "no shorter" not in said("roadworld", "--train 1 --seconds 1 --stride 9")
    assert "no shorter" not in said("roadworld", "--train 1 --seconds 0.1")
    assert "no shorter" not in said("roadworld", "--pairs 10 --seconds 1")


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("--train -1", r"cannot be drawn. Choose 0 to \d+ for --train\.$"),
        ("--val -1", r"cannot be drawn. Choose 0 to \d+ for --val\.$"),
        ("--workers 0", "--workers 0: at least 1 process is needed\nAll options: python -m roadcue.roadworld"),
        ("--train two", "--train two: expected a whole number"),
        ("--trian 2", "there is no option --trian; did you mean --train"),
    ],
)
def test_a_wrong_value_is_a_sentence_with_its_option(said, view: str, words: str, sentence: str) -> None:
    error = said(view, words)
    assert error.startswith("error: ")
    assert "usage" not in error
    assert re.search(sentence, error.strip())


def test_options_are_those_that_draw_the_same() -> None:
    assert options_said(DEFAULT) == "--train 1440 --stride 20 --cameras FRONT"
    assert options_said(RoadWorldSpec()) == options_said(SidewalkSpec()) == "every option at its default"
    pairs = SidewalkSpec(0, 0, pairs=2, kinds=("sun", "gap"), masks=True, roll=2.5, seed=12345678)
    assert options_said(pairs) == "--seed 12345678 --masks --roll 2.5 --pairs 2 --kinds sun,gap"
    assert options_said(RoadWorldSpec(width=96)) == "width 96"


def test_help_breaks_no_word(said, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    words = said("roadworld", "--help").split()
    assert {"standing_vehicle,", "car_from_kerb,"} <= set(words)
    assert " ".join(options_said(DEFAULT).split()) in " ".join(words)
