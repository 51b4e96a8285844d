"""Linear probes: what a linear classifier reads of a labelled field from frozen features (Alain and Bengio 2017)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from roadcue.errors import BadHead, BadInput
from roadcue.heads.moments import Moments
from roadcue.loaders import picture_file
from roadcue.loaders.split import split_by_sequence
from roadcue.metrics.bootstrap import DEFAULT_BOOTSTRAP, Bootstrap, Interval
from roadcue.metrics.classification import balanced_accuracy, balanced_accuracy_interval, majority, recalls
from roadcue.training.heads.batches import StoredSplit

PENALTIES = (1.0, 1e-1, 1e-2, 1e-3, 1e-4)
"""Candidates, strongest first: what a squared weight costs beside the mean cross-entropy of a row."""
_STEPS = 300
_TINY = 16
"""Pixels per side of a thumbnail."""


@dataclass(frozen=True)
class LinearProbe:
    """Multinomial logistic regression on standardised features, and the penalty it was fitted with."""

    classes: tuple[str, ...]
    mean: Tensor
    scale: Tensor
    weight: Tensor
    bias: Tensor
    penalty: float

    def predict(self, features: np.ndarray) -> np.ndarray:
        """(n, ...) features -> (n,) class names."""
        scores = (_rows(features) - self.mean) / self.scale @ self.weight + self.bias
        return np.array(self.classes)[scores.argmax(dim=1).numpy()]


def fit_probe(
    features: np.ndarray, labels: np.ndarray, held_out: np.ndarray, penalties: Sequence[float] = PENALTIES
) -> LinearProbe:
    """The probe with the penalty that is best on the held-out rows, fitted anew on all rows.

    `features` (n, ...) of any unit, `labels` (n,) class names, `held_out` (n,) bool: rows of whole sequences, since
    frames of one resemble each other. Every class weighs the same, however rare; best is by balanced accuracy, and of
    equals the strongest penalty. BadHead when a class or either part has no row, or the features are not finite.
    """
    if not (len(features) == len(labels) == len(held_out)):
        raise BadHead(f"{len(features)} features, {len(labels)} labels, {len(held_out)} marks: one each is needed")
    if len(np.unique(labels[~held_out])) < 2 or not held_out.any() or set(labels) - set(labels[~held_out]):
        raise BadHead("a probe needs rows of two classes or more, some held out, and every class among the others")
    if not np.isfinite(features).all():
        raise BadHead("the features of a probe must be finite; check the checkpoint and its dtype")
    # Each begins where the stronger one ended, which is nearly where it will end itself.
    path = _fit_path(features[~held_out], labels[~held_out], sorted(penalties, reverse=True))
    scores = [balanced_accuracy(probe.predict(features[held_out]), labels[held_out]) for probe in path]
    chosen = path[int(np.argmax(scores))].penalty
    return _fit_path(features, labels, [each.penalty for each in path if each.penalty >= chosen])[-1]


def _fit_path(features: np.ndarray, labels: np.ndarray, penalties: Sequence[float]) -> list[LinearProbe]:
    """A probe for each of the penalties, from the strongest to the weakest."""
    classes, index = np.unique(labels, return_inverse=True)
    rows, target = _rows(features), torch.from_numpy(index)
    moments = Moments()
    moments.add(rows, torch.ones_like(rows, dtype=torch.bool))
    mean, scale = moments.mean(), moments.scale()
    rows = (rows - mean) / scale
    share = 1 / (len(classes) * torch.bincount(target).float())
    weight = torch.zeros(rows.shape[1], len(classes), requires_grad=True)
    bias = torch.zeros(len(classes), requires_grad=True)
    probes = []
    for penalty in penalties:
        _descend(rows, target, share, weight, bias, penalty)
        fitted = weight.detach().clone(), bias.detach().clone()
        probes.append(LinearProbe(tuple(map(str, classes)), mean, scale, *fitted, penalty))
    return probes


def _descend(rows: Tensor, target: Tensor, share: Tensor, weight: Tensor, bias: Tensor, penalty: float) -> None:
    """Minimise cross-entropy + penalty |W|^2 in place; a convex problem, so there is nothing to tune."""
    optimizer = torch.optim.LBFGS([weight, bias], max_iter=_STEPS, tolerance_grad=1e-5, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        entropy = F.cross_entropy(rows @ weight + bias, target, reduction="none")
        total = (entropy * share[target]).sum() + penalty * weight.square().sum()
        total.backward()
        return total

    optimizer.step(loss)


def _rows(features: np.ndarray) -> Tensor:
    return torch.from_numpy(features.reshape(len(features), -1).astype(np.float32))


@dataclass(frozen=True)
class ProbeScores:
    """A probe's scores on the validation rows, shares from 0 to 1; intervals are over sequences."""

    field: str
    probe: Interval
    """Balanced accuracy of the probe."""
    majority: Interval
    """Balanced accuracy of the most frequent class of the training rows: 1 / number of classes."""
    recalls: dict[str, float]
    """Class -> recall of the probe."""
    penalty: float
    rows: dict[str, int]
    """"train" / "val" -> rows."""


def stored_features(split: StoredSplit) -> np.ndarray:
    """(n, c, k, d) float16 in the split's order; BadInput when it has none."""
    if split.store is None:
        raise BadInput(f"{split.dataset.name} {split.dataset.split}: a probe needs an encoder, and --encoder is none")
    return np.asarray(split.store.features[split.store_rows])


def thumbnails(split: StoredSplit) -> np.ndarray:
    """(n, 16, 16, 3) float32 grey levels: the pictures made tiny, what a probe has without any encoder."""
    pictures = np.empty((len(split), _TINY, _TINY, 3), dtype=np.float32)
    for i, row in enumerate(split.rows.tolist()):
        encoded = split.dataset.image(row, split.dataset.cameras[0])
        if encoded is None:
            raise BadInput(f"{split.dataset.where(row)}: has no picture of {split.dataset.cameras[0]}")
        picture, _ = picture_file.decode_at_least(encoded, split.dataset.where(row), _TINY)
        pictures[i] = cv2.resize(picture, (_TINY, _TINY), interpolation=cv2.INTER_AREA)
    return pictures


def probe_field(
    field: str,
    train: StoredSplit,
    val: StoredSplit,
    *,
    features: Callable[[StoredSplit], np.ndarray] = stored_features,
    bootstrap: Bootstrap = DEFAULT_BOOTSTRAP,
) -> ProbeScores:
    """Fit a probe on the `features` of the training rows and score it on the validation rows.

    Its penalty is chosen on a part of the training sequences. Rows whose field is empty, not labelled, do not count.
    BadInput when a row lacks the field, a split lacks features, or there are fewer than two training sequences.
    """
    labels, target = _labels(field, train), _labels(field, val)
    fitted, scored = labels != "", target != ""
    labels, target = labels[fitted], target[scored]
    chosen_on = split_by_sequence(train.dataset, "val").states.id
    held_out = np.isin(train.dataset.states.id[train.rows[fitted]], chosen_on)
    probe = fit_probe(features(train)[fitted], labels, held_out)
    sequence = val.sequence[scored]
    predicted, constant = probe.predict(features(val)[scored]), np.full(len(target), majority(labels))
    return ProbeScores(
        field,
        probe=balanced_accuracy_interval(predicted, target, sequence, bootstrap),
        majority=balanced_accuracy_interval(constant, target, sequence, bootstrap),
        recalls=recalls(predicted, target),
        penalty=probe.penalty,
        rows={"train": len(labels), "val": len(target)},
    )


def _labels(field: str, split: StoredSplit) -> np.ndarray:
    """(n,) class names in the split's order, "" where a row is not labelled."""
    rows = [int(row) for row in split.rows]
    labels = [split.dataset.targets(row).fields.get(field) for row in rows]
    if None in labels:
        raise BadInput(f"{split.dataset.where(rows[labels.index(None)])}: has no field {field!r} to probe for")
    return np.array(labels, dtype=str)
