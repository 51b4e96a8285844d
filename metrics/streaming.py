"""Metrics updated batch by batch, as the training loop needs them, on several ranks."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torchmetrics import Metric

from roadcue.metrics.displacement import LABELS, displacement, has_log, per_frame


class DisplacementMetric(Metric):
    """ADE, FDE and miss rate against the log, as `metrics.displacement.per_frame` defines them.

    Sums and a count are kept and added up over ranks, so every rank computes the mean over all frames of all ranks,
    however unevenly they were dealt out. `compute` gives metric -> scalar (metres; `miss_rate` a share), NaN when no
    frame had a log.
    """

    higher_is_better = False
    full_state_update = False
    sums: Tensor
    frames: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.add_state("sums", torch.zeros(len(LABELS)), dist_reduce_fx="sum")
        self.add_state("frames", torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")

    def update(self, predicted: Tensor, logged: Tensor) -> None:
        """Add a batch: two (b, 20, 2) in metres, ego frame; rows without a log (NaN) are left out.

        ValueError when a shape is wrong or a prediction of a row that has a log is not finite.
        """
        paths, log = (each.detach().cpu().double().numpy() for each in (predicted, logged))
        scored = has_log(log)
        frames = per_frame(displacement(paths[scored], log[scored]))
        self.sums += self.sums.new_tensor([frames[metric].sum() for metric in LABELS])
        self.frames += int(scored.sum())

    def compute(self) -> dict[str, Tensor]:
        """The mean over all frames so far, by metric."""
        return dict(zip(LABELS, self.sums / self.frames, strict=True))


class ClassificationMetric(Metric):
    """Accuracy and balanced accuracy (`metrics.classification`) of several fields with equally many classes.

    Confusion matrices (target, prediction) are kept and added up over ranks. `compute` gives name -> scalar share,
    the mean over fields; NaN where no row had a target.
    """

    higher_is_better = True
    full_state_update = False
    confusion: Tensor

    def __init__(self, fields: int, classes: int) -> None:
        super().__init__()
        self.add_state("confusion", torch.zeros(fields, classes, classes, dtype=torch.int64), dist_reduce_fx="sum")

    def update(self, predicted: Tensor, target: Tensor) -> None:
        """Add a batch: two (b, fields) int64; a target below 0 is unknown and left out."""
        classes = self.confusion.shape[-1]
        for field, (predictions, truth) in enumerate(zip(predicted.T, target.T, strict=True)):
            known = truth >= 0
            pairs = torch.bincount(truth[known] * classes + predictions[known], minlength=classes**2)
            self.confusion[field] += pairs.view(classes, classes)

    def compute(self) -> dict[str, Tensor]:
        """The means over all rows so far, by name."""
        right, rows = self.confusion.diagonal(dim1=1, dim2=2).double(), self.confusion.sum(dim=2).double()
        accuracy = right.sum(dim=1) / rows.sum(dim=1)
        balanced = (right / rows).nanmean(dim=1)  # over the classes that occur
        return {"accuracy": accuracy.nanmean().float(), "balanced_accuracy": balanced.nanmean().float()}


class AccuracyMetric(ClassificationMetric):
    """Accuracy of each of several fields: `compute` gives "<field>_accuracy", a share of the rows with a truth."""

    def __init__(self, fields: Sequence[str], classes: int) -> None:
        super().__init__(len(fields), classes)
        self.fields = tuple(fields)

    def compute(self) -> dict[str, Tensor]:
        """The shares over all rows so far, by name."""
        right, rows = self.confusion.diagonal(dim1=1, dim2=2).sum(dim=1), self.confusion.sum(dim=(1, 2))
        return {f"{field}_accuracy": share for field, share in zip(self.fields, right / rows, strict=True)}
