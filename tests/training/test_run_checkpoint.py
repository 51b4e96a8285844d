"""A relative --checkpoint means in every later command what it meant in the training, or lies where that is said."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from fitted import fit
from tiny_smol import write_tiny_smol

import roadcue
from roadcue.command_line import parse, parse_file
from roadcue.errors import BadCheckpoint, BadInput
from roadcue.evaluation.config import EvalConfig
from roadcue.evaluation.run import evaluate_run, run_options
from roadcue.heads.waypoint.config import WaypointConfig
from roadcue.models.checkpoint import local_or_hub
from roadcue.training.captions.config import CAPTION
from roadcue.training.config import TrainConfig
from roadcue.training.run_checkpoint import elsewhere
from roadcue.training.run_folder import RunFolder

LINEAR = {"waypoint": WaypointConfig(kind="linear", residual="none")}


def test_paths_of_a_run_are_kept_whole(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "weights/tower").mkdir(parents=True)
    words = ["--checkpoint", "weights/tower", "--data", "manifest", "--data_dir", "own/m.jsonl", "--image_root=~/own"]
    config, text = parse(TrainConfig, [*words, "--store_dir", "../stores"])
    for place in ("elsewhere", "."):
        (tmp_path / place).mkdir(exist_ok=True)
        monkeypatch.chdir(tmp_path / place)
        (Path("config.yaml")).write_text(text)
        again = parse_file(TrainConfig, Path("config.yaml"))
        assert again == config
    assert config.checkpoint == str(tmp_path / "weights/tower")
    assert config.data_dir == str(tmp_path / "own/m.jsonl")
    assert config.image_root == str(tmp_path / "home/own")
    assert Path(config.store_dir).resolve() == tmp_path.parent / "stores"


@pytest.mark.parametrize("name", ["mini", "full", "org/model"])
def test_names_are_kept_as_they_are(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for folder in ("mini", "full"):
        (tmp_path / folder).mkdir()
    assert parse(TrainConfig, ["--checkpoint", name])[0].checkpoint == name


def test_what_looks_like_a_path_that_is_here_is_never_a_hub_id(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert local_or_hub("runs/tower", "smol") == "runs/tower"
    Path("runs").mkdir()
    for name in ("runs/tower", "runs/tower.safetensors"):
        with pytest.raises(BadCheckpoint, match=f"checkpoint '{name}': no such folder in runs, which is here"):
            local_or_hub(name, "smol")
    Path("runs/tower").mkdir()
    assert local_or_hub("runs/tower", "smol") == Path("runs/tower")


def test_a_run_is_used_where_its_checkpoint_lies_now(drawn, tmp_path):
    tower = write_tiny_smol(tmp_path / "tower")
    config = drawn(checkpoint=str(tower), head_options=LINEAR, epochs=1)
    folder = fit(config)
    moved = tower.rename(tmp_path / "moved")
    with pytest.raises(BadCheckpoint, match=r"tower, is not there any more; name the folder where it lies now"):
        roadcue.load(folder.path)
    with pytest.raises(BadCheckpoint, match="is not there any more"):
        evaluate_run(EvalConfig(run=str(folder.path)))
    predictor = roadcue.load(folder.path, checkpoint=moved)
    assert predictor.encoder.width == 16
    options = run_options(folder, EvalConfig(run=str(folder.path), checkpoint=str(moved)))
    assert options.checkpoint == str(moved)
    others = write_tiny_smol(tmp_path / "others", seed=1)
    with pytest.raises(BadInput, match=r"trained on features with weights = .* name it with --checkpoint"):
        roadcue.load(folder.path, checkpoint=others)
    # Trained on: the same weights from elsewhere are the same run, others are none.
    fit(replace(config, checkpoint=str(moved), resume="auto"))
    with pytest.raises(BadInput, match="trained on features with weights"):
        fit(replace(config, checkpoint=str(others), resume="auto"))
    folder.facts.unlink()
    with pytest.raises(BadInput, match="has changed since the checkpoint: the encoder's weights; put it back"):
        fit(replace(config, checkpoint=str(others), resume="auto"))
    assert fit(replace(config, checkpoint=str(moved), resume="auto")).facts.exists()
    shutil.rmtree(moved)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"encoder": "none"}, "has no encoder"),
        ({"stage": "full", "from_run": "runs/a"}, "has all of its weights in its folder"),
        ({"head": CAPTION, "encoder": "flamingo"}, "has all of its weights in its folder"),
    ],
)
def test_a_run_that_needs_no_checkpoint_takes_none(options, said):
    trained = TrainConfig(**options)
    assert elsewhere(trained, None) is trained
    with pytest.raises(BadInput, match=f"--checkpoint there: this run {said}; leave it out"):
        elsewhere(trained, "there")


def test_the_adapter_of_a_captioner_is_put_on_the_checkpoint_that_is_named():
    trained = TrainConfig(head=CAPTION, encoder="flamingo", stage="lora", from_run="runs/a")
    now = elsewhere(trained, "there")
    assert (now.checkpoint, now.from_run) == ("there", None)


def test_one_checkpoint_is_of_one_run():
    with pytest.raises(ValueError, match="--checkpoint is of one run; score each run by itself first"):
        EvalConfig(run="a", against=["b"], checkpoint="there")
    with pytest.raises(ValueError, match="--checkpoint belongs to the --run"):
        EvalConfig(predictions="texts.jsonl", head="caption", checkpoint="there")


def test_a_home_of_nobody_is_said(capsys):
    with pytest.raises(SystemExit):
        parse(TrainConfig, ["--data_dir", "~no_such_user/x"])
    assert "there is no home folder ~no_such_user" in capsys.readouterr().err
    assert RunFolder(Path("~")).path == Path("~")
