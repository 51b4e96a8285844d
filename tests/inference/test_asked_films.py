"""`predict.py` on film: a line for each picture that is taken, with its time; what is cut off or none is said."""

import json
import os

import numpy as np
import pytest
from films import picture, write_film, write_sound
from main_job import exit_code
from PIL import Image

import roadcue
from roadcue import predict
from roadcue.errors import BadInput
from roadcue.inference.asked import questions
from roadcue.loaders.film import FilmReader, read_film
from roadcue.training.config import TrainConfig

TIMES_MS = [0, 100, 200, 250, 400, 520, 700, 1000]
TAKEN = [0, 3, 5, 7]
"""Of these at a quarter of a second."""


@pytest.fixture
def run(path_and_cue_run, capsys):
    capsys.readouterr()  # what the training has printed
    return path_and_cue_run


def answered(text):
    return [json.loads(line) for line in text.splitlines()]


def stopped_behind(monkeypatch, calls):
    """The command is killed by a signal behind its first `calls` batches; returns the names that it asked about."""
    answers, asked_about = roadcue.RoadPredictor.answers, []

    def until(self, asked):
        if len(asked_about) == calls:
            raise KeyboardInterrupt
        asked_about.append([one.id for one in asked])
        return answers(self, asked)

    monkeypatch.setattr(roadcue.RoadPredictor, "answers", until)
    return asked_about


def test_pictures_are_taken_by_their_times_and_answered_as_pictures_are(run, tmp_path, capsys):
    path = write_film(tmp_path / "a.mp4", TIMES_MS)
    assert exit_code(predict.main, "--run", run, path, "--batch", 3) == 0
    lines = answered(capsys.readouterr().out)
    assert [line["id"] for line in lines] == [f"{path}#t={TIMES_MS[number] / 1000:.3f}" for number in TAKEN]
    np.testing.assert_allclose([line["time"] for line in lines], np.array(TIMES_MS)[TAKEN] / 1000, atol=1e-3)
    predictor, film = roadcue.load(run), read_film(path)
    for line, number in zip(lines, TAKEN, strict=True):
        pixels = FilmReader().picture(film, int(film.ticks[number]))
        alone = predictor.predict(pixels, past=np.zeros((16, 6)), intent="UNKNOWN")
        np.testing.assert_allclose(line["cue"]["ood_score"], alone["cue"].ood_score, rtol=1e-3)
        assert "no past states" in line["waypoint"]["lacks"]
    assert exit_code(predict.main, "--run", run, path, "--every", 0) == 0
    assert len(answered(capsys.readouterr().out)) == len(TIMES_MS)
    assert exit_code(predict.main, "--run", run, path, "--every", -1) == 2
    assert "--every -1: must be seconds" in capsys.readouterr().err


def test_frames_of_a_film_are_for_captions(run, tmp_path, capsys):
    path = write_film(tmp_path / "a.mp4", TIMES_MS)
    for words, why in (
        (("--frames", 8), "--frames 8: makes one text of a film, and this is a run of heads; leave it out"),
        (("--frames", 0), "--frames 0: must be at least 1"),
        (("--frames", 10**9), "--frames 1000000000: must be at most 10000; no model reads"),
        (("--frames", 8, "--video", tmp_path / "b.mp4"), "--video draws each answer of a film, and --frames makes"),
    ):
        assert exit_code(predict.main, "--run", run, path, *words) == 2
        assert why in capsys.readouterr().err


def test_frames_without_a_film_are_refused(tmp_path):
    named = str(tmp_path / "a.jpg")
    Image.fromarray(picture(0)).save(named)
    with pytest.raises(BadInput, match="--frames 8: makes one text of a film, and none is named"):
        questions([named], TrainConfig(head="caption"), frames=8)
    assert len(questions([named], TrainConfig(head="caption"))) == 1


def test_a_film_that_is_cut_off_is_answered_as_far_as_it_goes(run, tmp_path, capsys):
    path = write_film(tmp_path / "a.mp4", range(0, 1000, 40), faststart=True)
    os.truncate(path, path.stat().st_size // 2)
    other = write_film(tmp_path / "b.mp4", [0, 40])
    assert exit_code(predict.main, "--run", run, path, other, "--every", 0.1) == 2
    captured = capsys.readouterr()
    lines = answered(captured.out)
    assert len(lines) > 2
    assert all("cue" in line for line in lines)
    assert lines[-1]["id"] == f"{other}#t=0.000"
    assert captured.err.startswith(f"error: {path}: breaks off after 0.")


def test_a_hole_in_a_film_is_said_and_what_is_around_it_answered(run, tmp_path, capsys):
    path = write_film(tmp_path / "a.mp4", [*range(0, 1000, 40), *range(2000, 2400, 40)])
    assert exit_code(predict.main, "--run", run, path) == 2
    captured = capsys.readouterr()
    assert [line["time"] for line in answered(captured.out)] == [0, 0.28, 0.52, 0.76, 2, 2.28]
    assert f"error: {path}: shows no picture between 0.96 and 2.00 s, where about 25 are lost" in captured.err


def test_what_is_no_film_is_said_before_anything_is_loaded(run, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("roadcue.inference.run.RoadPredictor.of_run", lambda *_: pytest.fail("loaded"))
    (tmp_path / "empty.mov").touch()
    for path, why in (
        (write_sound(tmp_path / "sound.mp4"), "holds no pictures, only audio"),
        (tmp_path / "empty.mov", "is empty"),
        (tmp_path / "no.mp4", "there is no such file or folder"),
    ):
        assert exit_code(predict.main, "--run", run, path) == 2
        assert f"error: {path}: {why}" in capsys.readouterr().err


def test_films_in_a_folder_are_not_left_out_silently(run, tmp_path, capsys):
    (tmp_path / "own").mkdir()
    write_film(tmp_path / "own/a.mp4", [0, 40])
    Image.fromarray(picture(3)).save(tmp_path / "own/b.png")
    assert exit_code(predict.main, "--run", run, tmp_path / "own") == 0
    captured = capsys.readouterr()
    assert [line["id"] for line in answered(captured.out)] == [str(tmp_path / "own/b.png")]
    assert f"{tmp_path / 'own'}: left out (.mp4 1): only .jpg" in captured.err
    assert captured.err.endswith("; name a film itself\n")


def test_a_stopped_command_does_not_answer_again(run, tmp_path, capsys, monkeypatch):
    path, out = write_film(tmp_path / "a.mp4", TIMES_MS), tmp_path / "answers.jsonl"
    words = ("--run", run, path, "--batch", 1, "--out", out)
    with monkeypatch.context() as patch:
        before = stopped_behind(patch, 2)
        assert exit_code(predict.main, *words) == 130
    with monkeypatch.context() as patch:
        after = stopped_behind(patch, 99)
        assert exit_code(predict.main, *words) == 0
    assert f"{out}: goes on behind 2 of 4 lines" in capsys.readouterr().out
    assert [line["id"] for line in answered(out.read_text())] == [name for [name] in before + after]


def test_a_log_of_poses_says_when_the_film_began(run, tmp_path, capsys):
    path = write_film(tmp_path / "a.mp4", TIMES_MS)
    poses = "".join(f"{time},{10 * time},0,0,{'a.mp4' if time == 100 else ''}\n" for time in np.arange(90, 105, 0.25))
    (tmp_path / "poses.csv").write_text(f"t_s,x_m,y_m,heading_rad,picture\n{poses}")
    assert exit_code(predict.main, "--run", run, path, "--states", tmp_path / "poses.csv") == 0
    lines, predictor = answered(capsys.readouterr().out), roadcue.load(run)
    past = np.zeros((16, 6))
    past[:, 0], past[:, 2] = 10 * np.arange(-15, 1) / 4, 10
    film = read_film(path)
    for line, number in zip(lines, TAKEN, strict=True):
        pixels = FilmReader().picture(film, int(film.ticks[number]))
        alone = predictor.predict(pixels, past=past, intent="UNKNOWN")
        np.testing.assert_allclose(line["waypoint"]["waypoints_m"], alone["waypoint"].waypoints_m, atol=1e-2)
