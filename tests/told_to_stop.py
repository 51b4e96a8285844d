"""A process that gets a signal to stop in the middle of an optimizer step."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from roadcue.training.heads.module import HeadsModule


@contextmanager
def told_to_stop(step: int) -> Iterator[None]:
    """In the n-th training step of heads."""
    train, steps = HeadsModule.training_step, []

    def told(module, batch, batch_idx):
        steps.append(1)
        if len(steps) == step:
            os.kill(os.getpid(), signal.SIGTERM)
        return train(module, batch, batch_idx)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(HeadsModule, "training_step", told)
        yield
