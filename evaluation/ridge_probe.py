"""Ridge probes: what a linear regression reads of frozen features where rows are few and features many.

Principal component regression with a ridge penalty (Jolliffe 2002, "Principal Component Analysis", chapter 8; Hoerl
and Kennard 1970). Z (n, D) are the features of the n fitted rows, minus their mean and over their spread, Z = U S V',
and Y (n, m) the targets minus their mean. The answer to a row z is that mean, plus the sum over the k components j of
most variance of

    z V_j s_j (U_j' Y) / (s_j² + n D penalty)

where z V_j s_j = z Z' U_j, so that all is computed with the n x n matrix Z Z' = U S² U', however many features.
How many components and which penalty is decided by cross-validation over blocks of neighbouring rows (Roberts et al.
2017, "Cross-validation strategies for data with temporal, spatial, hierarchical, or phylogenetic structure").
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from roadcue.errors import BadInput
from roadcue.heads.moments import Moments

COMPONENTS = (4, 8, 16, 32, 64, 128, 256)
"""Candidates for k, fewest first."""
PENALTIES = (1.0, 1e-1, 1e-2, 1e-3, 1e-4, 1e-5)
"""Candidates, strongest first: per row, as a share of the features' whole variance D."""


@dataclass(frozen=True)
class BlockedPredictions:
    """What is said of each row by a probe that was fitted, and chosen, on the other blocks."""

    predicted: np.ndarray
    """(n, m) in the targets' units."""
    mean: np.ndarray
    """(n, m) the mean of the other blocks' targets, which sees no feature."""
    components: np.ndarray
    """(blocks, m) how many were chosen, the blocks in the order of their names."""
    penalties: np.ndarray
    """(blocks, m)"""


def predict_by_block(features: np.ndarray, targets: np.ndarray, block: np.ndarray) -> BlockedPredictions:
    """Predict each block's rows by a probe of all other blocks, for each target on its own.

    `features` (n, ...) of any unit, `targets` (n, m), `block` (n,) names. Within the other blocks each is left out
    once more, and the candidates with the least squared error on all rows left out are taken; of equals the strongest
    penalty, then the fewest components. BadInput for fewer than three blocks, or features that are not finite.
    """
    blocks = np.unique(block)
    if len(blocks) < 3:
        raise BadInput(f"a ridge probe needs three blocks of rows or more, and there are {len(blocks)}")
    if not np.isfinite(features).all():
        raise BadInput("the features of a probe must be finite; check the checkpoint and its dtype")
    rows, values = features.reshape(len(features), -1), np.asarray(targets, np.float64)
    predicted, mean = np.empty_like(values), np.empty_like(values)
    components, penalties = [], []
    for held in blocks:
        others = blocks[blocks != held]
        left_out = [_errors(rows, values, (block != held) & (block != other), block == other) for other in others]
        errors = np.sum(left_out, axis=0)
        chosen = errors.reshape(-1, values.shape[1]).argmin(0)
        penalty, component = np.unravel_index(chosen, errors.shape[:2])
        fitted, scored = block != held, block == held
        answers = ridge_on_components(rows[fitted], values[fitted], rows[scored])
        predicted[scored] = answers[penalty, component, :, np.arange(values.shape[1])].T
        mean[scored] = values[fitted].mean(0)
        penalties.append(np.array(PENALTIES)[penalty])
        components.append(np.array(COMPONENTS)[component])
    return BlockedPredictions(predicted, mean, np.stack(components), np.stack(penalties))


def ridge_on_components(rows: np.ndarray, targets: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """The answers of all candidates: fitted on `rows` (n, D) and `targets` (n, m), for rows `asked` (a, D).

    Returns (penalties, components, a, m) in the targets' units. With fewer than k rows all components are taken.
    """
    fitted, wanted = _standardised(rows, asked)
    variance, vectors = torch.linalg.eigh((fitted @ fitted.T).double())
    variance, vectors = variance.flip(0)[: max(COMPONENTS)].clamp(min=0), vectors.flip(1)[:, : max(COMPONENTS)]
    centre = targets.mean(0)
    along = vectors.T @ torch.from_numpy(targets - centre)
    scores = (wanted @ fitted.T).double() @ vectors
    last = torch.tensor([min(count, len(variance)) - 1 for count in COMPONENTS])
    answers = []
    for penalty in PENALTIES:
        weights = along / (variance + len(rows) * rows.shape[1] * penalty)[:, None]
        answers.append((scores.T[:, :, None] * weights[:, None, :]).cumsum(0)[last])
    return torch.stack(answers).numpy() + centre


def _errors(rows: np.ndarray, targets: np.ndarray, fitted: np.ndarray, scored: np.ndarray) -> np.ndarray:
    """(penalties, components, m): the squared errors of all candidates on the rows scored, summed."""
    answers = ridge_on_components(rows[fitted], targets[fitted], rows[scored])
    return np.square(answers - targets[scored]).sum(2)


def _standardised(rows: np.ndarray, asked: np.ndarray) -> tuple[Tensor, Tensor]:
    """Both minus the mean of `rows`, over their spread; float32."""
    fitted, wanted = (torch.from_numpy(part.astype(np.float32)) for part in (rows, asked))
    moments = Moments()
    moments.add(fitted, torch.ones_like(fitted, dtype=torch.bool))
    return (fitted - moments.mean()) / moments.scale(), (wanted - moments.mean()) / moments.scale()
