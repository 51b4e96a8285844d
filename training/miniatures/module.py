"""The training loop's view of the miniature: losses, optimizer, what a resumed run needs."""

import math
from typing import Any

import torch
from lightning.pytorch import LightningModule
from torch import Tensor
from torch.optim import AdamW
from torch.optim.lr_scheduler import LambdaLR

from roadcue.training.miniatures.config import PretrainConfig
from roadcue.training.miniatures.examples import Batch
from roadcue.training.miniatures.miniature import Miniature
from roadcue.training.miniatures.objectives import Objectives


class MiniatureModule(LightningModule):
    """The whole model with the objectives around it."""

    def __init__(self, miniature: Miniature, objectives: Objectives, config: PretrainConfig, steps: int) -> None:
        """`steps` of the optimizer in all."""
        super().__init__()
        self.miniature, self.model, self.objectives = miniature, miniature.model, objectives
        self.config, self.steps = config, steps

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """All losses by name."""
        tokens = self.miniature.tokens(batch["pixels"])
        summary = self.miniature.summary(tokens)
        losses = self.objectives(tokens, summary, batch)
        n = self.config.captioned
        if n:
            told = None if summary is None else summary[:n]
            losses["caption"] = 0.5 * self.miniature.caption_loss(tokens[:n], told, batch["captions"][:n])
        return losses

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """The sum of the losses; each is logged."""
        losses = self.losses(batch)
        self.log_dict({f"train/{name}": loss.detach() for name, loss in losses.items()})
        return torch.stack(list(losses.values())).sum()

    def configure_optimizers(self) -> Any:
        """AdamW over everything; biases and norms do not decay."""
        parts = ((self.model, self.config.weight_decay), (self.objectives, self.config.reading_decay))
        groups = [
            {"params": [p for p in part.parameters() if (p.ndim > 1) == matrix], "weight_decay": decay * matrix}
            for part, decay in parts
            for matrix in (True, False)
        ]
        optimizer = AdamW(groups, lr=self.config.lr, betas=(0.9, 0.98))
        warm_up = max(1, self.steps // 50)

        def share(step: int) -> float:
            if step < warm_up:
                return (step + 1) / warm_up
            return 0.5 * (1 + math.cos(math.pi * (step - warm_up) / max(1, self.steps - warm_up)))

        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": LambdaLR(optimizer, share), "interval": "step"}}
