"""A linear probe: what a straight cut through frozen features tells of a field (Alain and Bengio 2017)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from roadcue.errors import BadHead
from roadcue.heads.moments import Moments
from roadcue.metrics.fields import balanced_accuracy

PENALTIES = (1.0, 1e-1, 1e-2, 1e-3, 1e-4)
"""Candidates, strongest first: what a squared weight costs beside the mean cross-entropy of a row."""
_STEPS = 300


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
    """The probe with the penalty that tells the held-out rows best, fitted anew on all rows.

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
    told = [balanced_accuracy(probe.predict(features[held_out]), labels[held_out]) for probe in path]
    chosen = path[int(np.argmax(told))].penalty
    return _fit_path(features, labels, [each.penalty for each in path if each.penalty >= chosen])[-1]


def _fit_path(features: np.ndarray, labels: np.ndarray, penalties: Sequence[float]) -> list[LinearProbe]:
    """A probe for each of the penalties, from the strongest to the weakest."""
    classes, target = np.unique(labels, return_inverse=True)
    rows, wanted = _rows(features), torch.from_numpy(target)
    moments = Moments()
    moments.add(rows, torch.ones_like(rows, dtype=torch.bool))
    mean, scale = moments.mean(), moments.scale()
    rows = (rows - mean) / scale
    share = 1 / (len(classes) * torch.bincount(wanted).float())
    weight = torch.zeros(rows.shape[1], len(classes), requires_grad=True)
    bias = torch.zeros(len(classes), requires_grad=True)
    probes = []
    for penalty in penalties:
        _descend(rows, wanted, share, weight, bias, penalty)
        fitted = weight.detach().clone(), bias.detach().clone()
        probes.append(LinearProbe(tuple(map(str, classes)), mean, scale, *fitted, penalty))
    return probes


def _descend(rows: Tensor, wanted: Tensor, share: Tensor, weight: Tensor, bias: Tensor, penalty: float) -> None:
    """Minimise cross-entropy + penalty |W|^2 in place; a convex problem, so there is nothing to tune."""
    optimizer = torch.optim.LBFGS([weight, bias], max_iter=_STEPS, tolerance_grad=1e-5, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        entropy = F.cross_entropy(rows @ weight + bias, wanted, reduction="none")
        total = (entropy * share[wanted]).sum() + penalty * weight.square().sum()
        total.backward()
        return total

    optimizer.step(loss)


def _rows(features: np.ndarray) -> Tensor:
    return torch.from_numpy(features.reshape(len(features), -1).astype(np.float32))
