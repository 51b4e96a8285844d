"""How the learning rate goes over the optimizer steps of a fine-tuning."""

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR


def warm_up_then_constant(optimizer: Optimizer, steps: int) -> LambdaLR:
    """Rises evenly to the optimizer's rates over `steps` steps, and stays there (document 000: 100 steps).

    The first step has 1/steps of the rate: transformers' get_constant_schedule_with_warmup begins with a step at a
    rate of 0, which learns nothing. ValueError for a negative number of steps.
    """
    if steps < 0:
        raise ValueError(f"{steps} steps of warm-up: must be 0 (none) or more")
    return LambdaLR(optimizer, lambda step: min(1.0, (step + 1) / max(1, steps)))
