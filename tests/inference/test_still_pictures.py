"""A camera that is stuck: a film that shows one picture on and on is answered as not sure, and said."""

import json

import numpy as np
import pytest
from films import write_film
from main_job import exit_code
from manifest_lines import driven_line, write

import roadcue
from roadcue import predict
from roadcue.heads.cue.rules import CUES, PACES
from roadcue.heads.field.words import FieldPrediction
from roadcue.inference.asked import Asked
from roadcue.inference.captions import CaptionPrediction
from roadcue.inference.still_pictures import StillPictures, answer_of
from roadcue.prompts.annotation import Annotation

STUCK_MS = list(range(0, 5000, 250))
NUMBERS = [0, 1, 2, 3, *[4] * 12, 5, 6, 7, 8]
"""From 1 s on, and up to 4 s, the film shows one picture."""
TIMES_S = [time / 1000 for time in STUCK_MS]


@pytest.fixture
def run(path_and_cue_run, capsys):
    capsys.readouterr()  # what the training has printed
    return path_and_cue_run


@pytest.fixture(params=["png", "libx264", "mpeg4"])
def film(tmp_path, request):
    """One leaves pictures as they are, and the others make several of one, at each of their key pictures."""
    return write_film(tmp_path / "a.mov", STUCK_MS, codec=request.param, numbers=NUMBERS)


def answered(text):
    return [json.loads(line) for line in text.splitlines()]


def stuck(lines):
    return [line["time"] for line in lines if "not changed" in (line["cue"]["reason"] or "")]


def test_a_film_that_stands_still_is_not_sure_after_two_seconds(run, film, tmp_path, capsys):
    assert exit_code(predict.main, "--run", run, film, "--batch", 3, "--video", tmp_path / "drawn.mp4") == 0
    captured = capsys.readouterr()
    lines = answered(captured.out)
    assert [line.get("still_s", 0) for line in lines] == [0] * 5 + [0.25 * n for n in range(1, 12)] + [0] * 4
    assert stuck(lines) == [time for time in TIMES_S if 3 <= time < 4]
    for line in lines:
        if 3 <= line["time"] < 4:
            cue = line["cue"]
            assert not cue["sure"]
            assert (cue["cue"], cue["cues"], cue["pace"], cue["paces"]) == ("unknown", [*CUES], "unknown", [*PACES])
            assert cue["probabilities"] == cue["pace_probabilities"] == {}
            words = f"Not sure: the picture has not changed for {line['still_s']:.0f} s, as when a camera is stuck."
            assert cue["sentence"] == words
        assert "still_s" not in line["cue"]
    assert "4 of 20 answers are not sure, as the film has shown the same picture for 2 s" in captured.err
    assert f"the first {film}#t=3.000; look" in captured.err


def test_a_stopped_command_knows_since_when_its_film_stands_still(run, film, tmp_path, capsys, monkeypatch):
    out, answers = tmp_path / "answers.jsonl", roadcue.RoadPredictor.answers

    def stopping_at(stop_s):
        def until(self, asked):
            if any(one.time_s == stop_s for one in asked):
                raise KeyboardInterrupt
            return answers(self, asked)

        return until

    for stop_s in (2.5, 3.5, 4.5):
        with monkeypatch.context() as patch:
            patch.setattr(roadcue.RoadPredictor, "answers", stopping_at(stop_s))
            assert exit_code(predict.main, "--run", run, film, "--out", out, "--batch", 2) == 130
    assert exit_code(predict.main, "--run", run, film, "--out", out, "--batch", 2) == 0
    assert stuck(answered(out.read_text())) == [time for time in TIMES_S if 3 <= time < 4]
    assert "4 of 20 answers are not sure" in capsys.readouterr().err


def test_pictures_and_samples_that_are_that_of_the_moment_before_are_counted(run, tmp_path, capsys):
    (tmp_path / "own/front").mkdir(parents=True)
    lines = [driven_line(tmp_path / "own", number, "a", "train") for number in range(4)]
    front = tmp_path / "own/front"
    for number in (1, 2):
        (front / f"{number}.jpg").write_bytes((front / "0.jpg").read_bytes())
    for what, first in ((front, front / "1.jpg"), (write(tmp_path / "own", *lines), "1")):
        assert exit_code(predict.main, "--run", run, what) == 0
        captured = capsys.readouterr()
        assert f"warning: 2 of 4 pictures are the same as the one before, byte for byte, the first {first};" in (
            captured.err
        )
        assert stuck([{"time": 0, **line} for line in answered(captured.out)]) == []


def moments(pictures, film, step_s=1.0):
    return [Asked("", {"FRONT": each}, file=film, time_s=step_s * n) for n, each in enumerate(pictures)]


def test_a_picture_that_cannot_be_read_does_not_move_a_camera_and_another_film_does(tmp_path):
    grey, white = np.full((2, 2, 3), 128, np.uint8), np.full((2, 2, 3), 255, np.uint8)
    still = StillPictures()
    first = moments([grey, grey, tmp_path / "no.png", grey.copy(), white], tmp_path / "a.mp4")
    assert [still.still_s(one) for one in first] == [0, 1, 0, 3, 0]
    assert [still.still_s(one) for one in moments([white, white], tmp_path / "b.mp4")] == [0, 1]


class _Foreign:
    """What a plugin's head may answer."""

    sentence = "Walk on."

    def to_json(self):
        return {"go": True}


def test_a_plugins_head_is_not_sure_either():
    assert answer_of(_Foreign(), Asked("", {}, still_s=1.9)) == {"go": True, "sentence": "Walk on."}
    answer = answer_of(_Foreign(), Asked("", {}, still_s=2.0))
    assert answer["sentence"] == "Not sure: the picture has not changed for 2 s, as when a camera is stuck."
    assert answer["reason"] in answer["sentence"]


def test_fields_and_texts_of_a_stuck_camera():
    field = FieldPrediction(
        Annotation("", "left", "right", {"car": ("Left",)}, {}), {"near": {"car": 0.9}, "far": {}}
    )
    text = CaptionPrediction("The way is clear.")
    for prediction, said in ((field, "Sidewalk: left"), (text, "The way is clear.")):
        before, after = prediction.after(1.9), prediction.after(2.1)
        assert said in before.sentence
        assert after.sentence == "Not sure: the picture has not changed for 2 s, as when a camera is stuck."
    unknown = field.after(2.1).to_json()
    assert unknown["annotation"]["sidewalk_pos"] == "unknown"
    assert unknown["probabilities"] == {"near": {}, "far": {}}
