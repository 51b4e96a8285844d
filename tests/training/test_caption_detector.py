"""A caption run says of which pictures its texts are not to be relied on, as runs of heads do."""

import json
import shutil

import numpy as np
import pytest
import torch
from drawn_walks import drawn_walks

import roadcue
from roadcue import eval as scoring
from roadcue import predict, train
from roadcue.errors import BadHead
from roadcue.heads.multi_head import DETECTOR
from roadcue.heads.ood_detector import OODDetector
from roadcue.heads.prediction import UNLIKE
from roadcue.loaders import picture_file
from roadcue.loaders.jpeg import encode
from roadcue.loaders.sensation.dataset import open_sensation
from roadcue.models.registry import CAPTIONERS
from roadcue.training.captions.detector import CaptionDetector, learn_caption_detector
from roadcue.training.heads.covered_lens import SPOILT
from roadcue.training.run_folder import RunFolder

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


@pytest.fixture(scope="module", autouse=True)
def _gentle(one_thread):
    pass


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return drawn_walks(tmp_path_factory, train=40, val=8)


@pytest.fixture(scope="module", params=["flamingo", "smol"])
def run(request, folder, tmp_path_factory):
    """A run of one step, whose texts are as good as none."""
    run = tmp_path_factory.mktemp(request.param) / "run"
    words = ["--encoder", request.param, "--head", "caption", "--data", "sensation", "--data_dir", str(folder)]
    words += ["--run_dir", str(run), "--device", "cpu", "--precision", "fp32", "--workers", "0"]
    words += ["--epochs", "1", "--batch_size", "40", "--lr", "1e-12"]
    assert train.main(words) == 0
    return RunFolder.of(run)


def test_line_1_a_text_of_what_shows_nothing_is_not_spoken(run):
    predictor, picture = roadcue.load(run.path), np.zeros((96, 128, 3), np.uint8)
    for name, spoil in SPOILT.items():
        said = predictor.predict(spoil(picture))["caption"]
        assert not said.in_distribution, name
        assert said.sentence == f"Not sure: {UNLIKE}."
        assert said.to_json() == {"text": said.text, "in_distribution": False, "reason": UNLIKE} | {
            "ood_score": said.ood_score
        }


def test_a_text_of_a_picture_like_those_that_were_learnt_from_is_spoken(run, folder):
    data = open_sensation(folder, "train")
    said = roadcue.load(run.path).predict([data.image(row, "CHEST") for row in range(8)])["caption"]
    like = [one for one in said if one.in_distribution]
    assert len(like) >= 6
    assert all(one.sentence == one.text and one.reason is None for one in like)


def test_line_1_a_run_of_texts_is_recalibrated_by_pictures_of_another_camera(run, folder, tmp_path, capsys):
    own = shutil.copytree(run.path, tmp_path / "run")
    picture = open_sensation(folder, "train").image(0, "CHEST")
    (tmp_path / "other").mkdir()
    for number in range(20):
        changed = np.roll(picture_file.decode(picture, "here"), number, axis=1) * [1, 0.7, 0.4]
        (tmp_path / "other" / f"{number}.jpg").write_bytes(encode(changed.astype(np.uint8), 90))
    assert predict.main(["--run", str(own), "--recalibrate", str(tmp_path / "other"), "--device", "cpu"]) == 0
    assert "now 0% are" in capsys.readouterr().out
    other = [str(path) for path in sorted((tmp_path / "other").iterdir())]
    farthest = [
        max(said.ood_score for said in roadcue.load(one).predict(other)["caption"]) for one in (own, run.path)
    ]
    assert farthest[0] == pytest.approx(1, abs=1e-4) != pytest.approx(farthest[1], abs=0.01)
    for spoil in SPOILT.values():
        assert not roadcue.load(own).predict(spoil(np.zeros((96, 128, 3), np.uint8)))["caption"].in_distribution


def test_a_clip_is_unlike_when_one_of_its_pictures_is(run):
    predictor = roadcue.load(run.path)
    detector = CaptionDetector.of_run(run.model, predictor.config, "cpu")
    clips = torch.full((2, 3, *predictor.captioner.preprocess.shape), 128, dtype=torch.uint8)
    clips[0, 1] = torch.randint(0, 256, clips.shape[2:], generator=torch.manual_seed(0), dtype=torch.uint8)
    clips[1, 2] = clips[0, 1]
    alone = torch.stack([detector(clip) for clip in clips])
    assert alone[0, 1] != alone[0, 2]
    score = detector.of_clips(clips)
    torch.testing.assert_close(score, alone.amax(dim=1))
    assert score[0] == pytest.approx(float(score[1])), "wherever the picture is"


def test_the_share_of_unlike_pictures_stands_beside_the_loss(run, tmp_path, monkeypatch):
    scores = iter([2.0] + [0.5] * 100)
    monkeypatch.setattr(
        "roadcue.training.captions.detector.CaptionDetector.__call__",
        lambda self, pixels: torch.tensor([next(scores) for _ in pixels]),
    )
    assert scoring.main(["--run", str(run.path), "--out", str(tmp_path), "--resamples", "50"]) == 0
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    assert metrics["run"]["unlike the training pictures"].startswith("12.5% of the rows, by a threshold of")
    assert list(metrics["answers"][0]["methods"]) == ["caption", "caption, answered"]
    page = (tmp_path / "report.html").read_text()
    assert "12.5% of all rows are unlike" in page
    assert "caption, answered: 7 of the 8 samples" in page


def test_a_run_of_before_tells_none(run, tmp_path):
    shutil.copytree(run.path, tmp_path / "old")
    shutil.rmtree(tmp_path / "old" / "model" / DETECTOR)
    said = roadcue.load(tmp_path / "old").predict(np.zeros((96, 128, 3), np.uint8))["caption"]
    assert (said.ood_score, said.in_distribution, said.reason) == (None, None, None)
    assert said.sentence == said.text


def test_a_damaged_detector_is_named(run, tmp_path):
    shutil.copytree(run.path, tmp_path / "bad")
    (tmp_path / "bad" / "model" / DETECTOR / "config.json").write_text("[]")
    with pytest.raises(BadHead, match="not the configuration of a detector"):
        roadcue.load(tmp_path / "bad")


def test_a_captioner_without_an_encoder_of_its_name_has_no_detector(monkeypatch):
    class Options:
        encoder = "words_alone"

    assert "words_alone" not in CAPTIONERS
    assert learn_caption_detector(None, Options()) is None


def test_the_detector_is_that_of_the_frozen_tower(run):
    detector = OODDetector.from_pretrained(run.model / DETECTOR)
    assert (detector.pictures, detector.cells, detector.width) == (1, 16, 192)
