"""The training loop's view of the miniature: losses, optimizer, what a resumed run needs."""

import math
from typing import Any

import torch
from lightning.pytorch import LightningModule
from torch import Tensor
from torch.optim import AdamW
from torch.optim.lr_scheduler import LambdaLR
from transformers import SmolVLMForConditionalGeneration

from models.smol import tile_tokens
from training.pretrain_mini.captioning import Captioning
from training.pretrain_mini.config import PretrainConfig
from training.pretrain_mini.examples import Batch
from training.pretrain_mini.objectives import Objectives


class MiniatureModule(LightningModule):
    """The whole model with the objectives around it."""

    def __init__(
        self, model: SmolVLMForConditionalGeneration, captioning: Captioning, objectives: Objectives,
        config: PretrainConfig, steps: int,
    ) -> None:  # fmt: skip
        """`steps` of the optimizer in all."""
        super().__init__()
        self.model, self.objectives = model, objectives
        self.captioning, self.config, self.steps = captioning, config, steps

    def tokens(self, pixels: Tensor) -> Tensor:
        """(b, 3, 224, 224) uint8 -> (b, 14, 14, d), with a gradient."""
        tower = self.model.model.vision_model
        side = tower.config.image_size // tower.config.patch_size
        positions = torch.arange(side * side, device=pixels.device)
        return tile_tokens(tower, pixels.float() / 127.5 - 1, positions).unflatten(1, (side, side))

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """All losses by name."""
        tokens = self.tokens(batch["pixels"])
        losses = self.objectives(tokens, batch)
        n = self.config.captioned
        if n:
            losses["caption"] = 0.5 * self.captioning.loss(tokens[:n], batch["captions"][:n])
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
