"""The filter of training pictures by a CLIP: cosines by hand, what is counted, a run that learns from the rest."""

import json

import numpy as np
import pytest
import torch
from drawn_walks import drawn_walks
from tiny_clip import save_clip

from roadcue import train
from roadcue.errors import BadInput
from roadcue.loaders import picture_file
from roadcue.models.clip import Clip
from roadcue.models.preprocessing import clip_preprocessing
from roadcue.training.build import open_split
from roadcue.training.captions import clip_filter
from roadcue.training.captions.clip_filter import AT_LEAST, FilterCounts, clip_cosines, filter_by_clip
from roadcue.training.captions.pictures import CaptionPictures
from roadcue.training.config import TrainConfig

pytestmark = [pytest.mark.filterwarnings("ignore::UserWarning"), pytest.mark.usefixtures("one_thread")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return drawn_walks(tmp_path_factory, train=8, val=2)


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    return save_clip(tmp_path_factory.mktemp("clip"))


@pytest.fixture(scope="module")
def clip(saved):
    return Clip.from_pretrained(str(saved))


@pytest.fixture(scope="module")
def pictures(folder):
    dataset = open_split(TrainConfig(data="sensation", data_dir=str(folder), encoder="flamingo"), "train")
    return CaptionPictures.of(dataset, clip_preprocessing(64, "squash"), "bvpi", dataset.cameras[0])


def test_the_threshold_is_the_documents():
    assert AT_LEAST == 0.28


def test_cosines_are_those_of_each_picture_with_its_own_text(pictures, clip):
    cosines, cut = clip_cosines(pictures, clip)
    row = int(pictures.rows[3])
    picture = picture_file.decode(pictures.dataset.image(row, pictures.camera), "")
    seen, text = clip.picture_vectors(clip.cropped(picture)[None])[0], clip.text_vectors([pictures.text(row)])
    assert cosines[3] == pytest.approx(float(seen @ text.vectors[0]), abs=1e-3)
    assert cut[3] == text.cut[0]
    assert len(cosines) == len(cut) == len(pictures) == 8


def test_what_is_as_much_alike_as_the_threshold_stays_and_the_rest_is_counted(pictures, clip, monkeypatch):
    cosines = np.array([0.3, 0.28, 0.27, -0.9, 0.5, 0.1, 0.2799, 0.29])
    monkeypatch.setattr(clip_filter, "clip_cosines", lambda pictures, clip: (cosines, np.arange(8) < 3))
    kept, counts = filter_by_clip(pictures, clip)
    assert kept.rows.tolist() == pictures.rows[[0, 1, 4, 7]].tolist()
    assert counts == FilterCounts(kept=4, left_out=4, texts_cut=3)
    with pytest.raises(BadInput, match=r"as much like it as 0.6, the most is 0.50; leave the filter out"):
        filter_by_clip(pictures, clip, 0.6)


def test_a_run_learns_from_what_stays_and_says_what_does_not(folder, saved, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(
        clip_filter, "clip_cosines", lambda pictures, clip: (np.arange(8) / 10, torch.ones(8).numpy())
    )
    words = ["--encoder", "flamingo", "--head", "caption", "--data", "sensation", "--data_dir", str(folder)]
    words += ["--run_dir", str(tmp_path / "run"), "--device", "cpu", "--workers", "0", "--epochs", "1"]
    assert train.main([*words, "--caption.clip_filter", str(saved)]) == 0
    assert "filter: 3 of 8 pictures left out by CLIP: checkpoint in" in capsys.readouterr().out
    facts = json.loads((tmp_path / "run" / "run.json").read_text())
    assert facts["clip_filter"] == {"kept": 5, "left_out": 3, "texts_cut": 8}
    assert facts["rows"]["train"] == 5
