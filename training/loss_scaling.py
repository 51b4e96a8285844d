"""Scaled losses, for gradients that flow through numbers in fp16.

What is below 2^-24 is zero there, and many gradients are. The loss is therefore multiplied before it is
differentiated, and the gradients are divided again (Micikevicius et al. 2018, https://arxiv.org/abs/1710.03740).
PyTorch's scaler finds the factor: it halves it, and leaves the step out, where a gradient is not finite, and doubles
it after 2,000 steps without one.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from lightning.pytorch.plugins.precision import MixedPrecision

from roadcue.errors import BadInput

_LEAST = 1.0
"""A smaller factor would make gradients smaller than they are: what is not finite then is so by itself."""


class ScaledLoss(MixedPrecision):
    """A scaler whose state is in the checkpoint; which products are in which format is not its affair."""

    def __init__(self, device: str, *, coarse: bool) -> None:
        """`device` of the training; `coarse`: products that are not told otherwise are in bf16, else in fp32."""
        kind = torch.device(device).type
        super().__init__("16-mixed", kind, torch.amp.GradScaler(kind))
        self.coarse = coarse

    @contextmanager
    def forward_context(self) -> Iterator[None]:
        """As `--precision` says."""
        with torch.autocast(self.device, torch.bfloat16, enabled=self.coarse, cache_enabled=False):
            yield

    def optimizer_step(self, *given: Any, **named: Any) -> Any:
        """BadInput where no factor makes the gradients finite, and every step would be left out."""
        done = super().optimizer_step(*given, **named)
        assert self.scaler is not None
        if self.scaler.get_scale() < _LEAST:
            raise BadInput(
                "--dtype fp16: gradients are not finite, however the loss is scaled, so nothing would learn; its "
                "numbers end at 65,504, and the encoder's may lie beyond; use --dtype bf16 or fp32"
            )
        return done
