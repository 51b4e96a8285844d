"""The one rule of freezing: nothing requires a gradient, and nothing wakes it up."""

from typing import Self

from torch import nn


class FrozenModule(nn.Module):
    """A module that never learns: its subclasses call `freeze()` at the end of their construction."""

    def freeze(self) -> None:
        """Take every parameter out of training; AssertionError when there is none, so nothing was frozen."""
        parameters = list(self.parameters())
        assert parameters, f"{type(self).__name__} has no parameters to freeze: freeze() ran before its weights"
        for parameter in parameters:
            parameter.requires_grad_(False)
        self.eval()

    def train(self, mode: bool = True) -> Self:
        """Stay in eval, so that the `train()` of a module around it thaws no dropout; returns self."""
        return super().train(False)
