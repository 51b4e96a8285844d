"""`predict.py --overlay` and `--video`: drawings of what is answered, as pictures and as film."""

import json

import av
import numpy as np
import pytest
from films import write_film
from main_job import exit_code
from manifest_lines import driven_line, write
from PIL import Image

import roadcue
from roadcue import predict

TIMES_MS = [0, 100, 250, 400, 520, 700, 1000]
TAKEN_MS = [0, 250, 520, 1000]


@pytest.fixture
def run(path_and_cue_run, capsys):
    capsys.readouterr()  # what the training has printed
    return path_and_cue_run


@pytest.fixture
def manifest(tmp_path):
    """Two moments with a past, of one of which the camera's calibration is known, and one with a bad picture."""
    (tmp_path / "own/front").mkdir(parents=True)
    lines = [driven_line(tmp_path / "own", number, "a", "train") for number in range(3)]
    extrinsic = np.eye(4)
    extrinsic[:3, 3] = 1.6, 0, 1.5
    width, height = Image.open(tmp_path / "own/front/0.jpg").size
    lens = {"intrinsic": [60.0, 60.0, width / 2, height / 2, 0, 0, 0, 0, 0], "extrinsic": extrinsic.ravel().tolist()}
    lines[0]["calibration"] = {"FRONT": {**lens, "width": width, "height": height}}
    (tmp_path / "own/front/2.jpg").write_bytes(b"no picture")
    return write(tmp_path / "own", *lines)


def drawn(path):
    return np.asarray(Image.open(path)).astype(int)


def shown(path):
    """The times in seconds and the pictures of a film."""
    with av.open(str(path)) as container:
        frames = [(frame.time, frame.to_ndarray(format="rgb24")) for frame in container.decode(video=0)]
    return [time for time, _ in frames], [picture for _, picture in frames]


def test_each_moment_that_is_answered_is_drawn(run, manifest, tmp_path, capsys):
    folder = tmp_path / "drawn"
    assert exit_code(predict.main, "--run", run, manifest, "--overlay", folder) == 2
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert "error" in lines[2]
    assert sorted(path.name for path in folder.iterdir()) == ["000001-0.jpg", "000002-1.jpg"]
    for number, (path, line) in enumerate(zip(sorted(folder.iterdir()), lines, strict=False)):
        picture = Image.open(manifest.parent / f"front/{number}.jpg")
        height = 1080 * picture.height // picture.width
        given, seen = np.asarray(picture.resize((1080, height), Image.Resampling.BICUBIC)).astype(int), drawn(path)
        assert seen.shape[0] > height, "a band of words below it"
        changed = np.abs(seen[:height] - given).max(axis=2) > 60
        assert 0.001 < changed.mean() < 0.5, "a path in the picture"
        # From above it lies in a corner; on the ground it begins in the middle.
        assert changed[:, height // 2 :].any() == (number == 0)
        assert line["waypoint"]["sentence"]


def test_a_film_is_written_with_its_pictures_times(run, tmp_path, capsys):
    path, out = write_film(tmp_path / "a.mkv", TIMES_MS), tmp_path / "drawn.mp4"
    assert exit_code(predict.main, "--run", run, path, "--video", out, "--overlay", tmp_path / "drawn") == 0
    assert len(capsys.readouterr().out.splitlines()) == len(TAKEN_MS)
    times, pictures = shown(out)
    np.testing.assert_allclose(times, np.array(TAKEN_MS) / 1000, atol=1e-3)
    drawings = sorted((tmp_path / "drawn").iterdir())
    assert [path.name for path in drawings][1] == "000002-a.mkv-t=0.250.jpg"
    for picture, drawing in zip(pictures, drawings, strict=True):
        assert np.abs(picture - drawn(drawing)).mean() < 6
    every = tmp_path / "every.mp4"
    assert exit_code(predict.main, "--run", run, path, "--video", every, "--every", 0) == 0
    assert len(shown(every)[0]) == len(TIMES_MS)


def test_a_film_that_was_taken_turned_is_written_upright(run, tmp_path):
    path = write_film(tmp_path / "a.mp4", [0, 40], turned=90)
    assert exit_code(predict.main, "--run", run, path, "--video", tmp_path / "drawn.mp4") == 0
    _, (picture,) = shown(tmp_path / "drawn.mp4")
    height, width = 1080, 810
    assert picture.shape[1] == width
    assert picture.shape[0] > height
    assert picture[height - 200 : height - 20, 20:150].mean() > 220 > picture[20:200, 20:150].mean()


def test_a_stopped_command_draws_all_and_answers_the_rest(run, tmp_path, monkeypatch):
    path, out, film = write_film(tmp_path / "a.mp4", TIMES_MS), tmp_path / "answers.jsonl", tmp_path / "drawn.mp4"
    words = ("--run", run, path, "--batch", 1, "--out", out, "--video", film)
    answers, asked_about = roadcue.RoadPredictor.answers, []

    def stopping(self, asked):
        asked_about.extend(one.id for one in asked)
        if len(asked_about) == 3:
            raise KeyboardInterrupt
        return answers(self, asked)

    monkeypatch.setattr(roadcue.RoadPredictor, "answers", stopping)
    assert exit_code(predict.main, *words) == 130
    assert not film.exists()
    assert exit_code(predict.main, *words) == 0
    names = [f"{path}#t={time / 1000:.3f}" for time in TAKEN_MS]
    assert asked_about == names[:3] + names[2:]
    assert len(shown(film)[0]) == len(out.read_text().splitlines()) == len(TAKEN_MS)
    assert not [left for left in tmp_path.iterdir() if left.name.startswith(".")]


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("own/front/0.jpg", "--video", "b.mp4"), "--video writes one film, and 0 films were named"),
        (("a.mp4", "c.mp4", "--video", "b.mp4"), "--video writes one film, and 2 films were named"),
        (("a.mp4", "own/front/0.jpg", "--video", "b.mp4"), "and a film and other pictures were named"),
        (("a.mp4", "--video", "b.avi"), "name a file that ends in .mp4"),
        (("a.mp4", "--video", "a.mp4"), "is to be read itself, and would be replaced"),
        (("a.mp4", "--video", ""), "--video needs a file"),
        (("a.mp4", "--out", "c.mp4"), "would replace a picture or a film by lines of text"),
        (("own", "--overlay", "own/drawn"), "its drawings would be taken for pictures"),
        (("--recalibrate", "own", "--overlay", "drawn"), "--overlay takes answers"),
    ],
)
def test_what_cannot_be_drawn_is_said_before_anything_is_loaded(
    run, manifest, tmp_path, capsys, monkeypatch, words, why
):
    monkeypatch.setattr("roadcue.inference.run.RoadPredictor.of_run", lambda *_: pytest.fail("loaded"))
    monkeypatch.chdir(tmp_path)
    for name in ("a.mp4", "c.mp4"):
        write_film(tmp_path / name, [0, 40])
    assert exit_code(predict.main, "--run", run, *words) == 2
    assert why in capsys.readouterr().err
    assert not (tmp_path / "b.mp4").exists()
