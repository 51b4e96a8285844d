"""`predict.py` on manifests: past states, intents, cameras and earlier frames, and lines that lack them."""

import json

import numpy as np
import pytest
from fitted import fit
from main_job import exit_code
from manifest_lines import driven_line, write

import roadcue
from roadcue import predict
from roadcue.heads.waypoint.config import WaypointConfig


@pytest.fixture
def run(path_and_cue_run):
    return path_and_cue_run


@pytest.fixture
def lines(tmp_path):
    """Three moments of a drive, and their pictures below own/front."""
    (tmp_path / "own/front").mkdir(parents=True)
    return [driven_line(tmp_path / "own", number, "a", "train") for number in range(3)]


def answered(text):
    return [json.loads(line) for line in text.splitlines()]


def test_a_manifests_samples_are_answered_with_their_states(run, lines, tmp_path, capsys):
    manifest = write(tmp_path / "own", *lines)
    assert exit_code(predict.main, "--run", run, manifest, "--batch", 2) == 0
    answers = answered(capsys.readouterr().out)
    assert [one["id"] for one in answers] == ["0", "1", "2"]
    predictor = roadcue.load(run)
    for one, line in zip(answers, lines, strict=True):
        picture = tmp_path / "own" / line["images"]["FRONT"]
        alone = predictor.predict(picture, past=np.array(line["past"]), intent="GO_STRAIGHT")
        assert one.keys() == {"id", "waypoint", "cue"}
        np.testing.assert_allclose(one["waypoint"]["waypoints_m"], alone["waypoint"].waypoints_m, atol=1e-4)
        assert one["waypoint"]["sentence"] == alone["waypoint"].sentence
        assert one["cue"]["sentence"] == alone["cue"].sentence


def test_where_there_is_no_past_the_path_says_so_and_the_cue_is_answered(run, lines, tmp_path, capsys):
    for key in ("past", "intent", "future"):
        del lines[1][key]
    manifest = write(tmp_path / "own", *lines)
    assert exit_code(predict.main, "--run", run, manifest, tmp_path / "own/front/2.jpg") == 0
    answers = answered(capsys.readouterr().out)
    assert [("lacks" in one["waypoint"]) for one in answers] == [False, True, False, True]
    assert "no past states" in answers[1]["waypoint"]["lacks"]
    assert all("sentence" in one["cue"] for one in answers)


def test_a_moment_without_the_runs_camera_is_an_error_in_its_line_alone(run, lines, tmp_path, capsys):
    lines[1]["images"] = {"REAR": lines[1]["images"]["FRONT"]}
    (tmp_path / "own/front/2.jpg").write_bytes(b"no picture")
    manifest = write(tmp_path / "own", *lines)
    assert exit_code(predict.main, "--run", run, manifest) == 2
    captured = capsys.readouterr()
    answers = answered(captured.out)
    assert [one.keys() == {"id", "error"} for one in answers] == [False, True, True]
    assert answers[1]["error"] == "1: has no picture of the cameras FRONT"
    assert f"{manifest} line 3" in answers[2]["error"]
    assert "2 of 3 pictures could not be read" in captured.err


def test_a_line_that_cannot_be_used_is_counted_and_the_others_are_answered(run, lines, tmp_path, capsys):
    lines[1]["past"][0][0] = 1e30
    manifest = write(tmp_path / "own", *lines)
    assert exit_code(predict.main, "--run", run, manifest) == 2
    captured = capsys.readouterr()
    assert [one["id"] for one in answered(captured.out)] == ["0", "2"]
    assert (
        f"lines that could not be used: 1, the first {manifest} line 2: past[0, 0] is beyond 100,000" in captured.err
    )


def test_earlier_frames_are_read_from_the_manifest_and_not_from_single_pictures(drawn, lines, tmp_path, capsys):
    options = {"waypoint": WaypointConfig(hidden=16)}
    run = fit(drawn(head_options=options, epochs=1, past_frames="1", missing_camera="learned")).path
    manifest = write(tmp_path / "own", *lines)
    capsys.readouterr()  # what the training has printed
    assert exit_code(predict.main, "--run", run, manifest) == 0
    paths = [one["waypoint"]["waypoints_m"] for one in answered(capsys.readouterr().out)]
    predictor = roadcue.load(run)
    pictures = [tmp_path / "own/front" / f"{number}.jpg" for number in range(3)]
    alone = predictor.predict(
        pictures,
        past=np.array([line["past"] for line in lines]),
        intent=[1, 1, 1],
        past_images={1: [None, *pictures[:2]]},
    )
    np.testing.assert_allclose(paths, alone["waypoint"].waypoints_m, atol=1e-4)
    assert exit_code(predict.main, "--run", run, pictures[0]) == 2
    assert "1 frames before, which no single file names; name a manifest" in capsys.readouterr().err


def stopped_after(monkeypatch, calls):
    """The command is killed by a signal at its `calls`-th batch."""
    answers, left = roadcue.RoadPredictor.answers, iter(range(calls - 1))

    def until(self, asked):
        if next(left, None) is None:
            raise KeyboardInterrupt
        return answers(self, asked)

    monkeypatch.setattr(roadcue.RoadPredictor, "answers", until)


def test_a_stopped_command_goes_on_behind_its_last_whole_line(run, lines, tmp_path, capsys, monkeypatch):
    (tmp_path / "own/front/0.jpg").write_bytes(b"no picture")
    manifest, out = write(tmp_path / "own", *lines), tmp_path / "answers.jsonl"
    words = ("--run", run, manifest, "--out", out, "--batch", 1)
    assert exit_code(predict.main, *words) == 2
    whole = out.read_text()
    out.unlink()
    with monkeypatch.context() as patch:
        stopped_after(patch, 3)
        assert exit_code(predict.main, *words) == 130
    (partial,) = tmp_path.glob(".answers.jsonl.*.part")
    assert not out.exists()
    partial.write_text(partial.read_text() + '{"id": "1", "cu')
    (tmp_path / ".answers.jsonl.0123456789abcdef.part").write_text("of another run\n")
    capsys.readouterr()
    assert exit_code(predict.main, *words) == 2, "the bad picture of before still counts"
    assert f"{out}: goes on behind 2 of 3 lines" in capsys.readouterr().out
    assert out.read_text() == whole
    assert not list(tmp_path.glob(".answers*"))


def test_what_was_answered_of_other_pictures_is_not_gone_on_with(run, lines, tmp_path, capsys, monkeypatch):
    manifest, out = write(tmp_path / "own", *lines), tmp_path / "answers.jsonl"
    words = ("--run", run, manifest, "--out", out, "--batch", 1)
    with monkeypatch.context() as patch:
        stopped_after(patch, 2)
        assert exit_code(predict.main, *words) == 130
    lines[0]["intent"] = 2
    write(tmp_path / "own", *lines)
    capsys.readouterr()
    assert exit_code(predict.main, *words) == 0
    assert "goes on" not in capsys.readouterr().out
    assert len(answered(out.read_text())) == 3
