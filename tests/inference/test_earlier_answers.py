"""`predict.py` replaces nothing that another command has left, and goes on where it was stopped itself."""

import json

import pytest
from films import write_film
from main_job import exit_code
from manifest_lines import driven_line, write

import roadcue
from roadcue import predict


@pytest.fixture
def run(path_and_cue_run, capsys):
    capsys.readouterr()  # what the training has printed
    return path_and_cue_run


@pytest.fixture
def pictures(tmp_path):
    (tmp_path / "own/front").mkdir(parents=True)
    write(tmp_path / "own", *(driven_line(tmp_path / "own", number, "a", "train") for number in range(3)))
    return tmp_path / "own/front"


def refused(capsys, *words):
    assert exit_code(predict.main, *words) == 2
    return capsys.readouterr().err


def test_finished_answers_are_not_replaced(run, pictures, tmp_path, capsys, monkeypatch):
    out = tmp_path / "answers.jsonl"
    out.touch()  # an empty file holds nothing
    assert exit_code(predict.main, "--run", run, pictures, "--out", out) == 0
    capsys.readouterr()
    monkeypatch.setattr("roadcue.inference.run.RoadPredictor.of_run", lambda *_: pytest.fail("loaded"))
    before = out.read_bytes()
    for what in (pictures, pictures / "1.jpg", tmp_path / "own/manifest.jsonl"):
        said = refused(capsys, "--run", run, what, "--out", out)
        assert said.startswith(f"error: {out}: holds 3 lines of 20")
        assert (
            f"with answers of waypoint, cue, the first about {pictures / '0.jpg'}, which no command replaces" in said
        )
    assert out.read_bytes() == before
    for text, what in (("one\ntwo\n", "2 lines"), ("\xff{", "1 line"), ('["id"]\n', "1 line")):
        out.write_text(text, encoding="latin-1")
        assert f"{out}: holds {what} of 20" in (said := refused(capsys, "--run", run, pictures, "--out", out))
        assert "that are no answers" in said
        assert out.read_text(encoding="latin-1") == text


def test_a_film_of_drawings_is_not_replaced(run, tmp_path, capsys):
    path, drawn = write_film(tmp_path / "a.mp4", [0, 40]), tmp_path / "drawn.mp4"
    drawn.write_bytes(b"of another run")
    assert f"{drawn}: is there already, of 20" in refused(capsys, "--run", run, path, "--video", drawn)
    assert drawn.read_bytes() == b"of another run"


def test_drawings_are_not_mixed_with_those_of_another_command(run, pictures, tmp_path, capsys, monkeypatch):
    folder, out = tmp_path / "drawn", tmp_path / "answers.jsonl"
    folder.mkdir()
    (folder / "notes.jpg").touch()  # no drawing
    words, answers = ("--run", run, pictures, "--batch", 1, "--overlay", folder), roadcue.RoadPredictor.answers

    def stopping(self, asked):
        if asked[0].id.endswith("2.jpg"):
            raise KeyboardInterrupt
        return answers(self, asked)

    with monkeypatch.context() as patch:
        patch.setattr(roadcue.RoadPredictor, "answers", stopping)
        assert exit_code(predict.main, *words, "--out", out) == 130
    assert "holds 2 drawings of another command" in refused(capsys, *words)
    assert exit_code(predict.main, *words, "--out", out) == 0
    assert len(list(folder.iterdir())) == 4
    assert [json.loads(line)["id"][-5:] for line in out.read_text().splitlines()] == ["0.jpg", "1.jpg", "2.jpg"]
