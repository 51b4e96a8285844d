"""Gradients that flow through numbers in fp16: small ones are kept, others left out, and the factor is remembered."""

from types import SimpleNamespace

import pytest
import torch
from torch import nn

from roadcue.errors import BadInput
from roadcue.preemption import Stopped
from roadcue.training.checkpoints import read_checkpoint
from roadcue.training.module import TrainingModule
from roadcue.training.run_folder import RunFolder
from roadcue.training.steps import TrainingSteps
from roadcue.training.trainer import fit

FIRST_FACTOR = 2.0**16


class Through(TrainingModule):
    """A weight, 1, that a loss reads through a number in fp16; `slope` is its gradient there."""

    def __init__(self, slope: float, *, fp16: bool = True) -> None:
        super().__init__(lr=0.1, steps=1, shape="constant")
        self.weight, self.slope, self.through_fp16 = nn.Parameter(torch.ones(1)), slope, fp16
        self.coarse = set()

    def training_step(self, batch, batch_idx):
        self.coarse.add(torch.is_autocast_enabled("cpu"))
        return (self.weight.half().float() * self.slope).sum()

    def parameter_groups(self):
        return [{"params": [self.weight], "weight_decay": 0.0}]


class Rows:
    def __len__(self):
        return 1

    def batch(self, positions):
        return torch.zeros(len(positions))


def trained(module, path, steps, *, precision="fp32", **given):
    options = SimpleNamespace(seed=0, precision=precision, checkpoint_every=1)
    folder = RunFolder(path)
    fit(module, TrainingSteps(Rows(), batch_size=1, epochs=steps, seed=0), folder, options, device="cpu", **given)
    return folder


def test_a_gradient_that_fp16_takes_for_nothing_moves_the_weight(tmp_path):
    plain, scaled = Through(1e-9, fp16=False), Through(1e-9)
    trained(plain, tmp_path / "plain", 1)
    trained(scaled, tmp_path / "scaled", 1)
    assert plain.weight.item() == 1.0
    assert scaled.weight.item() == pytest.approx(1 - 0.1 * 1e-9 / (1e-9 + 1e-8), rel=1e-4)


def test_a_run_that_goes_on_knows_its_factor(tmp_path):
    """Four steps are left out before a gradient of 10 fits into fp16."""
    whole = Through(10.0)
    kept = read_checkpoint(trained(whole, tmp_path / "whole", 5).last)
    assert kept["ScaledLoss"]["scale"] == FIRST_FACTOR / 2**4
    assert whole.weight.item() == pytest.approx(0.9)
    asked = iter([False, False, True])
    with pytest.raises(Stopped):
        trained(Through(10.0), tmp_path / "parts", 5, stop=lambda: next(asked))
    again = Through(10.0)
    folder = trained(again, tmp_path / "parts", 5, resuming=True)
    assert read_checkpoint(folder.last)["ScaledLoss"] == kept["ScaledLoss"]
    assert torch.equal(again.weight, whole.weight)


def test_gradients_that_no_factor_makes_finite_are_an_error(tmp_path):
    with pytest.raises(BadInput, match="--dtype fp16: gradients are not finite, however the loss is scaled"):
        trained(Through(1e6), tmp_path / "run", 30)


@pytest.mark.parametrize(("precision", "coarse"), [("fp32", False), ("bf16", True)])
def test_products_are_in_the_format_that_was_asked_for(tmp_path, precision, coarse):
    module = Through(1.0)
    trained(module, tmp_path / "run", 1, precision=precision)
    assert module.coarse == {coarse}
