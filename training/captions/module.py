"""The training loop's view of a captioner: the loss of a batch's lessons, and what it writes after every epoch."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence
from torch.utils.checkpoint import checkpoint

from roadcue.models.adapters import Attached, adapter_parameters
from roadcue.models.captioner import Captioner, VisualBatch
from roadcue.models.token_batches import IGNORED
from roadcue.training.captions.clips import encoded
from roadcue.training.captions.lessons import LessonPlan, Lessons
from roadcue.training.captions.pictures import CaptionPictures, PictureRows
from roadcue.training.captions.validation import CLAIMING, claims_f1
from roadcue.training.module import TrainingModule
from roadcue.training.ranks import Share


class CaptionModule(TrainingModule):
    """Fine-tunes what of a captioner may learn."""

    shares = True

    def __init__(
        self,
        captioner: Captioner,
        plan: LessonPlan,
        val: CaptionPictures,
        *,
        lr: float,
        weight_decay: float,
        warm_up: int,
        steps: int,
        per_epoch: int,
        val_texts: int,
        attached: Attached | None = None,
        opened: Sequence[nn.Parameter] = (),
        tower_lr: float = 1.0,
        parts: int = 1,
        learnt_from: Mapping[str, str] | None = None,
    ) -> None:
        """`per_epoch` optimizer steps; `val_texts` texts are written after each epoch, 0 for none.

        `attached`: the adapter that learns, if one does; that of the vision tower at `tower_lr` of `lr`. `opened`:
        what learns though the family leaves it as it is, at that rate, too. The texts of a step are read in so many
        `parts`. `learnt_from` as in `TrainingModule`.
        """
        super().__init__(lr=lr, steps=steps, shape="constant", warm_up=warm_up, learnt_from=learnt_from)
        self.captioner, self.weight_decay = captioner, weight_decay
        self.attached, self.opened, self.tower_lr, self.parts = attached, opened, tower_lr, parts
        self.has_idle = bool(opened)  # such as CLIP's last norm, which is of its pooled output
        computes = {getattr(layer, "compute_dtype", None) for layer in captioner.modules()}  # of layers in NF4
        self.through_fp16 = captioner.dtype == "fp16" or torch.float16 in computes
        self.plan, self.val, self.per_epoch = plan, val, per_epoch
        self.val_texts = val_texts if val.target in CLAIMING else 0
        # A checkpoint holds what learns: the rest is in the checkpoint that the run began with.
        self.strict_loading = False

    def batch(self, lessons: Lessons) -> VisualBatch:
        """What the captioner reads of lessons, of which one may show more pictures than another."""
        seen = self.captioner.encode(torch.cat(lessons.pictures)).split([len(each) for each in lessons.pictures])
        return self.captioner.batch(pad_sequence(seen, batch_first=True), lessons.prompts, lessons.answers)

    def loss(self, lessons: Lessons) -> tuple[Tensor, int]:
        """Mean cross-entropy of lessons, nats per token, and over how many tokens.

        In several parts, each is read again when its gradient is due: the inner values of one are there at a time.
        """
        parts = min(self.parts, len(lessons.answers))
        if parts == 1:
            asked = self.batch(lessons)
            return self.captioner.loss(asked), int((asked["labels"] != IGNORED).sum())
        total, tokens = torch.zeros((), device=self.captioner.device), 0
        for places in np.array_split(np.arange(len(lessons.answers)), parts):
            part = lessons.only(places.tolist())
            learnt = sum(map(self._tokens, part.prompts, part.answers))
            total = total + learnt * checkpoint(self._loss_of, part, use_reentrant=False)
            tokens += learnt
        return total / tokens, tokens

    def _loss_of(self, lessons: Lessons) -> Tensor:
        return self.captioner.loss(self.batch(lessons))

    def _tokens(self, prompt: Sequence[int], answer: str) -> int:
        """How many tokens of an answer are learnt behind a prompt."""
        return min(len(self.captioner.answer_ids(answer)), self.captioner.longest - len(prompt))

    def training_step(self, batch: PictureRows | Share, batch_idx: int) -> Tensor:
        """Mean cross-entropy, nats per token, over this epoch's answers and their ends, of all ranks."""
        epoch = self.global_step // self.per_epoch
        if not isinstance(batch, Share):
            loss, _ = self.loss(self.plan.lessons(epoch, batch))
            self.log("train/loss", loss.detach())
            return loss
        rows = batch.rows[self.ranks.rank]
        kept = slice(max(1, rows))
        mine = PictureRows(**{name: each[kept] for name, each in batch.batch.items()})  # type: ignore[typeddict-item]
        loss, learnt = self.loss(self.plan.lessons(epoch, mine))
        tokens = learnt if rows else 0
        # DDP takes the mean over ranks of what makes up the mean over tokens.
        share = loss * (tokens * self.ranks.count / sum(self.ranks.each(tokens)))
        self.log("train/loss", share.detach(), sync_dist=True)
        return share

    def validation_step(self, batch: PictureRows | Share, batch_idx: int) -> None:
        """The loss of the whole texts."""
        mine, sizes = (batch.batch, batch.rows) if isinstance(batch, Share) else (batch, (len(batch["rows"]),))
        rows, captioner = mine["rows"].tolist(), self.captioner
        seen, prompt = encoded(captioner, mine["clips"]), self.val.prompt(captioner)
        loss = captioner.loss(captioner.batch(seen, prompt, self.val.texts(rows)))
        for of_rank, size in zip(self.ranks.each(loss.item()), sizes, strict=True):
            if size:
                self.log("val/loss", of_rank, batch_size=size)

    def on_validation_epoch_end(self) -> None:
        """How many claims of texts that it writes are right."""
        if self.val_texts:
            self.log("val/claims_f1", claims_f1(self.captioner, self.val, self.val_texts))

    def on_after_backward(self) -> None:
        """Take out of the gradients what may not learn though its parameter does."""
        if not self.opened:
            self.captioner.after_backward()

    def headlines(self, measured: Mapping[str, Tensor]) -> str:
        """The validation loss, and the claims of written texts."""
        said = f"loss {measured['val/loss']:.3f} nats per token"
        if self.val_texts:
            said += (
                f", F1 {measured['val/claims_f1']:.3f} of the claims in {min(self.val_texts, len(self.val))} texts"
            )
        return said

    @property
    def trained(self) -> nn.Module:
        """The captioner's model."""
        return self.captioner

    def parameter_groups(self) -> list[dict[str, Any]]:
        """What the captioner's family lets learn, or all, and what of it decays; or each tower's adapter, whole."""
        if self.attached is None:
            groups, opened = self.captioner.parameter_groups(self.weight_decay), {id(each) for each in self.opened}
            return [
                {**group, "params": [each for each in group["params"] if (id(each) in opened) == slow], "lr": rate}
                for group in groups
                for slow, rate in ((False, self.lr), (True, self.lr * self.tower_lr))
                if not slow or opened
            ]
        rates = {"text": self.lr, "vision": self.lr * self.tower_lr}
        return [
            {"params": self._adapter_of(names), "weight_decay": self.weight_decay, "lr": rates[scope]}
            for scope, names in self.attached.modules.items()
        ]

    def _adapter_of(self, layers: Sequence[str]) -> list[nn.Parameter]:
        """What learns beside these layers of the captioner's model."""
        adapted = [self.captioner.model.get_submodule(layer) for layer in layers]
        return [weight for layer in adapted for weight in adapter_parameters(layer).values()]

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Leave out what does not learn."""
        super().on_save_checkpoint(checkpoint)
        learnt = {name for name, weight in self.named_parameters() if weight.requires_grad}
        checkpoint["state_dict"] = {k: v for k, v in checkpoint["state_dict"].items() if k in learnt}
