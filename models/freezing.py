"""The one rule of freezing: nothing requires a gradient and nothing wakes it up, unless stage two asks for it."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Self

import torch
from torch import nn


@contextmanager
def evaluating(module: nn.Module) -> Iterator[None]:
    """Meanwhile `module` computes as it is used, without dropout; then each part of it is as it was before."""
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for part, training in modes:
            part.training = training


class FrozenModule(nn.Module):
    """A module that does not learn: its subclasses call `freeze()` at the end of their construction."""

    learns = False
    """Whether some of its parameters learn, which `models.learning_encoder` alone decides."""

    def freeze(self) -> None:
        """Take every parameter out of training; AssertionError when there is none, so nothing was frozen."""
        parameters = list(self.parameters())
        assert parameters, f"{type(self).__name__} has no parameters to freeze: freeze() ran before its weights"
        for parameter in parameters:
            parameter.requires_grad_(False)
        self.learns = False
        self.eval()

    def train(self, mode: bool = True) -> Self:
        """Stay in eval while nothing learns, so that the `train()` of a module around it thaws no dropout."""
        return super().train(mode and self.learns)

    def graph(self) -> AbstractContextManager[object]:
        """Where it computes: without a graph of gradients while nothing learns."""
        return nullcontext() if self.learns else torch.no_grad()
