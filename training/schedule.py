"""The learning rate over the optimizer steps of a run: a warm-up, then constant or along a cosine to zero."""

import math
from typing import Literal

from torch.optim import Optimizer
from torch.optim.lr_scheduler import CosineAnnealingLR, LambdaLR, LRScheduler

Shape = Literal["cosine", "constant"]


def learning_rate(optimizer: Optimizer, shape: Shape, *, steps: int, warm_up: int = 0) -> LRScheduler:
    """Rises evenly to the optimizer's rates over `warm_up` of the `steps`, then follows `shape`.

    Cosine: half a period to zero (Loshchilov and Hutter 2017, SGDR, equation 5, without restarts). Constant: document
    000 fine-tunes so, after 100 steps of warm-up. The first step has 1/warm_up of the rate: transformers'
    get_constant_schedule_with_warmup begins with a step at a rate of 0, which learns nothing. ValueError for a
    negative number of steps.
    """
    if warm_up < 0:
        raise ValueError(f"{warm_up} steps of warm-up: must be 0 (none) or more")
    if shape == "cosine" and not warm_up:
        # Its recursive form rounds otherwise than the closed one, and recorded heads were trained with it.
        return CosineAnnealingLR(optimizer, T_max=steps)

    def share(step: int) -> float:
        if step < warm_up:
            return (step + 1) / warm_up
        if shape == "constant":
            return 1.0
        return 0.5 * (1 + math.cos(math.pi * (step - warm_up) / max(1, steps - warm_up)))

    return LambdaLR(optimizer, share)


def lay_out_anew(schedule: LRScheduler, steps: int) -> None:
    """Let a restored schedule follow its shape over so many `steps` from where it is, not over those before."""
    if isinstance(schedule, CosineAnnealingLR):
        schedule.T_max = steps
        rates = [rate * (1 + math.cos(math.pi * schedule.last_epoch / steps)) / 2 for rate in schedule.base_lrs]
    else:
        assert isinstance(schedule, LambdaLR)  # whose functions are not restored: they are those of now
        shares = [share(schedule.last_epoch) for share in schedule.lr_lambdas]
        rates = [rate * share for rate, share in zip(schedule.base_lrs, shares, strict=True)]
    for group, rate in zip(schedule.optimizer.param_groups, rates, strict=True):
        group["lr"] = rate
    schedule._last_lr = rates
