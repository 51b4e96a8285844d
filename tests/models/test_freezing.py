import pytest
import torch
from torch import nn

from roadcue.models.freezing import FrozenModule, evaluating


class Frozen(FrozenModule):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Sequential(nn.Linear(3, 3), nn.Dropout(0.5), nn.BatchNorm1d(3))
        self.freeze()

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        return self.layer(rows)


def test_nothing_requires_a_gradient_and_train_keeps_eval_and_returns_self():
    frozen = Frozen()
    assert not any(parameter.requires_grad for parameter in frozen.parameters())
    assert frozen.train() is frozen
    assert frozen.eval() is frozen
    around = nn.Sequential(frozen, nn.Linear(3, 1)).train()
    assert around[1].training
    assert not any(module.training for module in frozen.modules())


def test_training_around_it_leaves_every_weight_and_statistic_as_it_was():
    frozen = Frozen()
    before = {key: value.clone() for key, value in frozen.state_dict().items()}
    around = nn.Sequential(frozen, nn.Linear(3, 1)).train()
    optimizer = torch.optim.SGD((p for p in around.parameters() if p.requires_grad), lr=1.0)
    around(torch.randn(8, 3)).square().mean().backward()
    optimizer.step()
    assert all(torch.equal(value, before[key]) for key, value in frozen.state_dict().items())


def test_freezing_nothing_is_an_error():
    class Empty(FrozenModule):
        pass

    with pytest.raises(AssertionError, match="Empty has no parameters to freeze"):
        Empty().freeze()


def test_who_is_evaluated_is_as_it_was_afterwards_even_by_halves():
    module = nn.Sequential(nn.Dropout(0.5), nn.BatchNorm1d(3)).train()
    module[1].eval()
    before = [part.training for part in module.modules()]
    with evaluating(module):
        assert not any(part.training for part in module.modules())
    assert [part.training for part in module.modules()] == before == [True, True, False]
    with pytest.raises(ZeroDivisionError), evaluating(module):
        raise ZeroDivisionError
    assert [part.training for part in module.modules()] == before
