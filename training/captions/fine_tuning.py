"""Fine-tune OpenFlamingo to say what a picture's text says: python -m roadcue.training.captions.fine_tuning.

As document 000 does it: the Perceiver, the gated cross-attention and the rows of `<image>` and `<|endofchunk|>` in
the embedding learn, 1.04 billion numbers at the published size; the tower and the language model stay. The same
command goes on where it was stopped.
"""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypedDict

import numpy as np
import torch
from lightning.pytorch import LightningModule, seed_everything
from torch import Tensor
from torch.optim import AdamW
from transformers import PreTrainedTokenizerFast

from roadcue.command_line import parse, run
from roadcue.loaders import jpeg
from roadcue.loaders.registry import open_dataset
from roadcue.loaders.sensation import Sensation
from roadcue.models.flamingo.batches import caption_batch
from roadcue.models.flamingo.loading import Parts, load_whole
from roadcue.models.flamingo.modeling.model import Flamingo
from roadcue.models.preprocessing import Normalisation, Preprocessing, clip_preprocessing
from roadcue.training.captions.text_dropout import drop_words
from roadcue.training.heads.batches import TrainingSteps
from roadcue.training.schedule import warm_up_then_constant
from roadcue.training.trainer import check_same_options, fit_by_steps

FREE_TO_CHANGE = ("out", "checkpoint_every", "device")
"""Options that a run which goes on may set anew: where files lie and how fast it is, not what is learnt."""


@dataclass(frozen=True)
class SftConfig:
    """Fine-tune OpenFlamingo on the BVPI texts of a data set, and write it as a folder that --checkpoint reads."""

    data: Literal["sidewalk", "sensation"] = "sidewalk"
    """Data set: sidewalk (drawn, a pedestrian's view, made on first use) or sensation (annotations and pictures)."""
    data_dir: str | None = None
    """Folder with the annotations and pictures. sidewalk needs none."""
    on_bad_record: Literal["raise", "skip"] = "raise"
    """A picture that cannot be used: raise stops with its place, skip leaves it out."""
    checkpoint: str = "mini"
    """What it starts from: mini (shipped with RoadCue), full (OpenFlamingo-3B-vitl-mpt1b), a hub id, or a folder."""
    out: str = "runs/flamingo_sft"
    """Folder of the run; the model is its model/."""
    aspect: Literal["squash", "letterbox", "crop"] = "squash"
    """How a picture becomes square. crop, as published, cuts off the sides, where the sidewalk may be."""
    text_dropout: float = 0.2
    """Share of the words of a text's free part that are left out, anew in every epoch, 0 to below 1."""
    gate_init: float | None = None
    """What the gates of the cross-attention start from, before the tanh; document 000: 0.1. Default: as they are."""
    epochs: int = 10
    """Passes over the training pictures."""
    batch_size: int = 4
    """Pictures per optimizer step."""
    lr: float = 2e-5
    """Learning rate of AdamW, after the warm-up."""
    warm_up: int = 100
    """Steps in which the rate rises to --lr, where it stays."""
    weight_decay: float = 0.1
    """Decoupled weight decay of the gated cross-attention; nothing else decays, as in OpenFlamingo's training."""
    seed: int = 0
    """Seed of the order of the pictures and of the words left out."""
    checkpoint_every: int = 100
    """Optimizer steps between two checkpoints."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where it trains."""
    precision: Literal["bf16", "fp32"] = "bf16"
    """bf16: products in bfloat16, weights in fp32."""

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "checkpoint_every"):
            if getattr(self, name) < 1:
                raise ValueError(f"--{name} {getattr(self, name)}: must be at least 1")
        if self.warm_up < 0 or self.lr <= 0 or self.weight_decay < 0:
            raise ValueError("--lr must be above 0, and --warm_up and --weight_decay not below it")
        if not 0 <= self.text_dropout < 1:
            raise ValueError(f"--text_dropout {self.text_dropout}: a share from 0 to below 1")


class Batch(TypedDict):
    """`pixels` (b, 3, S, S) uint8, `rows` (b,) of the data set."""

    pixels: Tensor
    rows: Tensor


@dataclass(frozen=True)
class Pictures:
    """The pictures of a data set as OpenFlamingo reads them, decoded when they are asked for."""

    dataset: Sensation
    preprocess: Preprocessing

    def __len__(self) -> int:
        return len(self.dataset)

    def batch(self, positions: np.ndarray) -> Batch:
        """The pictures of (b,) rows; BadRecord for one that cannot be read."""
        pixels = [self._picture(int(row)) for row in positions]
        return Batch(pixels=torch.stack(pixels), rows=torch.from_numpy(positions))

    def _picture(self, row: int) -> Tensor:
        camera = self.dataset.cameras[0]
        encoded = self.dataset.image(row, camera)
        assert encoded is not None, f"{self.dataset.where(row)} has no {camera}"
        return self.preprocess(*jpeg.decode_at_least(encoded, self.dataset.where(row), self.preprocess.side))


class SftModule(LightningModule):
    """The training loop's view: the loss of the answers, and which weights may follow it."""

    def __init__(
        self,
        model: Flamingo,
        tokenizer: PreTrainedTokenizerFast,
        pictures: Pictures,
        config: SftConfig,
        per_epoch: int,
    ) -> None:
        """`per_epoch` optimizer steps, by which the words left out of an epoch's texts are chosen."""
        super().__init__()
        self.model, self.tokenizer, self.config, self.per_epoch = model, tokenizer, config, per_epoch
        self.dataset, self.normalise = pictures.dataset, Normalisation(pictures.preprocess)
        self.learnt_rows = [model.config.endofchunk_token_id, model.config.image_token_id]
        # A checkpoint holds what learns: the rest is in the checkpoint that the run began with.
        self.strict_loading = False

    def loss(self, batch: Batch, texts: list[str]) -> Tensor:
        """Mean cross-entropy over the tokens of the texts and of their ends, not of prompts, pictures and padding."""
        told = caption_batch(self.tokenizer, texts)
        loss: Tensor = self.model(
            told["input_ids"].to(self.device),
            pixel_values=self.normalise(batch["pixels"])[:, None],
            attention_mask=told["attention_mask"].to(self.device),
            labels=told["labels"].to(self.device),
        ).loss
        return loss

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """The loss of the texts without the words that this epoch leaves out."""
        epoch, seed, rate = self.global_step // self.per_epoch, self.config.seed, self.config.text_dropout
        texts = [
            drop_words(self.dataset.bvpi(row), rate, np.random.default_rng([seed, epoch, row]))
            for row in batch["rows"].tolist()
        ]
        loss = self.loss(batch, texts)
        self.log("train/loss", loss.detach())
        return loss

    def on_after_backward(self) -> None:
        """Keep all but the two new rows of the embedding as they are (open_flamingo, train/train_utils.py)."""
        gradient = self.model.lang_encoder.transformer.wte.weight.grad
        assert gradient is not None
        new = gradient[self.learnt_rows]
        gradient.zero_()
        gradient[self.learnt_rows] = new

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Leave out what does not learn."""
        learnt = {name for name, weight in self.named_parameters() if weight.requires_grad}
        checkpoint["state_dict"] = {k: v for k, v in checkpoint["state_dict"].items() if k in learnt}

    def configure_optimizers(self) -> Any:
        """AdamW over what learns; only the gated cross-attention decays (open_flamingo, train/train.py)."""
        named = [(name, weight) for name, weight in self.model.named_parameters() if weight.requires_grad]
        groups = [
            {"params": [w for name, w in named if ("gated_cross_attn" in name) == gated], "weight_decay": decay}
            for gated, decay in ((True, self.config.weight_decay), (False, 0.0))
        ]
        optimizer = AdamW(groups, lr=self.config.lr)
        schedule = warm_up_then_constant(optimizer, self.config.warm_up)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def main(config: SftConfig) -> None:
    """Fine-tune, write `config.out`/model, say the loss on the validation pictures."""
    out = Path(config.out)
    check_same_options(out, config, FREE_TO_CHANGE)
    model, tokenizer = load_whole(Parts(config.checkpoint))
    if config.gate_init is not None:
        model.set_gates(config.gate_init)
    preprocess = clip_preprocessing(model.config.vision_config.image_size, config.aspect)
    train, val = (Pictures(_open(config, split), preprocess) for split in ("train", "val"))
    seed_everything(config.seed, verbose=False)
    steps = TrainingSteps(train, batch_size=config.batch_size, epochs=config.epochs, seed=config.seed)
    module = SftModule(model, tokenizer, train, config, steps.per_epoch)
    learnt = sum(weight.numel() for weight in model.parameters() if weight.requires_grad)
    print(train.dataset.description, f"{len(steps)} steps, {learnt:,} weights learn", sep="\n", flush=True)
    fit_by_steps(module, steps, out, config)
    model.save_pretrained(out / "model")
    tokenizer.save_pretrained(out / "model")
    module.to("cuda" if config.device != "cpu" and torch.cuda.is_available() else "cpu")
    nats = score(module, val, config.batch_size)
    print(f"loss on {len(val)} validation pictures: {nats:.3f} nats per token")
    print(f"done: {out / 'model'}")


@torch.no_grad()
def score(module: SftModule, pictures: Pictures, batch_size: int) -> float:
    """The mean loss of pictures that are not trained on, with their whole texts."""
    losses = []
    for first in range(0, len(pictures), batch_size):
        rows = np.arange(first, min(first + batch_size, len(pictures)))
        texts = [pictures.dataset.bvpi(int(row)) for row in rows]
        losses += [float(module.loss(pictures.batch(rows), texts))] * len(rows)
    return float(np.mean(losses))


def _open(config: SftConfig, split: str) -> Sensation:
    folder = Path(config.data_dir).expanduser() if config.data_dir else None
    dataset = open_dataset(config.data, folder, split, on_bad_record=config.on_bad_record)
    assert isinstance(dataset, Sensation)
    return dataset


if __name__ == "__main__":
    parsed, _ = parse(SftConfig)
    sys.exit(run(main, parsed))
