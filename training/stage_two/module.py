"""The training loop's view of heads with their encoder: pictures in, and one loss for both."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from roadcue.heads.multi_head import MultiHeadModel
from roadcue.loaders.contrast import CONTRAST_SHAPE
from roadcue.models.encoder import DTYPES, Encoder
from roadcue.models.pooling import pool_tokens
from roadcue.schema import StoredBatch
from roadcue.training.config import TrainConfig
from roadcue.training.heads.module import HeadsModule
from roadcue.training.ranks import Share
from roadcue.training.stage_two.pictures import PictureBatch

_ENCODER = "encoder."
"""Before the names of the encoder's weights."""


class PicturesModule(HeadsModule):
    """Trains heads, and of their encoder what requires a gradient, on pictures that are encoded in every step.

    The encoder computes as it does where its features are stored, in its own number format and not in that of
    `--precision`, so that before the first step its features are those of stage one. An encoder that learns whole is
    kept in fp32 and computes its products in that format.
    """

    def __init__(
        self,
        model: MultiHeadModel,
        encoder: Encoder,
        config: TrainConfig,
        *,
        steps: int,
        learnt_from: Mapping[str, str] | None = None,
    ) -> None:
        """`steps` and `learnt_from` as in `TrainingModule`."""
        given = config.optimization
        super().__init__(
            model,
            lr=given.lr,
            weight_decay=given.weight_decay,
            steps=steps,
            warm_up=given.warm_up,
            learnt_from=learnt_from,
        )
        self.encoder, self.config = encoder, config
        self.through_fp16 = config.stage != "heads" and config.dtype == "fp16"
        self.has_idle = config.stage == "full"  # such as CLIP's last norm, which is of its pooled output

    def training_step(self, batch: PictureBatch | Share, batch_idx: int) -> Tensor:  # type: ignore[override]
        """As of `HeadsModule`, of pictures."""
        return super().training_step(self._seen(batch), batch_idx)

    def validation_step(self, batch: PictureBatch | Share, batch_idx: int) -> None:  # type: ignore[override]
        """As of `HeadsModule`, of pictures."""
        super().validation_step(self._seen(batch), batch_idx)

    def _seen(self, batch: PictureBatch | Share) -> StoredBatch | Share:
        if isinstance(batch, Share):
            return Share(self.encoded(batch.batch), batch.rows)
        return self.encoded(batch)

    def encoded(self, batch: PictureBatch) -> StoredBatch:
        """The batch with features (b, c, k, d) float32 in the place of pictures; no detector reads their contrast."""
        pixels, present = batch["pixels"], batch["present"]
        if self.config.accumulate > 1 and torch.is_grad_enabled():
            # A part is encoded again when its gradient is due: the inner values of one are there at a time.
            parts = pixels.chunk(self.config.accumulate)
            pooled = torch.cat([checkpoint(self._pooled, part, use_reentrant=False) for part in parts])
        else:
            pooled = self._pooled(pixels)
        stored = pooled.new_zeros(*present.shape, *pooled.shape[1:])
        stored[present] = pooled
        return StoredBatch(
            stored=stored,
            contrast=stored.new_zeros(*present.shape, *CONTRAST_SHAPE),
            present=present,
            past=batch["past"],
            intent=batch["intent"],
            targets=batch["targets"],
        )

    def _pooled(self, pixels: Tensor) -> Tensor:
        """(p, 3, S, S) uint8 -> (p, k, d) float32, as it would be stored."""
        coarse = self.config.stage == "full" and self.config.dtype != "fp32"
        with torch.autocast(pixels.device.type, DTYPES[self.config.dtype] if coarse else None, enabled=coarse):
            tokens = self.encoder.encode(pixels)
        return pool_tokens(tokens, self.config.pooling, self.config.grid)

    @property
    def trained(self) -> nn.Module:
        """The pool, the heads and the encoder."""
        return self

    def parameter_groups(self) -> list[dict[str, Any]]:
        """What learns at the full rate, and what of the encoder learns at its share of it."""
        heads, decay = super().parameter_groups(), self.weight_decay
        learnt = [
            weight for name, weight in self.named_parameters() if name.startswith(_ENCODER) and weight.requires_grad
        ]
        rate = self.lr * self.config.encoder_lr
        return [*heads, {"params": learnt, "weight_decay": decay, "lr": rate}] if learnt else heads

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Leave out what of the encoder does not learn."""
        super().on_save_checkpoint(checkpoint)
        learnt = {name for name, weight in self.named_parameters() if weight.requires_grad}
        kept = checkpoint["state_dict"].items()
        checkpoint["state_dict"] = {k: v for k, v in kept if k in learnt or not k.startswith(_ENCODER)}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Complete it with what does not learn, which is in the checkpoint that the encoder began with."""
        super().on_load_checkpoint(checkpoint)
        own = {name: tensor for name, tensor in self.state_dict().items() if name.startswith(_ENCODER)}
        for weights in ("state_dict", "current_model_state"):  # the second beside an average
            if weights in checkpoint:
                checkpoint[weights] = own | checkpoint[weights]
