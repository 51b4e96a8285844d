"""The training loop's view of a RoadModel: losses, metrics, optimizer."""

from collections.abc import Mapping
from typing import Any

import torch
from lightning.pytorch import LightningDataModule, LightningModule
from torch import Tensor
from torch.optim import AdamW
from torch.optim.lr_scheduler import CosineAnnealingLR
from torchmetrics import Metric

from roadcue.errors import BadInput
from roadcue.heads.multi_head import RoadModel
from roadcue.training.checkpoints import generator_state, set_generator_state
from roadcue.training.heads.batches import OrderedBatches, StoredBatch, StoredSplit, TrainingSteps, targets_of


class HeadsModule(LightningModule):
    """Trains every head that has parameters in one pass over the features; the losses do not mix."""

    def __init__(self, model: RoadModel, *, lr: float, weight_decay: float, steps: int, data: str = "") -> None:
        """`lr` at the start, falling to zero along a cosine of `steps` optimizer steps.

        `data` is the fingerprint of the training rows: a checkpoint of other rows is refused.
        """
        super().__init__()
        self.data = data
        self.model, self.lr, self.weight_decay, self.steps = model, lr, weight_decay, steps
        self.trained = [name for name, head in model.heads.items() if any(True for _ in head.parameters())]
        metrics = {name: model.heads[name].metric() for name in self.trained}
        self.metrics: Mapping[str, Metric] = torch.nn.ModuleDict(metrics)  # type: ignore[assignment]
        self._generators: dict[str, Any] | None = None

    def training_step(self, batch: StoredBatch, batch_idx: int) -> Tensor:
        """Sum of the heads' losses; each is logged under its name."""
        losses = self._losses(self.model(batch), batch)
        self.log_dict({f"train/{name}/loss": loss.detach() for name, loss in losses.items()})
        return torch.stack(list(losses.values())).sum()

    def validation_step(self, batch: StoredBatch, batch_idx: int) -> None:
        """Losses, and each head's own metric, on the validation rows."""
        predictions, targets = self.model(batch), targets_of(batch)
        for name, loss in self._losses(predictions, batch).items():
            self.log(f"val/{name}/loss", loss, batch_size=len(batch["past"]))
            self.metrics[name].update(*self.model.heads[name].compared(predictions[name], targets))

    def on_validation_epoch_end(self) -> None:
        """Log what was measured on the whole split, on which several ranks agree."""
        for name, metric in self.metrics.items():
            self.log_dict({f"val/{name}/{key}": value for key, value in metric.compute().items()})
            metric.reset()

    def _losses(self, predictions: dict[str, dict[str, Tensor]], batch: StoredBatch) -> dict[str, Tensor]:
        targets = targets_of(batch)
        return {name: self.model.heads[name].loss(predictions[name], targets)["loss"] for name in self.trained}

    def headlines(self, measured: Mapping[str, Tensor]) -> str:
        """What was logged last, in words: of each kind of head its one figure, head by head."""
        said: dict[str, list[str]] = {}
        for name in self.trained:
            headline = self.model.heads[name].headline
            figure = f"{name} {measured[f'val/{name}/{headline.key}']:.3f}{headline.unit}"
            said.setdefault(headline.words, []).append(figure)
        return "; ".join(f"{words}: {', '.join(figures)}" for words, figures in said.items())

    def configure_optimizers(self) -> Any:
        """AdamW over all that requires a gradient; a frozen part of a head is an error, not a silent loss."""
        frozen = [name for name, parameter in self.model.named_parameters() if not parameter.requires_grad]
        if frozen:
            raise ValueError(f"these parameters of the heads would never train: {frozen}")
        optimizer = AdamW(self.model.parameters(), lr=self.lr, weight_decay=self.weight_decay)
        schedule = {"scheduler": CosineAnnealingLR(optimizer, T_max=self.steps), "interval": "step"}
        return {"optimizer": optimizer, "lr_scheduler": schedule}

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Dropout draws from torch's generators: a bit-equal resume needs their states."""
        checkpoint["generators"] = generator_state()
        checkpoint["data"] = self.data

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep the states until the loop is about to draw from them; BadInput when the data are others."""
        if checkpoint["data"] != self.data:
            raise BadInput("the training data have changed since the checkpoint; train anew in another --run_dir")
        self._generators = checkpoint["generators"]

    def on_train_start(self) -> None:
        """Go on drawing where the saved run stopped."""
        if self._generators is not None:
            set_generator_state(self._generators)


class FeatureData(LightningDataModule):
    """Training and validation batches, read whole from the feature store."""

    def __init__(self, train: StoredSplit, val: StoredSplit, *, batch_size: int, epochs: int, seed: int) -> None:
        """Rows without any target must have been left out of both splits."""
        super().__init__()
        self.steps = TrainingSteps(train, batch_size=batch_size, epochs=epochs, seed=seed)
        self.val = val

    def train_dataloader(self) -> TrainingSteps[StoredBatch]:
        """All batches of the run, in order."""
        return self.steps

    def val_dataloader(self) -> OrderedBatches:
        """The validation rows in order."""
        return self.val.batches()
