"""An exponential moving average of the weights: what is validated and saved, while the optimizer goes its own way."""

from collections.abc import Sequence

import torch
from lightning.pytorch.callbacks import WeightAveraging
from torch import Tensor


def averaging(decay: float) -> WeightAveraging:
    """After every step, average = d average + (1 - d) weights, with d = min(decay, (1 + n) / (10 + n)).

    n averages came before it. The ramp is that of TensorFlow's ExponentialMovingAverage (`num_updates`): without it a
    run of 500 steps at 0.999 would still be more than half its random beginning. Statistics (buffers) are copied, not
    averaged. Lightning's callback keeps the average in the checkpoint and leaves it in the model at the end.
    """

    @torch.no_grad()
    def step_towards(averages: Sequence[Tensor], weights: Sequence[Tensor], before: Tensor) -> None:
        n = int(before)
        towards = 1 - min(decay, (1 + n) / (10 + n))
        for average, weight in zip(averages, weights, strict=True):
            average.lerp_(weight, towards)

    return WeightAveraging(use_buffers=False, multi_avg_fn=step_towards)
