"""The optimizers: AdamW as PyTorch has it, or bitsandbytes' with its two averages in 8 bits.

8-bit states (Dettmers et al., 2022, https://arxiv.org/abs/2110.02861) are quantised in blocks of 256, each with a
scale; tensors of less than 4096 numbers keep theirs in 32 bits. Paged states (QLoRA, https://arxiv.org/abs/2305.14314)
move to the CPU's memory where the GPU's is full.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch.optim import AdamW, Optimizer

from roadcue.errors import BadInput
from roadcue.models.quantization import working_bitsandbytes
from roadcue.training.stage_two.config import OptimizerName


def check_optimizer(name: OptimizerName, device: str) -> None:
    """BadInput, before anything is encoded, for one that this machine does not have."""
    if name == "adamw":
        return
    if name == "paged_adamw8bit" and torch.device(device).type != "cuda":
        raise BadInput(
            f"--optimizer {name}: its pages lie between a GPU's memory and the CPU's, and this run is on {device}; "
            "take adamw8bit, which is the same without pages"
        )
    working_bitsandbytes(f"--optimizer {name}", device)


def build_optimizer(
    name: OptimizerName, groups: Sequence[dict[str, Any]], *, lr: float, betas: tuple[float, float]
) -> Optimizer:
    """Over {"params", "weight_decay"} groups; weight decay is decoupled in all of them."""
    if name == "adamw":
        return AdamW(groups, lr=lr, betas=betas)
    import bitsandbytes

    kinds = {"adamw8bit": bitsandbytes.optim.AdamW8bit, "paged_adamw8bit": bitsandbytes.optim.PagedAdamW8bit}
    optimizer: Optimizer = kinds[name](groups, lr=lr, betas=betas)
    return optimizer
