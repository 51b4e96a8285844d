"""Trainings, sweeps and extractions that a signal stops: they go on to what they would have been without it."""

import os
import re
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from drawn import DrawnDataset
from fitted import fit
from safetensors.torch import load_file

from roadcue.command_line import run
from roadcue.heads.waypoint.config import WaypointConfig
from roadcue.loaders.feature_store import StoreWriter
from roadcue.options_as_text import as_yaml
from roadcue.preemption import SIGNALS
from roadcue.training.build import build_run_encoder
from roadcue.training.checkpoints import read_checkpoint
from roadcue.training.extraction import extract
from roadcue.training.heads.batches import StoredSplit
from roadcue.training.heads.fitting import train
from roadcue.training.heads.module import HeadsModule
from roadcue.training.run_folder import RunFolder
from roadcue.training.steps import InOrder
from roadcue.training.sweep.sweep import sweep
from roadcue.training.trainer import SafetensorsIO


@pytest.fixture(autouse=True, scope="module")
def _gentle(one_thread):
    pass


@pytest.fixture(autouse=True)
def _outside_of_slurm(monkeypatch):
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)


@pytest.fixture
def blind(drawn, tmp_path):
    """Three epochs of three steps each, without an encoder and with dropout, in a folder of its own each time."""
    made = []

    def config(**options):
        made.append(1)
        head = {"waypoint": WaypointConfig(hidden=16, dropout=0.3, residual="none")}
        folder = str(tmp_path / f"run{len(made)}")
        return drawn(**{"encoder": "none", "head_options": head, "run_dir": folder, "resume": "auto", **options})

    return config


def tell(number: int) -> None:
    os.kill(os.getpid(), number)
    time.sleep(0)  # where Python calls handlers


def at_step(monkeypatch: pytest.MonkeyPatch, number: int, do: Callable[[], None]) -> None:
    """In the middle of the n-th step from now on, before it has changed any weight."""
    steps, training_step = [], HeadsModule.training_step

    def interrupted(module, batch, batch_idx):
        loss = training_step(module, batch, batch_idx)
        steps.append(1)
        if len(steps) == number:
            do()
        return loss

    monkeypatch.setattr(HeadsModule, "training_step", interrupted)


def same(one: RunFolder, other: RunFolder) -> bool:
    names = sorted(file.relative_to(one.model) for file in one.model.glob("**/*.safetensors"))
    pairs = ((load_file(one.model / name), load_file(other.model / name)) for name in names)
    return bool(names) and all(torch.equal(mine[key], others[key]) for mine, others in pairs for key in mine)


@pytest.mark.parametrize("number", SIGNALS)
def test_a_training_ends_at_its_step_and_goes_on_to_the_same_bits(blind, monkeypatch, capsys, number):
    whole, config = fit(blind()), blind()
    folder = RunFolder(Path(config.run_dir))
    with monkeypatch.context() as patch:
        at_step(patch, 5, lambda: tell(number))
        assert run(train, config, as_yaml(config)) == 128 + number
    assert read_checkpoint(folder.last)["global_step"] == 5
    assert not folder.facts.exists()
    assert f"--run_dir {folder.path} --resume auto goes on from the checkpoint of step 5" in capsys.readouterr().err
    torch.manual_seed(999)
    assert same(whole, fit(config))


def test_a_signal_in_the_last_step_loses_nothing(blind, monkeypatch):
    whole, config = fit(blind()), blind()
    with monkeypatch.context() as patch:
        at_step(patch, 9, lambda: tell(signal.SIGUSR1))
        assert run(train, config, as_yaml(config)) == 128 + signal.SIGUSR1
    assert same(whole, fit(config))


@pytest.mark.parametrize("epoch", [1, 3])
def test_a_validation_that_is_stopped_is_done_again_whole(blind, monkeypatch, capsys, epoch):
    """Also the last one, after which nothing is left to train."""
    monkeypatch.setattr(StoredSplit, "batches", lambda split, size=16: InOrder(split, 16))
    whole, config = fit(blind()), blind()
    (measured,) = re.findall(rf"^epoch {epoch}/3  (val .* m)  ", capsys.readouterr().out, re.MULTILINE)
    folder, batches, step = RunFolder(Path(config.run_dir)), [], HeadsModule.validation_step

    def in_the_middle(module, batch, batch_idx):
        batches.append(batch_idx)
        step(module, batch, batch_idx)
        if len(batches) == 3 * epoch - 1:
            tell(signal.SIGUSR1)

    with monkeypatch.context() as patch:
        patch.setattr(HeadsModule, "validation_step", in_the_middle)
        assert run(train, config, as_yaml(config)) == 128 + signal.SIGUSR1
    assert batches == [0, 1, 2] * (epoch - 1) + [0, 1]
    assert read_checkpoint(folder.last)["global_step"] == 3 * epoch
    assert f"epoch {epoch}/3" not in capsys.readouterr().out
    assert same(whole, fit(config))
    assert f"\nepoch {epoch}/3  {measured}  (as it was left)\n" in capsys.readouterr().out


def test_a_start_leaves_a_checkpoint_of_its_first_step_and_of_every_five_minutes(blind, monkeypatch):
    """So that a job whose nodes are taken again and again, without a word, comes to its end."""
    config, saved, now = blind(epochs=4, batch_size=8), [], [0.0]
    monkeypatch.setattr(
        SafetensorsIO, "save_checkpoint", lambda _, state, *__, **___: saved.append(state["global_step"])
    )
    monkeypatch.setattr("roadcue.training.trainer.time", SimpleNamespace(monotonic=lambda: now[0]))
    for step in range(1, 49):
        at_step(monkeypatch, step, lambda: now.__setitem__(0, now[0] + 40))
    fit(config)
    assert saved == [1, 9, 12, 20, 24, 32, 36, 44, 48]


def test_a_step_longer_than_the_grace_leaves_the_checkpoint_before_it(blind, monkeypatch):
    """Slurm tells, waits for its grace time, and kills: the step never comes to its end."""

    class Killed(BaseException):
        pass

    def told_and_killed():
        tell(signal.SIGUSR1)
        raise Killed

    whole, config = fit(blind(checkpoint_every=3)), blind(checkpoint_every=3)
    with monkeypatch.context() as patch:
        at_step(patch, 8, told_and_killed)
        with pytest.raises(Killed):
            run(train, config, as_yaml(config))
    assert read_checkpoint(RunFolder(Path(config.run_dir)).last)["global_step"] == 6
    assert same(whole, fit(config))


def test_a_sweep_goes_on_in_the_run_in_which_it_was_stopped(blind, monkeypatch):
    whole, config = blind(sweep=["lr=1e-3,1e-2"]), blind(sweep=["lr=1e-3,1e-2"])
    sweep(whole, as_yaml(whole))
    with monkeypatch.context() as patch:
        at_step(patch, 9 + 5, lambda: tell(signal.SIGUSR1))
        assert run(sweep, config, as_yaml(config)) == 128 + signal.SIGUSR1
    folders = [RunFolder(Path(config.run_dir) / f"lr={lr}-seed0") for lr in ("1e-3", "1e-2")]
    assert [folder.facts.exists() for folder in folders] == [True, False]
    assert read_checkpoint(folders[1].last)["global_step"] == 5
    sweep(config, as_yaml(config))
    assert all(same(RunFolder(Path(whole.run_dir) / folder.path.name), folder) for folder in folders)


def test_an_extraction_ends_behind_a_batch_and_goes_on_with_the_next(blind, monkeypatch, tmp_path):
    data = DrawnDataset("train", sequences=4)
    whole, config = (blind(encoder="smol", encode_batch=8, store_dir=str(tmp_path / name)) for name in "ab")
    encoder = build_run_encoder(config)
    expected = extract(data, encoder, whole)
    written, write = [], StoreWriter.write

    def write_and_tell(writer, rows, *arrays):
        write(writer, rows, *arrays)
        written.extend(rows)
        if len(written) == 24:
            tell(signal.SIGTERM)

    monkeypatch.setattr(StoreWriter, "write", write_and_tell)
    assert run(lambda: extract(data, encoder, config)) == 128 + signal.SIGTERM
    assert written == list(range(24))
    store = extract(data, encoder, replace(config))
    assert written == list(range(48))
    np.testing.assert_array_equal(store.features, expected.features)
