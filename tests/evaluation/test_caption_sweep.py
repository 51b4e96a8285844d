"""Sweeps of caption runs: each setting by what its texts claim, a stage two beside stage one and its control."""

import json

import pytest
import yaml
from drawn_walks import drawn_walks

from roadcue import train
from roadcue.command_line import parse
from roadcue.training.config import TrainConfig
from roadcue.training.run_folder import RunFolder
from roadcue.training.sweep.stage_two import controls
from roadcue.training.sweep.sweep import planned

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


@pytest.fixture(scope="module", autouse=True)
def _gentle(one_thread):
    pass


QUIET = ["--caption.val_texts", "0"]
HOW = ["--device", "cpu", "--workers", "0", "--precision", "fp32"]
STEPS = ["--epochs", "1", "--batch_size", "4", "--warm_up", "0"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return drawn_walks(tmp_path_factory, train=4, val=3)


@pytest.fixture(scope="module")
def stage_one(folder, tmp_path_factory):
    """The miniature as it is, as a run."""
    run = tmp_path_factory.mktemp("one") / "run"
    words = ["--head", "caption", "--encoder", "smol", "--data", "sensation", "--data_dir", str(folder)]
    assert train.main([*words, *QUIET, "--epochs", "0", "--device", "cpu", "--run_dir", str(run)]) == 0
    return RunFolder(run)


def test_a_stage_two_stands_beside_stage_one_and_its_control(stage_one, tmp_path):
    words = ["--stage", "lora", "--from", str(stage_one.path), "--lora.scope", "text", "--sweep", "lora.rank=1,4"]
    assert train.main([*words, *HOW, *STEPS, "--run_dir", str(tmp_path / "sweep")]) == 0
    written = json.loads((tmp_path / "sweep/unfreezing.json").read_text())["figures"]
    figures = {each["figure"]: each["lines"] for each in written}
    assert {"sidewalk, balanced accuracy", "road, balanced accuracy", "nats per token"} <= figures.keys()
    for lines in figures.values():
        assert [line["name"] for line in lines] == ["stage one", "control", "lora.rank=1", "lora.rank=4"]
        assert all(line["over_control"] for line in lines[2:])
    one, control, small, large = figures["nats per token"]
    assert one["trainable"] == 0
    assert large["trainable"] == 4 * small["trainable"] < control["trainable"]
    assert control["figure"]["value"] != one["figure"]["value"]
    names = [run["name"] for run in json.loads((tmp_path / "sweep/sweep.json").read_text())["runs"]]
    assert names == ["stage=heads-seed0", "lora.rank=1-seed0", "lora.rank=4-seed0"]
    trained = RunFolder(tmp_path / "sweep" / names[0])
    assert "--sweep" not in trained.read_facts()["command"]
    assert (trained.path / "predictions.jsonl").exists()


def test_plain_settings_stand_beside_each_other(folder, tmp_path, capsys):
    words = ["--head", "caption", "--encoder", "smol", "--data", "sensation", "--data_dir", str(folder)]
    swept = ["--sweep", "lr=1e-9,1e-3", "--run_dir", str(tmp_path / "sweep")]
    assert train.main([*words, *QUIET, *HOW, *STEPS, *swept]) == 0
    said = capsys.readouterr().out
    assert "Δ" not in said
    (loss,) = (
        each["lines"]
        for each in json.loads((tmp_path / "sweep/unfreezing.json").read_text())["figures"]
        if each["figure"] == "nats per token"
    )
    slow, fast = loss
    assert (slow["name"], fast["name"]) == ("lr=1e-9", "lr=1e-3")
    assert slow["over_first"] is slow["over_control"] is fast["over_first"] is fast["over_control"] is None
    assert fast["figure"]["value"] != slow["figure"]["value"]


def test_a_control_has_the_rate_of_its_own_kind_of_training():
    given = {"head": "caption", "stage": "lora", "lr": 2e-4, "weight_decay": 0.0, "accumulate": 2, "quantize": "nf4"}
    text, _ = controls(yaml.safe_dump(given), [{"lora.rank": "2"}])
    assert yaml.safe_load(text) == {"head": "caption", "accumulate": 2}
    text, _ = controls(yaml.safe_dump({**given, "lr": 1e-3}), [{}])
    assert yaml.safe_load(text)["lr"] == 1e-3


def test_both_stages_are_settings_of_one_sweep(stage_one, tmp_path):
    words = ["--stage", "lora", "--from", str(stage_one.path), "--sweep", "stage=lora,full", *HOW, *STEPS]
    config, text = parse(TrainConfig, [*words, "--run_dir", str(tmp_path / "sweep")])
    runs = planned(config, text, tmp_path / "sweep")
    assert [(run.config.stage, run.config.lr) for run in runs] == [("heads", 2e-5), ("lora", 2e-4), ("full", 2e-5)]
