"""Stage two from run folder to run folder: where it begins, what learns, what is left, and going on."""

import csv

import numpy as np
import pytest
import torch
from drawn import DrawnDataset
from going_on import go_on
from safetensors.torch import load_file

from roadcue.command_line import parse_file
from roadcue.errors import BadEncoder, BadInput
from roadcue.heads.multi_head import MultiHeadModel
from roadcue.models.adapters import adapter_parameters
from roadcue.models.registry import build_encoder
from roadcue.training.build import build_run_encoder, encoder_of_run
from roadcue.training.checkpoints import read_checkpoint
from roadcue.training.config import TrainConfig
from roadcue.training.extraction import stored_split
from roadcue.training.heads.batches import labels_of
from roadcue.training.stage_two import run as stage_two
from roadcue.training.stage_two.pictures import PictureSplit
from roadcue.training.trainer import KeepLast

ADE, FIELD = "val/waypoint/ade_5s", "val/field/balanced_accuracy"
TWO_CAMERAS = {"cameras": "FRONT,REAR", "past_frames": "1", "missing_camera": "learned"}


def measured(run, figure):
    """A figure of the validation rows after each epoch, as the run logged it."""
    (log,) = sorted(run.logs.glob("*/metrics.csv"))
    with log.open() as lines:
        return [float(line[figure]) for line in csv.DictReader(lines) if line.get(figure)]


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("plain", {}, ["--lora.dropout", "0.5"]),
        ("bf16", {"dtype": "bf16", "precision": "bf16"}, []),
        ("two cameras", TWO_CAMERAS, ["--lora.dora", "--accumulate", "2"]),
        ("attention", {"pooling": "attention"}, ["--gradient_checkpointing"]),
    ],
)
def test_before_the_first_step_it_is_as_good_as_stage_one(name, options, words, runs, tmp_path):
    earlier = runs(name, **options)
    run = go_on(earlier, tmp_path / "two", "--stage", "lora", *words)
    for figure in (ADE, FIELD):
        assert measured(run, figure)[0] == pytest.approx(measured(earlier, figure)[-1], rel=2e-3)
    assert measured(run, ADE)[1] != measured(run, ADE)[0]


@pytest.fixture
def kept(monkeypatch):
    """The encoder of each run as it is in training, by call."""
    encoders = []

    def building(config, *others, **named):
        encoders.append(build_run_encoder(config, *others, **named))
        return encoders[-1]

    monkeypatch.setattr(stage_two, "build_run_encoder", building)
    return encoders


def test_the_base_stays_as_it_was_and_the_adapter_is_what_heads_go_with(runs, kept, tmp_path):
    run = go_on(runs(), tmp_path / "two", "--stage", "lora", "--lora.last", "1", "--encoder_lr", "1")
    config = parse_file(TrainConfig, run.config)
    untouched = build_run_encoder(config)
    base = {name.replace(".base_layer", ""): w for name, w in kept[0].state_dict().items() if "lora_" not in name}
    assert all(torch.equal(base[name], weight) for name, weight in untouched.state_dict().items())
    learnt = adapter_parameters(kept[0].tower)
    assert all(".1." in name for name in learnt)
    assert all(weight.abs().sum() > 0 for name, weight in learnt.items() if "lora_B" in name)

    encoder, model = encoder_of_run(run, config), MultiHeadModel.from_pretrained(run.model).eval()
    facts = run.read_facts()
    assert facts["encoder_parts"]["adapter"] == encoder.fingerprint["adapter"]
    assert facts["stage_two"]["encoder_parameters"] == sum(weight.numel() for weight in learnt.values())
    assert facts["stage_two"]["stage"] == "lora"
    data = runs.splits["val"]
    labels = labels_of(data, model.heads.values())
    split = stored_split(data, encoder, config, labels=labels)
    with torch.no_grad():
        paths = model(split.batch(np.arange(len(split))))["waypoint"]["waypoints"]
    error = (paths.numpy() - data.states.future) ** 2
    assert np.sqrt(error.sum(axis=2)).mean() == pytest.approx(measured(run, ADE)[-1], rel=2e-3)
    assert model.detector is not None
    before = MultiHeadModel.from_pretrained(runs().model).detector.state_dict()
    assert any(not torch.equal(before[name], now) for name, now in model.detector.state_dict().items())


def weights(run):
    """All that a run has left, by file and name."""
    files = [file for part in (run.model, run.adapter, run.encoder) for file in part.rglob("*.safetensors")]
    return {f"{file.relative_to(run.path)} {key}": w for file in files for key, w in load_file(file).items()}


@pytest.mark.parametrize(
    ("stop", "words", "dtype"),  # in the middle of the first epoch, at its end (5 steps), in the second
    [
        (3, ["--stage", "lora", "--augment", "0.7", "--accumulate", "2"], "fp32"),
        (5, ["--stage", "full"], "fp32"),
        (4, ["--stage", "lora", "--ema", "0.9"], "fp16"),
        (7, ["--augment", "0.7"], "fp32"),
    ],
)
def test_stopping_and_going_on_gives_the_same_bits(stop, words, dtype, runs, tmp_path, monkeypatch):
    words = [*words, "--epochs", "2", "--workers", "2", "--checkpoint_every", "1"]
    earlier = runs(dtype, dtype=dtype)
    whole = go_on(earlier, tmp_path / "whole", *words)
    assert ("ScaledLoss" in read_checkpoint(whole.last)) == (dtype == "fp16")
    optimizer = read_checkpoint(whole.last)["optimizer_states"]

    class Stopped(Exception):
        pass

    save, taken = KeepLast.on_train_batch_end, []

    def save_then_die(self, trainer, module, *arguments):
        save(self, trainer, module, *arguments)
        taken.append(trainer.global_step)
        if trainer.global_step == stop and len(taken) == stop:
            raise Stopped

    monkeypatch.setattr(KeepLast, "on_train_batch_end", save_then_die)
    with pytest.raises(Stopped):
        go_on(earlier, tmp_path / "parts", *words)
    torch.manual_seed(12345)  # a new process would not stand where the old one stopped
    resumed = go_on(earlier, tmp_path / "parts", *words, "--resume", "auto")
    assert taken == [*range(1, 11)]
    theirs, ours = weights(resumed), weights(whole)
    assert theirs.keys() == ours.keys()
    assert all(torch.equal(theirs[name], ours[name]) for name in ours)
    again = read_checkpoint(resumed.last)["optimizer_states"]
    for key, state in optimizer[0]["state"].items():
        assert torch.equal(again[0]["state"][key]["exp_avg"], state["exp_avg"])
    before = {name: w for name, w in weights(earlier).items() if "heads/waypoint/" in name and "decoder" in name}
    assert any(not torch.equal(ours[name], weight) for name, weight in before.items())


def test_a_tower_that_has_learnt_whole_is_a_checkpoint(runs, tmp_path):
    run = go_on(runs(), tmp_path / "two", "--stage", "full", "--encoder_lr", "1")
    config = parse_file(TrainConfig, run.config)
    encoder, untouched = encoder_of_run(run, config), build_run_encoder(config)
    before = untouched.state_dict()
    learnt = [name for name, weight in encoder.state_dict().items() if not torch.equal(weight, before[name])]
    assert len(learnt) > 0.9 * len(list(encoder.parameters()))
    assert build_encoder("smol", checkpoint=str(run.encoder)).fingerprint == encoder.fingerprint
    assert run.read_facts()["stage_two"]["encoder_parameters"] == sum(w.numel() for w in untouched.parameters())
    assert not run.adapter.exists()


def test_the_same_heads_learn_on_as_a_control(runs, tmp_path):
    run = go_on(runs(), tmp_path / "two", "--epochs", "2")
    assert not run.adapter.exists()
    assert not run.encoder.exists()
    assert run.read_facts()["encoder_parts"] == runs().read_facts()["encoder_parts"]
    assert measured(run, ADE)[0] == pytest.approx(measured(runs(), ADE)[-1], rel=1e-5)
    assert len(measured(run, ADE)) == 3


def test_line_2_a_control_reads_the_store_unless_its_pictures_are_augmented(runs, tmp_path, monkeypatch):
    decoded = []
    batch, augmented = PictureSplit.batch, PictureSplit.augmented
    monkeypatch.setattr(PictureSplit, "batch", lambda self, *words: decoded.append(0) or batch(self, *words))
    monkeypatch.setattr(
        PictureSplit, "augmented", lambda self, *words, **how: decoded.append(1) or augmented(self, *words, **how)
    )
    go_on(runs(), tmp_path / "plain", "--epochs", "1")
    assert decoded == []
    go_on(runs(), tmp_path / "augmented", "--epochs", "1", "--augment", "0.5")
    assert 1 in decoded


def test_line_1_what_cannot_be_adapted_is_said_before_anything_is_encoded(runs, tmp_path, monkeypatch):
    monkeypatch.setattr(stage_two, "stored_splits", lambda *_: pytest.fail("pictures were encoded"))
    with pytest.raises(BadEncoder, match=r"--lora\.last 99: the vision tower has \d blocks; name at most so many"):
        go_on(runs(), tmp_path / "two", "--stage", "lora", "--lora.last", "99")


def test_other_training_rows_than_those_of_stage_one_are_refused(runs, tmp_path, monkeypatch):
    monkeypatch.setitem(runs.splits, "train", DrawnDataset("train", seed=1))
    with pytest.raises(BadInput, match="its training data have changed since"):
        go_on(runs(), tmp_path / "two", "--stage", "lora")
