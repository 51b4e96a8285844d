"""The training loop's view of a captioner: the loss of the answers, on texts with words left out."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from torch import Tensor, nn

from roadcue.models.captioner import Captioner
from roadcue.training.captions.pictures import CaptionPictures, PictureRows
from roadcue.training.captions.text_dropout import drop_words
from roadcue.training.module import TrainingModule


class CaptionModule(TrainingModule):
    """Fine-tunes what of a captioner may learn."""

    def __init__(
        self,
        captioner: Captioner,
        train: CaptionPictures,
        val: CaptionPictures,
        *,
        lr: float,
        weight_decay: float,
        warm_up: int,
        steps: int,
        per_epoch: int,
        text_dropout: float,
        seed: int,
    ) -> None:
        """`per_epoch` optimizer steps; the words left out depend on `seed`, epoch and row alone."""
        rows = f"{train.dataset.fingerprint} {len(train)}"
        super().__init__(lr=lr, steps=steps, shape="constant", warm_up=warm_up, data=rows)
        self.captioner, self.weight_decay = captioner, weight_decay
        self.pictures = {"train": train, "val": val}
        self.per_epoch, self.text_dropout, self.seed = per_epoch, text_dropout, seed
        # A checkpoint holds what learns: the rest is in the checkpoint that the run began with.
        self.strict_loading = False

    def loss(self, batch: PictureRows, texts: list[str]) -> Tensor:
        """Mean cross-entropy, nats per token, over the texts and their ends."""
        captioner = self.captioner
        visual = captioner.encode(batch["pixels"])
        return captioner.loss(captioner.batch(visual, captioner.prompt(captioner.instruction), texts))

    def training_step(self, batch: PictureRows, batch_idx: int) -> Tensor:
        """The loss of the texts without the words that this epoch leaves out."""
        epoch, rows = self.global_step // self.per_epoch, batch["rows"].tolist()
        texts = [
            drop_words(text, self.text_dropout, np.random.default_rng([self.seed, epoch, row]))
            for row, text in zip(rows, self.pictures["train"].texts(rows), strict=True)
        ]
        loss = self.loss(batch, texts)
        self.log("train/loss", loss.detach())
        return loss

    def validation_step(self, batch: PictureRows, batch_idx: int) -> None:
        """The loss of the whole texts."""
        rows = batch["rows"].tolist()
        loss = self.loss(batch, self.pictures["val"].texts(rows))
        self.log("val/loss", loss, batch_size=len(rows))

    def on_after_backward(self) -> None:
        """Take out of the gradients what may not learn though its parameter does."""
        self.captioner.after_backward()

    def headlines(self, measured: Mapping[str, Tensor]) -> str:
        """The validation loss."""
        return f"loss {measured['val/loss']:.3f} nats per token"

    @property
    def trained(self) -> nn.Module:
        """The captioner's model."""
        return self.captioner

    def parameter_groups(self) -> list[dict[str, Any]]:
        """What the captioner's family lets learn, and which of it decays."""
        return self.captioner.parameter_groups(self.weight_decay)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Leave out what does not learn."""
        super().on_save_checkpoint(checkpoint)
        learnt = {name for name, weight in self.named_parameters() if weight.requires_grad}
        checkpoint["state_dict"] = {k: v for k, v in checkpoint["state_dict"].items() if k in learnt}
