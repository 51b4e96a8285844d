"""What a training learns from and with: the training rows alone, each in its turn, as the options say."""

from dataclasses import replace
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
import torch
from drawn import DrawnDataset
from fitted import fit
from safetensors.torch import load_file

from roadcue.heads.cue.config import CueConfig
from roadcue.heads.field.config import FieldConfig
from roadcue.heads.multi_head import MultiHeadModel
from roadcue.heads.waypoint.config import WaypointConfig
from roadcue.options_as_text import as_yaml
from roadcue.training import run_facts
from roadcue.training.checkpoints import read_checkpoint
from roadcue.training.heads import fitting
from roadcue.training.heads.batches import StoredSplit, labels_of
from roadcue.training.heads.module import HeadsModule
from roadcue.training.run_folder import RunFolder
from roadcue.training.trainer import fit as fit_module


@pytest.fixture(autouse=True, scope="module")
def _gentle(one_thread):
    pass


@pytest.fixture
def blind(drawn):
    """Runs without an encoder, which are short; every one in a folder of its own."""
    runs = []

    def make(**options):
        runs.append(1)
        small = {"waypoint": WaypointConfig(hidden=16, dropout=0.0, residual="ego")}
        folder = str(Path(drawn().run_dir) / str(len(runs)))
        return drawn(**{"encoder": "none", "head_options": small, "run_dir": folder, **options})

    make.splits = drawn.splits
    return make


def weights(folder):
    files = sorted(folder.model.rglob("*.safetensors"))
    return {f"{file.parent.name}.{name}": one for file in files for name, one in load_file(file).items()}


def same(one, other):
    one, other = weights(one), weights(other)
    assert one.keys() == other.keys() != set()
    return [name for name, tensor in one.items() if torch.equal(tensor, other[name])] == list(one)


def test_nothing_is_learnt_from_the_validation_rows(blind):
    """Weights, statistics, ridge and baselines are the same whatever the validation rows hold."""
    first = fit(blind())
    blind.splits["val"] = DrawnDataset("val", sequences=3, frames=7, seed=5)
    blind.splits["val"].states.future[:] *= -3
    blind.splits["val"].states.past[:] += 50
    assert same(first, fit(blind()))


def test_statistics_and_ridge_are_those_of_the_training_rows(blind):
    """Recomputed by building them anew on the training split alone."""
    config = blind()
    folder = fit(config)
    model = fitting.build_model(config, fitting.build_run_encoder(config))
    train = StoredSplit.of(blind.splits["train"], None, labels=labels_of(blind.splits["train"], model.heads.values()))
    model.fit(train.learnable(model).batches())
    saved = MultiHeadModel.from_pretrained(folder.model)
    expected, loaded = dict(model.named_buffers()), dict(saved.named_buffers())
    assert expected.keys() == loaded.keys() != set()
    for name, tensor in expected.items():
        assert torch.equal(tensor, loaded[name]), name


def test_every_training_row_counts(blind):
    """One row more among the labels of the last sequence and the weights differ."""
    first = fit(blind())
    blind.splits["train"].states.future[-1] += 1
    assert not same(first, fit(blind()))


def seen_rows(config, monkeypatch):
    """The futures that each optimizer step learns from, as their sums."""
    seen, step = [], HeadsModule.training_step

    def look(self, batch, index):
        seen.append(batch["targets"]["future"].sum(dim=(1, 2)).tolist())
        return step(self, batch, index)

    with monkeypatch.context() as patch:
        patch.setattr(HeadsModule, "training_step", look)
        fit(config)
    return seen


def test_the_loop_sees_every_training_row_once_an_epoch_in_an_order_of_its_own(blind, monkeypatch):
    first, other = (seen_rows(blind(epochs=2, seed=seed), monkeypatch) for seed in (0, 1))
    rows = sorted(blind.splits["train"].states.future.sum(axis=(1, 2)).tolist())
    for run in (first, other):
        for epoch in (run[:3], run[3:]):
            assert sorted(chain.from_iterable(epoch)) == pytest.approx(rows, abs=1e-3)
        assert run[:3] != run[3:]
    assert first != other


def test_another_seed_has_another_order_where_the_weights_start_the_same(blind, monkeypatch):
    """Initial weights differ between seeds anyway; with those of seed 0 the order and dropout alone can differ."""
    build = fitting.build_model

    def built(*given):
        with torch.random.fork_rng():
            torch.manual_seed(0)
            return build(*given)

    monkeypatch.setattr(fitting, "build_model", built)
    assert same(fit(blind(seed=3)), fit(blind(seed=3)))
    assert not same(fit(blind(seed=3)), fit(blind(seed=4)))


def test_another_seed_starts_from_other_weights(blind, monkeypatch):
    begun = []

    def start(self):
        begun.append(torch.cat([one.detach().flatten() for one in self.model.parameters()]).clone())

    monkeypatch.setattr(HeadsModule, "on_train_start", start)
    head = {"waypoint": WaypointConfig(hidden=16, residual="none")}
    for seed in (0, 0, 1):
        fit(blind(seed=seed, epochs=1, head_options=head))
    assert torch.equal(begun[0], begun[1])
    assert not torch.equal(begun[0], begun[2])


def test_weight_decay_is_decoupled_and_of_every_weight(blind, monkeypatch):
    """Loshchilov and Hutter 2019: a step moves a weight w by -lr * weight_decay * w beside Adam's own way."""
    steps = []

    def after_one_step(weight_decay):
        before, after, build = {}, {}, fitting.build_model

        def built(*given):
            model = build(*given)
            steps.append(model)
            return model

        def start(self):
            before.update({name: one.detach().clone() for name, one in self.model.named_parameters()})

        with monkeypatch.context() as patch:
            patch.setattr(fitting, "build_model", built)
            patch.setattr(HeadsModule, "on_train_start", start)
            fit(blind(epochs=1, batch_size=256, lr=0.01, weight_decay=weight_decay))
        after.update({name: one.detach() for name, one in steps[-1].named_parameters()})
        return before, after

    begin, plain = after_one_step(0.0)
    again, decayed = after_one_step(0.5)
    assert begin.keys() == again.keys() != set()
    for name, weight in begin.items():
        assert torch.equal(weight, again[name])
        torch.testing.assert_close(decayed[name] - plain[name], -0.01 * 0.5 * weight, rtol=1e-3, atol=1e-6)
    assert any(weight.abs().max() > 0.01 for weight in begin.values())


def test_an_average_of_the_weights_is_another_model(blind):
    assert not same(fit(blind()), fit(blind(ema=0.9)))


@pytest.mark.parametrize("name", ["field", "cue"])
def test_probabilities_are_calibrated_without_dropout(blind, monkeypatch, name):
    """The same twice, and those of the head as it is used."""
    options = {"field": FieldConfig(hidden=16, dropout=0.5), "cue": CueConfig(hidden=16, dropout=0.5)}
    calibrate = MultiHeadModel.calibrate

    def twice(self, batches, sequence):
        calibrate(self, batches, sequence)
        first = {key: value.clone() for key, value in self.state_dict().items()}
        calibrate(self.eval(), batches, sequence)
        for key, value in self.state_dict().items():
            assert torch.equal(value, first[key]), key

    monkeypatch.setattr(MultiHeadModel, "calibrate", twice)
    fit(blind(head=name, head_options={name: options[name]}, epochs=2))


def test_earlier_frames_are_of_the_same_sequence(drawn):
    """In features that were really stored: the first frame of a sequence has none, the second the first."""
    from roadcue.training.build import build_run_encoder
    from roadcue.training.extraction import stored_split

    config = drawn(past_frames="1")
    dataset = drawn.splits["val"] = DrawnDataset("val", sequences=3, frames=4)
    split = stored_split(dataset, build_run_encoder(config), config, frames_back=config.frames_back)
    batch = split.batch(np.arange(len(split)))
    for row in range(len(split)):
        first = dataset.states.frame[row] == 0
        assert bool(batch["present"][row, 1]) == (not first)
        expected = torch.zeros_like(batch["stored"][row, 1]) if first else batch["stored"][row - 1, 0]
        assert torch.equal(batch["stored"][row, 1], expected)


def test_a_stop_request_saves_at_a_step_boundary_and_the_run_goes_on_to_the_same_bits(blind, monkeypatch):
    """With dropout, whose random numbers must go on as well."""
    head = {"waypoint": WaypointConfig(hidden=16, dropout=0.3, residual="none")}
    whole = fit(blind(ema=0.9, head_options=head))
    asked = []

    def stop():
        asked.append(1)
        return len(asked) == 6  # after three steps, a batch of validation, and two steps

    config = blind(ema=0.9, checkpoint_every=100, head_options=head)
    with monkeypatch.context() as patch:
        patch.setattr(fitting, "fit", lambda *given, **options: fit_module(*given, **options, stop=stop))
        with pytest.raises(KeyboardInterrupt):
            fit(config)
    folder = RunFolder(Path(config.run_dir))
    assert read_checkpoint(folder.last)["global_step"] == 5
    assert not folder.facts.exists()
    torch.manual_seed(999)
    assert same(whole, fit(replace(config, resume="auto")))


def test_a_stop_request_after_the_last_step_loses_nothing(blind, monkeypatch):
    """There are nine, and a batch of validation after every third."""
    whole, asked = fit(blind()), []
    stop = lambda: asked.append(1) or len(asked) == 11  # noqa: E731
    monkeypatch.setattr(fitting, "fit", lambda *given, **options: fit_module(*given, **options, stop=stop))
    assert same(whole, fit(blind()))
    assert len(asked) == 12


def test_products_in_bfloat16_leave_weights_in_single_precision(blind):
    single, brain = fit(blind()), fit(blind(precision="bf16"))
    assert {tensor.dtype for tensor in weights(brain).values()} == {
        tensor.dtype for tensor in weights(single).values()
    }
    assert not same(single, brain)
    for name, tensor in weights(brain).items():
        torch.testing.assert_close(tensor, weights(single)[name], rtol=0.1, atol=0.1)


def test_the_rate_warms_up_and_then_falls(blind, monkeypatch):
    rates, step = [], HeadsModule.training_step

    def look(self, *given):
        rates.append(self.optimizers().param_groups[0]["lr"])
        return step(self, *given)

    monkeypatch.setattr(HeadsModule, "training_step", look)
    fit(blind(lr=0.03, warm_up=3))
    assert rates[:4] == pytest.approx([0.01, 0.02, 0.03, 0.03])
    assert rates[4:] == sorted(rates[4:], reverse=True)
    assert rates[-1] < 0.01


def test_a_run_says_which_code_made_it(blind, monkeypatch):
    import platform

    import roadcue

    facts = fit(blind(epochs=1)).read_facts()
    assert facts["versions"]["roadcue"] == roadcue.__version__
    assert facts["versions"]["python"] == platform.python_version()
    assert {"torch", "numpy", "lightning"} <= facts["versions"].keys()
    monkeypatch.setattr(run_facts, "_commit", lambda: "0123456789ab+")
    assert fit(blind(epochs=1)).read_facts()["versions"]["commit"] == "0123456789ab+"
    monkeypatch.setattr(run_facts, "_commit", lambda: None)
    assert "commit" not in fit(blind(epochs=1)).read_facts()["versions"], "an installed package knows of none"


def test_the_commit_is_that_of_the_checkout():
    import subprocess

    root = Path(run_facts.__file__).parents[1]
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=root, capture_output=True, text=True, check=False).stdout
    commit = run_facts.versions().get("commit", "")
    assert head.startswith(commit.removesuffix("+"))
    assert bool(commit) == bool(head and (root / ".git").exists())


def test_a_configuration_is_dumped_without_what_nobody_set(blind):
    text = as_yaml(blind())
    assert "past_frames" not in text
    assert "epochs: 3" in text
