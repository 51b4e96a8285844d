"""Drives as clips: a captioner learns paths from several frames, is scored beside a head, and reads film."""

import json

import numpy as np
import pytest
from films import write_film
from main_job import exit_code

import roadcue
from roadcue import eval as scoring
from roadcue import predict, train
from roadcue.errors import BadInput
from roadcue.evaluation.answer_comparison import COMPARISON
from roadcue.evaluation.frames import FRAMES, Frames
from roadcue.loaders.waymo_e2e import open_waymo_e2e
from roadcue.roadworld.spec import RoadWorldSpec
from roadcue.roadworld.write import write_roadworld

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")
CONDITIONS = "free,one_frame,shuffled,others"


@pytest.fixture(scope="module", autouse=True)
def _gentle(one_thread):
    pass


@pytest.fixture(scope="module")
def drives(tmp_path_factory):
    """Three drives to learn from and two others, a frame a second."""
    folder = tmp_path_factory.mktemp("roadworld") / "drawn"
    spec = RoadWorldSpec(3, 2, seconds=4.0, stride=10, width=96, height=96, cameras=("FRONT",))
    write_roadworld(spec, folder, workers=1)
    return folder


def words(drives, run, *more):
    data = ["--data", "roadworld", "--data_dir", drives, "--encoder", "smol", "--device", "cpu", "--workers", 0]
    return [*data, "--epochs", 1, "--run_dir", run, *more]


@pytest.fixture(scope="module")
def clips(drives, tmp_path_factory):
    """A captioner of paths that is shown three frames."""
    run = tmp_path_factory.mktemp("clips") / "run"
    given = ["--head", "caption", "--caption.target", "path", "--precision", "fp32", "--past_frames", "10,20"]
    assert exit_code(train.main, *words(drives, run, *given)) == 0
    return run


def test_paths_of_clips_and_of_a_head_are_one_table_with_the_frames_shuffled_and_one_alone(
    clips, drives, tmp_path, capsys
):
    heads, out = tmp_path / "heads", tmp_path / "out"
    assert exit_code(train.main, *words(drives, heads, "--head", "waypoint")) == 0
    assert exit_code(scoring.main, "--run", clips, "--conditions", CONDITIONS, "--resamples", 10) == 0
    said = capsys.readouterr().out
    assert "10 frames back 75 %, 20 frames back 50 %; the first frame that is there stands in" in said
    asked = ["--run", heads, "--run", clips, "--data", "roadworld", "--data_dir", drives, "--resamples", 10]
    assert exit_code(scoring.main, *asked, "--conditions", CONDITIONS, "--out", out) == 0
    (table,) = [
        table
        for table in json.loads((out / COMPARISON[0]).read_text())["answers"]
        if table["title"].startswith("Paths")
    ]
    rows = table["methods"]
    assert [name for name in rows if name.startswith("run")] == [
        "run",
        "run, one_frame",
        "run, shuffled",
        "run, others",
    ]
    assert "no path" in rows["run"]
    beside = ["waypoint without features", "constant velocity", "constant turn rate", "ridge"]
    assert {"heads", *(f"{name} of heads" for name in beside), "stand still"} <= rows.keys()
    assert len({round(rows[f"{name} of heads"]["ade"]["value"], 6) for name in beside}) == len(beside)
    paths = Frames.read(heads / FRAMES)
    steady = paths.columns["constant velocity:points"].reshape(-1, 5, 2)
    errors = np.linalg.norm(steady - open_waymo_e2e(drives, "val").states.future[:, 3::4], axis=2)
    assert rows["constant velocity of heads"]["ade"]["value"] == pytest.approx(errors.mean(), rel=1e-4)
    truth = open_waymo_e2e(drives, "val").states.future[:, 3::4]
    assert rows["stand still"]["ade"]["value"] == pytest.approx(np.linalg.norm(truth, axis=2).mean(), rel=1e-4), (
        "of every frame with a log"
    )
    mean = open_waymo_e2e(drives, "train").states.future[:, 3::4].mean(axis=0)
    assert rows["mean path of run"]["ade"]["value"] == pytest.approx(
        np.linalg.norm(truth - np.round(mean, 1), axis=2).mean(), rel=1e-3
    )
    texts = {
        tuple(json.loads(line)["prediction"] for line in file.read_text().splitlines())
        for file in clips.glob("predictions*.jsonl")
    }
    assert len(texts) > 1, "another condition shows other pictures"


def test_a_manifest_has_the_earlier_frames_and_one_that_is_not_there_is_stood_in_for(clips):
    predictor = roadcue.load(clips)
    now, before, black = (np.full((64, 64, 3), level, np.uint8) for level in (200, 120, 0))
    seen = []
    encode = predictor.captioner.encode
    predictor.captioner.encode = lambda pixels: seen.append(pixels.clone()) or encode(pixels)
    predictor.predict(now, past_images={10: before, 20: None})
    predictor.predict([now, black], past_images={10: None, 20: [before, now]})
    levels = [pixels.float().mean(dim=(1, 2, 3)).round().int().tolist() for pixels in seen]
    assert levels == [[120, 120, 200], [120, 200, 200, 200, 0, 0]]
    for given, message in (
        ({}, "past_images={20: ..., 10: ...}"),
        ({10: now, 20: now, 5: now}, "reads these earlier frames"),
    ):
        with pytest.raises(BadInput, match=message):
            predictor.predict(now, past_images=given)
    with pytest.raises(BadInput, match="expected as many of each as the 2 images"):
        predictor.predict([now, now], past_images={10: [now], 20: None})


def test_a_film_is_one_text_of_frames_spread_over_it(clips, tmp_path, capsys, monkeypatch):
    film = write_film(tmp_path / "a.mp4", range(0, 1000, 40))
    levels = []
    texts = roadcue.inference.captions.CaptionPredictor._texts

    def watched(self, shown):
        levels.append([[float(picture.mean()) for picture in clip] for clip in shown])
        return texts(self, shown)

    monkeypatch.setattr(roadcue.inference.captions.CaptionPredictor, "_texts", watched)
    capsys.readouterr()
    assert exit_code(predict.main, "--run", clips, film, "--frames", 8) == 0
    (line,) = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert line["id"] == str(film)
    assert "time" not in line
    assert {"text", "sentence"} <= line["caption"].keys()
    ((clip,),) = levels
    assert len(clip) == 8
    assert clip == sorted(clip), "in the order of time, as each picture is brighter than the one before"
    assert exit_code(predict.main, "--run", clips, film) == 2
    assert "or of film, for a caption run, take --frames" in capsys.readouterr().err
    assert exit_code(predict.main, "--run", clips, film, "--frames", 4000) == 2
    assert (
        "a captioner cannot be shown 4000 pictures at once: a prompt with 3999 earlier frames has"
        in capsys.readouterr().out
    )
