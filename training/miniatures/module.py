"""The training loop's view of the miniature: losses and parameters."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from roadcue.training.miniatures.config import PretrainConfig
from roadcue.training.miniatures.examples import Batch
from roadcue.training.miniatures.miniature import Miniature
from roadcue.training.miniatures.objectives import Objectives
from roadcue.training.miniatures.texts import draw_lessons
from roadcue.training.module import TrainingModule


class MiniatureModule(TrainingModule):
    """The whole model with the objectives around it."""

    betas = (0.9, 0.98)

    def __init__(self, miniature: Miniature, objectives: Objectives, config: PretrainConfig, steps: int) -> None:
        """`steps` of the optimizer in all."""
        super().__init__(lr=config.lr, steps=steps, shape="cosine", warm_up=max(1, steps // 50))
        self.miniature, self.model, self.objectives = miniature, miniature.model, objectives
        self.config = config

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """All losses by name; which texts are learnt depends on the seed and the step alone."""
        tokens = self.miniature.tokens(batch["pixels"])
        summary = self.miniature.summary(tokens)
        losses = self.objectives(tokens, summary, batch)
        if self.config.captioned:
            rng = np.random.default_rng([self.config.seed, self.global_step])
            lessons = draw_lessons(batch["texts"], self.config.captioned, rng)
            losses["text"] = 0.5 * self.miniature.text_loss(tokens, summary, lessons, batch["texts"])
        return losses

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """The sum of the losses; each is logged."""
        losses = self.losses(batch)
        self.log_dict({f"train/{name}": loss.detach() for name, loss in losses.items()})
        return torch.stack(list(losses.values())).sum()

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Everything; biases and norms do not decay."""
        parts = ((self.model, self.config.weight_decay), (self.objectives, self.config.reading_decay))
        return [
            {"params": [p for p in module.parameters() if (p.ndim > 1) == matrix], "weight_decay": decay * matrix}
            for module, decay in parts
            for matrix in (True, False)
        ]
