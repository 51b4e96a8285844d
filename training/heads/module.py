"""The training loop's view of a MultiHeadModel: losses, metrics, parameters."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torchmetrics import Metric

from roadcue.heads.multi_head import BLIND_SUFFIX, MultiHeadModel
from roadcue.schema import StoredBatch
from roadcue.training.module import TrainingModule


class HeadsModule(TrainingModule):
    """Trains every head that has parameters in one pass over the features; the losses do not mix."""

    def __init__(
        self, model: MultiHeadModel, *, lr: float, weight_decay: float, steps: int, warm_up: int = 0, data: str = ""
    ) -> None:
        """`lr` falls to zero along a cosine of `steps` optimizer steps; `data` as in `TrainingModule`."""
        super().__init__(lr=lr, steps=steps, shape="cosine", warm_up=warm_up, data=data)
        self.model, self.weight_decay = model, weight_decay
        self.learning = [name for name, head in model.heads.items() if any(True for _ in head.parameters())]
        metrics = {name: model.heads[name].metric() for name in self.learning}
        self.metrics: Mapping[str, Metric] = nn.ModuleDict(metrics)  # type: ignore[assignment]

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Complete a checkpoint of before heads kept what they were taught, which they have just been fitted to."""
        super().on_load_checkpoint(checkpoint)
        known = {name: tensor for name, tensor in self.state_dict().items() if name.endswith(".taught")}
        for weights in ("state_dict", "current_model_state"):  # the second beside an average
            if weights in checkpoint:
                checkpoint[weights] = known | checkpoint[weights]

    def training_step(self, batch: StoredBatch, batch_idx: int) -> Tensor:
        """Sum of the heads' losses; each is logged under its name."""
        losses = self.losses(self.model(batch), batch)
        self.log_dict({f"train/{name}/loss": loss.detach() for name, loss in losses.items()})
        return torch.stack(list(losses.values())).sum()

    def validation_step(self, batch: StoredBatch, batch_idx: int) -> None:
        """Losses, and each head's own metric, on the validation rows."""
        predictions, targets = self.model(batch), batch["targets"]
        for name, loss in self.losses(predictions, batch).items():
            self.log(f"val/{name}/loss", loss, batch_size=len(batch["past"]))
            self.metrics[name].update(*self.model.heads[name].compared(predictions[name], targets))

    def on_validation_epoch_end(self) -> None:
        """Log what was measured on the whole split, on which several ranks agree."""
        for name, metric in self.metrics.items():
            self.log_dict({f"val/{name}/{key}": value for key, value in metric.compute().items()})
            metric.reset()

    def losses(self, predictions: dict[str, dict[str, Tensor]], batch: StoredBatch) -> dict[str, Tensor]:
        """Of every head that learns, () each, for what `model` predicts of the batch."""
        targets = batch["targets"]
        return {name: self.model.heads[name].loss(predictions[name], targets)["loss"] for name in self.learning}

    def headlines(self, measured: Mapping[str, Tensor]) -> str:
        """What was logged last, in words: of each kind of head its one figure, head by head, each before its twin."""
        by_words: dict[str, list[str]] = {}
        for name in self.learning:
            headline = self.model.heads[name].headline
            of = BLIND_SUFFIX.strip() if name.endswith(BLIND_SUFFIX) else name
            figure = f"{of} {measured[f'val/{name}/{headline.key}']:.3f}{headline.unit}"
            by_words.setdefault(headline.words, []).append(figure)
        return "; ".join(f"{words}: {', '.join(figures)}" for words, figures in by_words.items())

    @property
    def trained(self) -> nn.Module:
        """The pool and the heads: a frozen part of a head is an error."""
        return self.model

    def parameter_groups(self) -> list[dict[str, Any]]:
        """One group: everything decays alike."""
        return [{"params": list(self.model.parameters()), "weight_decay": self.weight_decay}]
