"""Commands whose terminal, or PYTHONIOENCODING, has fewer letters than what they print."""

import ast
import io
import json
import sys
from contextlib import redirect_stdout
from pathlib import Path

import pytest

from roadcue import eval as scoring
from roadcue import predict, train
from roadcue.errors import exit_code
from roadcue.loaders.sensation.__main__ import main as sensation
from roadcue.roadworld.sidewalk.spec import SidewalkSpec
from roadcue.roadworld.sidewalk.write import write_sidewalk

SAID = "Straße, 道路"


def printed(do):
    """What `do` prints into a stream that has no other letters than ASCII's, and what it returns or exits with."""
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii", write_through=True)
    with redirect_stdout(stream):
        try:
            code = do()
        except SystemExit as stop:
            code = stop.code
    return stream.buffer.getvalue().decode("ascii"), code


def test_letters_are_written_as_python_writes_them_and_signs_of_tables_have_stand_ins():
    text, code = printed(lambda: exit_code(lambda: print(f"{SAID} ●○–−±Δ…")))
    assert (text, code) == ("Stra\\xdfe, \\u9053\\u8def xo--~d~\n", 0)


@pytest.mark.parametrize("main", [train.main, scoring.main, predict.main])
def test_help_is_printed(main):
    text, code = printed(lambda: main(["--help"]))
    assert "usage" in text
    assert code == 0


def test_texts_and_names_of_files_are_printed(tmp_path, monkeypatch):
    monkeypatch.setattr("roadcue.evaluation.caption_rows.meteor_folder", lambda: None)
    rows = [{"image": f"{i}.jpg", "prediction": SAID, "target": f"{SAID} {i}"} for i in range(4)]
    (tmp_path / "Gehweg_Süd.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    words = ["--predictions", str(tmp_path / "Gehweg_Süd.jsonl"), "--head", "caption", "--resamples", "20"]
    text, code = printed(lambda: scoring.main(words))
    assert "Gehweg_S\\xfcd.metrics.json" in text
    assert code == 0


def test_commands_without_a_configuration_print_too(tmp_path, monkeypatch):
    write_sidewalk(SidewalkSpec(train=2, val=1, width=64, height=48), tmp_path / "Süd", workers=1)
    words = ["--data_dir", str(tmp_path / "Süd"), "--out", str(tmp_path / "für")]
    monkeypatch.setattr(sys, "argv", ["sensation", "convert", *words])
    text, code = printed(sensation)
    assert "f\\xfcr" in text
    assert code == 0


ROOMS = ("evaluation", "heads", "inference", "loaders", "metrics", "models", "prompts", "reports", "roadcue")
ROOMS += ("roadworld", "training")


def without_encoding(source):
    """The lines of a source where a file is opened as text in whatever encoding the terminal has."""
    for call in ast.walk(ast.parse(source)):
        if not isinstance(call, ast.Call) or any(word.arg == "encoding" for word in call.keywords):
            continue
        texts = {"read_text": 0, "write_text": 1}
        if isinstance(call.func, ast.Attribute) and len(call.args) == texts.get(call.func.attr):
            yield call.lineno
        if isinstance(call.func, ast.Name) and call.func.id == "open":
            mode = call.args[1].value if len(call.args) > 1 else "r"
            if "b" not in mode:
                yield call.lineno


def test_files_say_their_encoding_so_that_it_is_not_the_terminal_s():
    lines = ("p.write_text(x)", "open(p)", "open(p, 'wb')", "read_text(p)", "open(p, encoding='u')", "p.read_text()")
    assert [*without_encoding("\n".join(lines))] == [1, 2, 6]
    root = Path(__file__).parents[2]
    files = [*root.glob("*.py"), *(file for room in ROOMS for file in (root / room).rglob("*.py"))]
    assert len(files) > 300
    assert [f"{file}:{line}" for file in files for line in without_encoding(file.read_text("utf-8"))] == []
