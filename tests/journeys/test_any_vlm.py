"""A model of transformers that RoadCue has no file about: trained, loaded, asked and scored like any captioner."""

import json

import pytest
from drawn_walks import drawn_walks
from tiny_vlms import tiny_qwen

import roadcue
from roadcue import eval as scoring
from roadcue import train

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


@pytest.fixture(scope="module", autouse=True)
def _gentle(one_thread):
    pass


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return drawn_walks(tmp_path_factory, train=6, val=2)


def test_it_learns_writes_and_is_scored(folder, tmp_path, capsys):
    words = ["--encoder", "auto", "--head", "caption", "--data", "sensation", "--data_dir", str(folder)]
    words += ["--device", "cpu", "--precision", "fp32", "--workers", "0", "--epochs", "1"]
    run = tmp_path / "run"
    checkpoint = tiny_qwen(tmp_path / "model")
    assert train.main([*words, "--checkpoint", str(checkpoint), "--run_dir", str(run)]) == 0
    assert f"auto captioner: checkpoint in {checkpoint}" in capsys.readouterr().out
    picture = sorted(folder.rglob("*.jpg"))[0]
    said = roadcue.load(run).predict(picture)["caption"]
    assert said.text
    assert not [token for token in ("<|im_end|>", "<|image_pad|>") if token in said.text]
    assert scoring.main(["--run", str(run), "--resamples", "10"]) == 0
    lines = (run / "predictions.jsonl").read_text().splitlines()
    assert len([json.loads(line)["prediction"] for line in lines]) == 2


def test_without_a_checkpoint_it_is_told_to_name_one(folder, tmp_path, capsys):
    words = ["--encoder", "auto", "--head", "caption", "--data", "sensation", "--data_dir", str(folder)]
    assert train.main([*words, "--run_dir", str(tmp_path / "run")]) == 2
    assert "checkpoint 'mini': RoadCue has none for auto; name a folder or a hub id" in capsys.readouterr().err
