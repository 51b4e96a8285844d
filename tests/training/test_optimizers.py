"""bitsandbytes' optimizers: they learn as AdamW does, go on after a stop to the bit, and are asked for in time."""

import sys
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from safetensors import safe_open
from torch import nn

from roadcue.errors import BadInput
from roadcue.preemption import Stopped
from roadcue.training.checkpoints import read_checkpoint
from roadcue.training.module import TrainingModule
from roadcue.training.optimizers import build_optimizer, check_optimizer
from roadcue.training.run_folder import RunFolder
from roadcue.training.steps import TrainingSteps
from roadcue.training.trainer import fit

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")
LARGE, SMALL = 128, 16
"""8-bit states begin at 4096 numbers: a matrix of LARGE x LARGE has them, one of SMALL x LARGE has not."""


@pytest.fixture(scope="module", autouse=True)
def _gentle(one_thread):
    pass


@dataclass(frozen=True)
class Options:
    seed: int = 0
    precision: str = "fp32"
    checkpoint_every: int = 1000


class Numbers:
    """Sixteen rows of numbers."""

    def __len__(self):
        return 16

    def batch(self, positions: np.ndarray) -> torch.Tensor:
        drawn = torch.randn(16, LARGE, generator=torch.Generator().manual_seed(0))
        return drawn[torch.from_numpy(positions)]


class Squares(TrainingModule):
    """Learns to give its input back."""

    def __init__(self):
        super().__init__(lr=1e-2, steps=12, shape="cosine")
        torch.manual_seed(0)
        self.layers = nn.Sequential(nn.Linear(LARGE, LARGE), nn.Dropout(0.1), nn.Linear(LARGE, SMALL, bias=False))

    def training_step(self, batch, batch_idx):
        loss = (self.layers(batch) - batch[:, :SMALL]).square().mean()
        self.log("train/loss", loss.detach())
        return loss

    def parameter_groups(self):
        return [{"params": list(self.parameters()), "weight_decay": 0.1}]


def trained(path, optimizer: str, stop: Callable[[], bool] = lambda: False, *, resuming: bool = False) -> Squares:
    module, folder = Squares(), RunFolder(path)
    folder.path.mkdir(exist_ok=True)
    steps = TrainingSteps(Numbers(), batch_size=4, epochs=3, seed=0)
    fit(module, steps, folder, Options(), device="cpu", optimizer=optimizer, stop=stop, resuming=resuming)
    return module


def test_the_states_are_of_8_bits_and_it_learns_as_adamw_does(tmp_path):
    of_32, of_8 = (trained(tmp_path / name, name).layers for name in ("adamw", "adamw8bit"))
    begun, inputs = Squares().layers, Numbers().batch(np.arange(16))
    before, after, near = (
        float((layers.eval()(inputs) - inputs[:, :SMALL]).square().mean()) for layers in (begun, of_32, of_8)
    )
    assert near == pytest.approx(after, rel=0.1)
    assert near < 0.8 * before
    with safe_open(RunFolder(tmp_path / "adamw8bit").last, framework="pt") as file:
        states = {name: file.get_tensor(name) for name in file.keys() if ".state1" in name}  # noqa: SIM118
    assert {(tuple(state.shape), state.dtype) for state in states.values()} == {
        ((LARGE, LARGE), torch.uint8),
        ((LARGE,), torch.float32),
        ((SMALL, LARGE), torch.float32),
    }


@pytest.mark.parametrize("optimizer", ["adamw", "adamw8bit"])
def test_a_stopped_run_goes_on_to_the_same_weights(tmp_path, optimizer):
    whole = trained(tmp_path / "whole", optimizer)
    asked = iter([False, False, False, False, True])
    with pytest.raises(Stopped):
        trained(tmp_path / "stopped", optimizer, lambda: next(asked))
    assert read_checkpoint(RunFolder(tmp_path / "stopped").last)["global_step"] == 5
    gone_on = trained(tmp_path / "stopped", optimizer, resuming=True)
    for one, other in zip(whole.parameters(), gone_on.parameters(), strict=True):
        assert torch.equal(one, other)


def test_weight_decay_is_that_of_each_group():
    kept, decayed = (nn.Parameter(torch.ones(LARGE, LARGE)) for _ in range(2))
    groups = [{"params": [decayed], "weight_decay": 0.5}, {"params": [kept], "weight_decay": 0.0}]
    optimizer = build_optimizer("adamw8bit", groups, lr=0.1, betas=(0.9, 0.999))
    kept.grad, decayed.grad = torch.zeros(LARGE, LARGE), torch.zeros(LARGE, LARGE)
    optimizer.step()
    assert torch.equal(kept, torch.ones(LARGE, LARGE))
    torch.testing.assert_close(decayed.detach(), torch.full((LARGE, LARGE), 0.95))


def test_what_is_not_here_is_said_before_the_training(tmp_path, monkeypatch):
    check_optimizer("adamw", "cpu")
    check_optimizer("adamw8bit", "cpu")
    with pytest.raises(BadInput, match=r"^--optimizer paged_adamw8bit: .*this run is on cpu; take adamw8bit"):
        trained(tmp_path / "run", "paged_adamw8bit")
    monkeypatch.setitem(sys.modules, "bitsandbytes", None)
    check_optimizer("adamw", "cpu")
    with pytest.raises(BadInput, match=r"^--optimizer adamw8bit: needs the package bitsandbytes.*roadcue\[qlora\]"):
        check_optimizer("adamw8bit", "cpu")
