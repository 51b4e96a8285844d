"""A run with an adapter goes through every door that any run goes through."""

import json
import shutil
from pathlib import Path

import pytest
from fake_hub import fake_hub, offline, snapshot_of
from going_on import earlier_runs
from main_job import exit_code
from peft import PeftModel
from safetensors.torch import load_file, save_file
from transformers import AutoModelForImageTextToText

import roadcue
from roadcue import eval, predict, train
from roadcue.errors import BadCheckpoint, BadInput
from roadcue.training.run_folder import RunFolder


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    with earlier_runs(tmp_path_factory.mktemp("runs")) as run:
        yield run


@pytest.fixture(scope="module")
def adapted(runs, tmp_path_factory):
    """A run of `--stage lora`, from the command."""
    run_dir = tmp_path_factory.mktemp("two") / "two"
    words = ["--stage", "lora", "--from", runs().path, "--run_dir", run_dir, "--epochs", 1, "--lora.rank", 8]
    assert exit_code(train.main, *words, "--encoder_lr", 1, "--workers", 0) == 0
    return RunFolder(run_dir)


def given(runs, row=0):
    dataset = runs.splits["val"]
    return {"images": dataset.image(row, "FRONT"), "past": dataset.states.past[row], "intent": 1}


def answers(run, runs):
    return {name: one.to_json() for name, one in roadcue.load(run).predict(**given(runs)).items()}


def test_it_is_scored_beside_its_stage_one(adapted, runs, capsys):
    assert exit_code(eval.main, "--run", adapted.path, "--against", runs().path) == 0
    said = capsys.readouterr().out
    assert "plain" in said
    metrics = json.loads((adapted.path / "metrics.json").read_text())
    assert "with an adapter, LoRA of rank 8 in 12 layers" in json.dumps(metrics["run"])
    assert "waypoint" in metrics["sees_image"]


def test_it_is_loaded_and_predicts_by_its_own_encoder(adapted, runs, tmp_path, capsys):
    assert answers(adapted.path, runs) != answers(runs().path, runs)
    assert "adapter" in roadcue.load(adapted.path).encoder.fingerprint
    (tmp_path / "a.jpg").write_bytes(given(runs)["images"])
    capsys.readouterr()
    assert exit_code(predict.main, "--run", adapted.path, tmp_path / "a.jpg") == 0
    assert "field" in json.loads(capsys.readouterr().out)


def test_its_adapter_is_one_of_plain_transformers(adapted, runs, tmp_path):
    encoder = roadcue.load(adapted.path).encoder
    model = AutoModelForImageTextToText.from_pretrained(runs().path.parent / "tower").eval()
    theirs = PeftModel.from_pretrained(model, adapted.adapter).base_model.model.model.vision_model
    state = theirs.state_dict()
    ours = encoder.tower.state_dict()
    assert state.keys() == ours.keys()
    assert all((state[name] == weight).all() for name, weight in ours.items())


def test_another_adapter_is_noticed(adapted, runs, tmp_path):
    copy = RunFolder(Path(shutil.copytree(adapted.path, tmp_path / "copy")))
    before = copy.identity
    (copy.adapter / "adapter_config.json").touch()
    assert copy.identity != before
    shutil.rmtree(copy.adapter)
    with pytest.raises(BadCheckpoint, match=r"adapter_config\.json: missing"):
        roadcue.load(copy.path)
    shutil.copytree(adapted.adapter, copy.adapter)
    weights = load_file(copy.adapter / "adapter_model.safetensors")
    save_file({name: 2 * weight for name, weight in weights.items()}, copy.adapter / "adapter_model.safetensors")
    with pytest.raises(BadInput, match="its heads were trained on features with adapter = "):
        roadcue.load(copy.path)


def test_it_comes_back_from_the_hub(adapted, runs, tmp_path, monkeypatch):
    offline(monkeypatch, tmp_path / "hub")
    monkeypatch.chdir(tmp_path)
    fake_hub(monkeypatch, tmp_path / "hub")
    roadcue.load(adapted.path).push_to_hub("org/name", checkpoint="org/tower")
    snapshot = snapshot_of(tmp_path / "hub", "org/name")
    files = {file.relative_to(snapshot).as_posix(): file for file in snapshot.rglob("*") if file.is_file()}
    assert {"adapter/adapter_config.json", "adapter/adapter_model.safetensors"} <= files.keys()
    assert "a vision encoder with an adapter (LoRA)" in files["README.md"].read_text()
    for name, file in files.items():
        assert str(runs().path.parent).encode() not in file.read_bytes(), name
    config = json.loads(files["config.json"].read_text())
    assert config["from_run"] == "plain"
    files["config.json"].unlink()
    (snapshot / "config.json").write_text(json.dumps({**config, "checkpoint": str(runs().path.parent / "tower")}))
    assert answers("org/name", runs) == answers(adapted.path, runs)


def test_an_adapter_is_no_checkpoint(adapted, runs, capsys):
    assert exit_code(train.main, "--checkpoint", adapted.adapter, "--head", "field") == 2
    assert "is an adapter, which changes a checkpoint and is none" in capsys.readouterr().err
