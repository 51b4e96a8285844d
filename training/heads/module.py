"""The training loop's view of a MultiHeadModel: losses, metrics, parameters."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torchmetrics import Metric

from roadcue.heads.multi_head import BLIND_SUFFIX, MultiHeadModel
from roadcue.schema import HeadTargets, StoredBatch
from roadcue.training.module import TrainingModule
from roadcue.training.ranks import Share, joined, of_all, without_effect


class HeadsModule(TrainingModule):
    """Trains every head that has parameters in one pass over the features; the losses do not mix."""

    shares = True

    def __init__(
        self,
        model: MultiHeadModel,
        *,
        lr: float,
        weight_decay: float,
        steps: int,
        warm_up: int = 0,
        learnt_from: Mapping[str, str] | None = None,
    ) -> None:
        """`lr` falls to zero along a cosine of `steps` optimizer steps; `learnt_from` as in `TrainingModule`."""
        super().__init__(lr=lr, steps=steps, shape="cosine", warm_up=warm_up, learnt_from=learnt_from)
        self.model, self.weight_decay = model, weight_decay
        self.learning = [name for name, head in model.heads.items() if any(True for _ in head.parameters())]
        metrics = {name: model.heads[name].metric() for name in self.learning}
        for metric in metrics.values():  # each rank has what all of them predict
            metric.distributed_available_fn = _never
        self.metrics: Mapping[str, Metric] = nn.ModuleDict(metrics)  # type: ignore[assignment]

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Complete a checkpoint of before heads kept what they were taught, which they have just been fitted to."""
        super().on_load_checkpoint(checkpoint)
        known = {name: tensor for name, tensor in self.state_dict().items() if name.endswith(".taught")}
        for weights in ("state_dict", "current_model_state"):  # the second beside an average
            if weights in checkpoint:
                checkpoint[weights] = known | checkpoint[weights]

    def training_step(self, batch: StoredBatch | Share, batch_idx: int) -> Tensor:
        """Sum of the heads' losses over the rows of all ranks; each is logged under its name."""
        if not isinstance(batch, Share):
            return self._logged(self.model(batch), batch["targets"])
        mine = self._learnt(batch)
        whole = joined(of_all(mine, batch.rows, self.ranks))
        # DDP takes the mean of what the ranks find, each of which has the gradients of its own rows alone.
        return self._logged(whole["predictions"], whole["targets"]) * self.ranks.count + without_effect(mine)

    def validation_step(self, batch: StoredBatch | Share, batch_idx: int) -> None:
        """Losses, and each head's own metric, on the validation rows of all ranks."""
        if not isinstance(batch, Share):
            self._measure(self.model(batch), batch["targets"])
            return
        for part, rows in zip(of_all(self._learnt(batch), batch.rows, self.ranks), batch.rows, strict=True):
            if rows:
                self._measure(part["predictions"], part["targets"])

    def on_validation_epoch_end(self) -> None:
        """Log what was measured on the whole split, on which several ranks agree."""
        for name, metric in self.metrics.items():
            self.log_dict({f"val/{name}/{key}": value for key, value in metric.compute().items()})
            metric.reset()

    def _learnt(self, share: Share) -> dict[str, Any]:
        """What the heads that learn predict of a share, and what is true."""
        predicted = self.model(share.batch)
        return {"predictions": {name: predicted[name] for name in self.learning}, "targets": share.batch["targets"]}

    def _logged(self, predictions: dict[str, dict[str, Tensor]], targets: HeadTargets) -> Tensor:
        losses = self.losses(predictions, targets)
        self.log_dict({f"train/{name}/loss": loss.detach() for name, loss in losses.items()})
        return torch.stack(list(losses.values())).sum()

    def _measure(self, predictions: dict[str, dict[str, Tensor]], targets: HeadTargets) -> None:
        for name, loss in self.losses(predictions, targets).items():
            self.log(f"val/{name}/loss", loss, batch_size=len(targets["future"]))
            self.metrics[name].update(*self.model.heads[name].compared(predictions[name], targets))

    def losses(self, predictions: dict[str, dict[str, Tensor]], targets: HeadTargets) -> dict[str, Tensor]:
        """Of every head that learns, () each, for what `model` predicts of rows with these targets."""
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

    @property
    def trainable(self) -> int:
        """Without the twins that see nothing: they learn beside the heads, to be compared with."""
        twins = [head for name, head in self.model.heads.items() if name.endswith(BLIND_SUFFIX)]
        weights = [weight for twin in twins for weight in twin.parameters() if weight.requires_grad]
        return super().trainable - sum(weight.numel() for weight in weights)

    def parameter_groups(self) -> list[dict[str, Any]]:
        """One group: everything decays alike."""
        return [{"params": list(self.model.parameters()), "weight_decay": self.weight_decay}]


def _never() -> bool:
    return False
