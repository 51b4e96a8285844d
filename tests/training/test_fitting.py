import gc
import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from fitted import fit
from safetensors.torch import load_file

from roadcue.command_line import parse_file
from roadcue.errors import BadInput
from roadcue.heads.cue.config import CueConfig
from roadcue.heads.multi_head import BLIND_SUFFIX, MultiHeadModel
from roadcue.heads.waypoint.config import WaypointConfig
from roadcue.models.none.encoder import NoEncoder
from roadcue.training.build import build_run_encoder
from roadcue.training.checkpoints import read_checkpoint
from roadcue.training.config import TrainConfig
from roadcue.training.extraction import stored_split
from roadcue.training.heads.fitting import build_model
from roadcue.training.heads.module import HeadsModule
from roadcue.training.heads.predictions import predict
from roadcue.training.run_folder import RunFolder
from roadcue.training.trainer import KeepLast


def weights(folder):
    return {str(path.relative_to(folder.model)): load_file(path) for path in folder.model.rglob("*.safetensors")}


def assert_equal_weights(one, other):
    assert one.keys() == other.keys()
    for path, tensors in one.items():
        assert tensors.keys() == other[path].keys()
        for name, tensor in tensors.items():
            assert torch.equal(tensor, other[path][name]), f"{path} {name}"


def test_a_run_leaves_everything_that_evaluation_needs(drawn):
    folder = fit(drawn())
    assert MultiHeadModel.from_pretrained(folder.model).heads.keys() == {
        "waypoint",
        "waypoint without features",
        "ridge",
        "constant turn rate",
        "constant velocity",
        "stand still",
    }
    facts = folder.read_facts()
    assert facts["rows"] == {"train": 96, "val": 48}
    assert "miniature" in facts["encoder"]
    assert facts["steps"] == -(-96 // drawn().optimization.batch_size) * drawn().optimization.epochs
    model = MultiHeadModel.from_pretrained(folder.model)
    seeing = {name: weight for name, weight in model.named_parameters() if BLIND_SUFFIX not in name}
    assert len(seeing) < len(list(model.parameters())), "the twin has learnt, too"
    assert facts["trainable"] == sum(weight.numel() for weight in seeing.values()) > 0
    assert facts["peak_memory"] > 1e8
    assert parse_file(TrainConfig, folder.config) == drawn()
    assert list(folder.logs.glob("events*"))
    assert (folder.logs / "from_step_0" / "metrics.csv").exists()


def test_nothing_in_a_run_folder_is_a_pickle(drawn):
    folder = fit(drawn(epochs=1))
    names = {path.suffix for path in folder.path.rglob("*") if path.is_file() and "events" not in path.name}
    assert names <= {".yaml", ".json", ".safetensors", ".csv", ".png"}


def test_the_picture_pays_where_only_it_shows_the_future(drawn):
    config = drawn(epochs=40, lr=3e-3)
    folder = fit(config)
    split = stored_split(drawn.splits["val"], build_run_encoder(config), config)
    predictions = predict(MultiHeadModel.from_pretrained(folder.model).eval(), split).paths
    future = split.dataset.states.future
    error = {name: abs(path - future).mean() for name, path in predictions.items()}
    assert error["waypoint"] < 0.7 * error["waypoint without features"]


@pytest.mark.parametrize(
    ("stop", "pooling", "ema"),  # in the middle of an epoch, at the end of one (3 steps each), and of the last
    [(4, "grid", 0.0), (6, "attention", 0.0), (4, "attention", 0.9), (6, "grid", 0.9), (12, "grid", 0.9)],
)
def test_stopping_and_going_on_gives_the_same_bits(drawn, tmp_path, monkeypatch, stop, pooling, ema):
    whole = fit(drawn(run_dir=str(tmp_path / "whole"), pooling=pooling, ema=ema, epochs=4))

    class Stopped(Exception):
        pass

    save = KeepLast.on_train_batch_end

    def save_then_die(self, trainer, module, *arguments):
        save(self, trainer, module, *arguments)
        if trainer.global_step == stop:
            raise Stopped

    config = drawn(run_dir=str(tmp_path / "parts"), pooling=pooling, ema=ema, epochs=4, checkpoint_every=2)
    with monkeypatch.context() as patch:
        patch.setattr(KeepLast, "on_train_batch_end", save_then_die)
        with pytest.raises(Stopped):
            fit(config)
    torch.manual_seed(12345)  # a new process would not stand where the old one stopped
    steps = []
    step = HeadsModule.training_step
    monkeypatch.setattr(HeadsModule, "training_step", lambda *a: steps.append(a[-1]) or step(*a))
    resumed = fit(replace(config, resume="auto"))
    assert len(steps) == 12 - stop
    assert_equal_weights(weights(whole), weights(resumed))


def test_an_average_of_the_weights_is_validated_and_saved(drawn, tmp_path, monkeypatch):
    """It is recomputed here from the weights after every step, and has not moved one of them."""
    taken, validated = [], []
    step, validate = KeepLast.on_train_batch_end, HeadsModule.validation_step

    def parameters(module):
        return {name: tensor.detach().double() for name, tensor in module.model.named_parameters()}

    def take(self, trainer, module, *arguments):
        taken.append(parameters(module))
        step(self, trainer, module, *arguments)

    def see(self, batch, index):
        validated.append(parameters(self))
        validate(self, batch, index)

    monkeypatch.setattr(KeepLast, "on_train_batch_end", take)
    monkeypatch.setattr(HeadsModule, "validation_step", see)
    fit(drawn(run_dir=str(tmp_path / "plain"), encoder="none"))
    plain = taken.copy()
    taken.clear(), validated.clear()
    folder = fit(drawn(encoder="none", ema=0.3))
    assert len(taken) == len(plain) == 9
    for one, other in zip(taken, plain, strict=True):
        assert all(torch.equal(tensor, other[name]) for name, tensor in one.items())

    averages, average = [], taken[0]
    for before, weights_now in enumerate(taken):
        decay = min(0.3, (1 + before) / (10 + before))
        average = {name: decay * average[name] + (1 - decay) * tensor for name, tensor in weights_now.items()}
        averages.append(average)
    saved = dict(MultiHeadModel.from_pretrained(folder.model).named_parameters())
    for tensors, expected in ((validated[0], averages[2]), (validated[-1], averages[8]), (saved, averages[8])):
        for name, tensor in tensors.items():
            torch.testing.assert_close(tensor.double(), expected[name], rtol=1e-5, atol=1e-7)
    assert any(abs(averages[2][name] - tensor).max() > 1e-4 for name, tensor in taken[2].items())


def test_the_same_seed_gives_the_same_bits_and_another_does_not(drawn, tmp_path):
    runs = [
        weights(fit(drawn(run_dir=str(tmp_path / name), seed=seed))) for name, seed in (("a", 0), ("b", 0), ("c", 1))
    ]
    assert_equal_weights(runs[0], runs[1])
    name = "heads/waypoint/model.safetensors"
    assert any(not torch.equal(tensor, runs[2][name][key]) for key, tensor in runs[0][name].items())


def test_going_on_with_other_options_is_refused_by_name(drawn):
    fit(drawn(epochs=1))
    with pytest.raises(BadInput, match=r"--lr 0\.5, and the run has 0\.001; use another --run_dir"):
        fit(drawn(epochs=1, lr=0.5, resume="auto"))


def test_a_run_is_never_overwritten(drawn):
    fit(drawn(epochs=1))
    with pytest.raises(BadInput, match="--resume auto"):
        fit(drawn(epochs=1))


def test_a_finished_run_is_left_as_it_is(drawn, capsys):
    folder = fit(drawn(epochs=1))
    before = {path: path.stat().st_mtime_ns for path in folder.path.rglob("*")}
    drawn.splits["val"].fingerprint = "others"  # it changes no weight
    fit(drawn(epochs=1, resume="auto"))
    gc.collect()  # with the last that refers to it a folder's lock goes
    assert {path: path.stat().st_mtime_ns for path in folder.path.rglob("*")} == before
    assert "finished" in capsys.readouterr().out


def test_a_damaged_checkpoint_is_named(drawn):
    folder = fit(drawn(epochs=1))
    folder.facts.unlink()
    folder.last.write_bytes(folder.last.read_bytes()[:100])
    with pytest.raises(BadInput, match=r"last\.safetensors"):
        fit(drawn(epochs=1, resume="auto"))


def test_without_an_encoder_no_picture_is_read_and_no_twin_is_trained(drawn):
    folder = fit(drawn(encoder="none", epochs=1))
    assert "waypoint without features" not in MultiHeadModel.from_pretrained(folder.model).heads
    assert drawn.splits["train"].reads == 0


def test_head_options_reach_the_head(drawn):
    folder = fit(drawn(head_options={"waypoint": WaypointConfig(hidden=32, residual="ego")}, epochs=1))
    settings = json.loads((folder.model / "heads" / "waypoint" / "config.json").read_text())["config"]
    assert (settings["hidden"], settings["residual"]) == (32, "ego")


def test_only_heads_and_pool_train(drawn):
    encoder = build_run_encoder(drawn())
    model = build_model(drawn(pooling="attention"), encoder)
    assert not any(parameter.requires_grad for parameter in encoder.parameters())
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_a_part_that_would_never_train_is_an_error(drawn):
    model = build_model(drawn(), build_run_encoder(drawn()))
    next(model.heads["waypoint"].parameters()).requires_grad_(False)
    with pytest.raises(ValueError, match="never train"):
        HeadsModule(model, lr=1e-3, weight_decay=0, steps=1).configure_optimizers()


def test_ctrl_c_keeps_the_checkpoint_and_says_so(drawn, monkeypatch):
    step, pressed_at = HeadsModule.training_step, [5]

    def step_then_ctrl_c(self, batch, index):
        if self.trainer.global_step == pressed_at[0]:
            raise KeyboardInterrupt
        return step(self, batch, index)

    config = drawn(epochs=4, checkpoint_every=2)
    with monkeypatch.context() as patch:
        patch.setattr(HeadsModule, "training_step", step_then_ctrl_c)
        with pytest.raises(KeyboardInterrupt, match=r"--resume auto goes on from the checkpoint of step 4"):
            fit(config)
        pressed_at[0] = 0
        never = replace(config, run_dir=config.run_dir + "-2", checkpoint_every=100)
        with pytest.raises(KeyboardInterrupt, match=r"before the first checkpoint; .* --resume auto begins anew"):
            fit(never)
    assert fit(replace(never, resume="auto")).facts.exists()
    assert read_checkpoint(RunFolder(Path(config.run_dir)).last)["global_step"] == 4
    assert fit(replace(config, resume="auto")).facts.exists()


def changed_pictures(dataset):
    dataset.fingerprint = "others"


def changed_past(dataset):
    dataset.states.past[3, 0, 0] += 1


def changed_intent(dataset):
    dataset.states.intent[3] = (dataset.states.intent[3] + 1) % 4


def changed_future(dataset):
    dataset.states.future[3, 19, 1] += 1


@pytest.mark.parametrize("change", [changed_pictures, changed_past, changed_intent, changed_future])
def test_going_on_with_changed_data_is_refused(drawn, change):
    folder = fit(drawn(epochs=1))
    folder.facts.unlink()
    change(drawn.splits["train"])
    with pytest.raises(BadInput, match="has changed since the checkpoint"):
        fit(drawn(epochs=1, resume="auto"))


def changed_labels(dataset):
    targets = dataset.targets
    dataset.targets = lambda row: replace(targets(row), fields={"sidewalk_pos": "Left", "road_pos": "Front"})


@pytest.mark.parametrize("change", [changed_pictures, changed_past, changed_intent, changed_future, changed_labels])
def test_a_finished_run_whose_training_data_have_changed_is_not_said_to_be_finished(drawn, change, capsys):
    config = drawn(epochs=1, head="waypoint,field", encoder="none", resume="auto")
    fit(config)
    change(drawn.splits["train"])
    capsys.readouterr()
    with pytest.raises(BadInput, match=r"run: is finished, and the training data have changed .* another --run_dir"):
        fit(config)
    assert "finished" not in capsys.readouterr().out
    facts = json.loads((Path(config.run_dir) / "run.json").read_text())
    del facts["data_fingerprint"]  # as before it was kept
    RunFolder(Path(config.run_dir)).write_facts(facts)
    fit(config)
    assert "is finished; nothing left to train" in capsys.readouterr().out


def test_a_checkpoint_of_before_heads_kept_what_they_were_taught_is_gone_on_with(drawn):
    model = build_model(drawn(head="cue", encoder="none", head_options={"cue": CueConfig(hidden=8)}), NoEncoder())
    module = HeadsModule(model, lr=1e-3, weight_decay=0.0, steps=3)
    weights = {name: tensor for name, tensor in module.state_dict().items() if not name.endswith(".taught")}
    assert len(weights) < len(module.state_dict())
    checkpoint = {"learnt_from": {}, "generators": None, "state_dict": weights}
    module.on_load_checkpoint(checkpoint)
    module.load_state_dict(checkpoint["state_dict"], strict=True)
