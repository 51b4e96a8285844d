"""What goes on, and with which words: after a stop, with more epochs, and where a part of a finished run is gone."""

import csv
import math
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from fitted import fit
from safetensors.torch import load_file

from roadcue.command_line import run as command
from roadcue.errors import BadInput
from roadcue.evaluation.config import EvalConfig
from roadcue.evaluation.run import evaluate_run
from roadcue.heads.field.config import FieldConfig
from roadcue.heads.multi_head import MultiHeadModel
from roadcue.heads.waypoint.config import WaypointConfig
from roadcue.preemption import Stopped
from roadcue.schema import SampleTargets
from roadcue.training import module as training_module
from roadcue.training.checkpoints import read_checkpoint
from roadcue.training.heads.module import HeadsModule
from roadcue.training.run_folder import RunFolder
from roadcue.training.schedule import lay_out_anew, learning_rate
from roadcue.training.sweep.sweep import stop_said

LINEAR = {"waypoint": WaypointConfig(kind="linear", residual="none")}


@pytest.fixture
def blind(drawn):
    """Runs without pictures, of two epochs of three steps."""
    drawn.splits["train"].states.future[:, :, 0] += 1  # so that there is something to learn
    return lambda **options: drawn(**{"encoder": "none", "epochs": 2, "head_options": LINEAR, **options})


def weights(folder):
    return {name: load_file(path) for path in sorted(folder.model.rglob("*.safetensors")) for name in [path.parent]}


def rates(folder):
    lines = [line for file in sorted(folder.logs.glob("*/metrics.csv")) for line in csv.DictReader(file.open())]
    return [float(line["learning_rate"]) for line in lines if line.get("learning_rate")]


def test_more_epochs_with_resume_auto_go_on_and_say_what_that_is(blind, capsys):
    fit(blind())
    capsys.readouterr()
    folder = fit(blind(epochs=4, resume="auto"))
    out = capsys.readouterr().out
    assert "goes on from step 6 to 12 instead of 6: from here on the learning rate falls as over 12 steps" in out
    assert "epoch 3/4" in out
    assert "epoch 1/4" not in out
    facts = folder.read_facts()
    assert (facts["steps"], facts["went_on"]) == (12, [6])
    assert read_checkpoint(folder.last)["global_step"] == 12
    assert rates(folder)[-1] < 0.1 * blind().lr
    fit(blind(epochs=4, resume="auto"))
    assert "is finished; nothing left to train" in capsys.readouterr().out
    with pytest.raises(BadInput, match=r"cannot go on with other options: --epochs 3, and the run has 4"):
        fit(blind(epochs=3, resume="auto"))


def test_a_run_that_was_stopped_on_its_way_to_more_epochs_is_not_finished(blind, monkeypatch):
    folder = fit(blind())
    with monkeypatch.context() as patched:
        patched.setattr(HeadsModule, "training_step", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt()))
        with pytest.raises(KeyboardInterrupt, match="goes on from the checkpoint of step 6"):
            fit(blind(epochs=3, resume="auto"))
    assert not folder.facts.exists()
    facts = fit(blind(epochs=3, resume="auto")).read_facts()
    assert (facts["steps"], facts["went_on"]) == (9, [6])


def test_more_epochs_at_a_constant_rate_are_the_same_as_all_at_once(blind, monkeypatch, capsys):
    """As those of captioners are: no step depends on how many come after it."""
    rate = training_module.learning_rate
    monkeypatch.setattr(training_module, "learning_rate", lambda *a, **b: rate(a[0], "constant", **b))
    monkeypatch.setattr(training_module, "lay_out_anew", lay_out_anew)
    whole = fit(blind(epochs=3, run_dir=blind().run_dir + "-whole"))
    fit(blind(epochs=1))
    longer = fit(blind(epochs=3, resume="auto"))
    for one, other in zip(weights(whole).values(), weights(longer).values(), strict=True):
        assert all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("warm_up", [0, 4])
def test_a_rate_that_is_laid_out_anew_is_that_of_as_many_steps(warm_up):
    def made(steps):
        optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=2.0)
        return optimizer, learning_rate(optimizer, "cosine", steps=steps, warm_up=warm_up)

    (first, schedule), (_, longer) = made(10), made(20)
    for _ in range(10):
        first.step()
        schedule.step()
    longer.load_state_dict(schedule.state_dict())
    lay_out_anew(longer, 20)
    expected = 1 + math.cos(math.pi * (10 - warm_up) / (20 - warm_up))
    assert longer.optimizer.param_groups[0]["lr"] == pytest.approx(expected)
    for _ in range(10):
        longer.optimizer.step()
        longer.step()
    assert longer.optimizer.param_groups[0]["lr"] == pytest.approx(0, abs=1e-9)


def test_options_on_which_no_finished_step_depended_are_free(blind):
    config = blind()
    folder = RunFolder(Path(config.run_dir))
    folder.path.mkdir(parents=True)
    folder.config.write_text("lr: 0.5\n")  # it was stopped before its first checkpoint
    assert fit(replace(config, lr=0.001, resume="auto")).read_facts()["steps"] == 6


def test_where_the_model_of_a_finished_run_is_gone_all_commands_agree(blind, capsys):
    config = blind(resume="auto")
    folder = fit(config)
    before = weights(folder)
    shutil.rmtree(folder.model)
    with pytest.raises(BadInput, match=r"model: no trained heads here .*; let train\.py finish"):
        evaluate_run(EvalConfig(run=str(folder.path)))
    capsys.readouterr()
    fit(config)  # made again of the last checkpoint
    assert "is finished" not in capsys.readouterr().out
    for one, other in zip(before.values(), weights(folder).values(), strict=True):
        assert all(torch.equal(one[name], other[name]) for name in one)
    shutil.rmtree(folder.model)
    folder.last.unlink()
    with pytest.raises(BadInput, match=r"says that it is finished, and model/ is gone, as is the checkpoint"):
        fit(config)


@pytest.mark.parametrize("kind", [KeyboardInterrupt, Stopped])
def test_the_words_after_a_stop_are_those_that_the_command_takes(blind, monkeypatch, capsys, kind):
    config = blind()
    with monkeypatch.context() as patched:
        patched.setattr(MultiHeadModel, "save_pretrained", lambda *_: (_ for _ in ()).throw(kind()))
        code = command(fit, config)
    said = capsys.readouterr().err
    words = f"the same command with --run_dir {config.run_dir} --resume auto goes on from the checkpoint of step 6"
    assert f"stopped; {words}" in said
    assert code == (130 if kind is KeyboardInterrupt else 128 + 15)
    with pytest.raises(BadInput, match="--resume auto goes on with it"):
        fit(config)
    assert fit(replace(config, resume="auto")).facts.exists()


def test_a_sweep_that_is_stopped_says_its_folder():
    for kind in (KeyboardInterrupt, Stopped):
        said = r"the same command with --run_dir runs/a --resume auto goes on"
        with pytest.raises(kind, match=said), stop_said(Path("runs/a")):
            raise kind


def test_labels_that_no_row_has_are_said_before_a_picture_is_encoded(drawn):
    options = {"head": "field", "head_options": {"field": FieldConfig(hidden=8)}, "epochs": 1, "calibration": 0}
    folder = fit(drawn(**options))
    val = drawn.splits["val"]
    shutil.rmtree(folder.path.parent / "cache")  # as if they were to be encoded
    val.targets, reads = lambda row: SampleTargets(), val.reads
    with pytest.raises(BadInput, match=r"no row has both features and .* to score against"):
        evaluate_run(EvalConfig(run=str(folder.path)))
    assert val.reads == reads
