"""Probabilistic principal component analysis: how unlikely a vector is, of vectors that vary in few directions.

Tipping and Bishop 1999, "Probabilistic Principal Component Analysis": a Gaussian whose covariance has the variances
of the data along their r principal directions, and one variance along all others. Its Mahalanobis distance needs
neither a full covariance nor its inverse, so it fits vectors of ten thousand numbers from a few thousand rows.

Shapes: n or b rows, g groups of vectors that each have a Gaussian of their own, w the width of a vector.
"""

import torch
from torch import Tensor, nn

_MORE, _ITERATIONS = 32, 2
"""Of the randomised decomposition (Halko, Martinsson and Tropp 2011, algorithm 4.4): directions that it finds beside
the wanted ones, and how often it sharpens them."""
_ROWS_A_DIRECTION = 4
"""A direction of fewer rows is one of those rows itself."""
_LEAST = 1e-4
"""A variance is at least that share of the mean one: in a direction in which training rows never differ. What float32
leaves of such a direction, some 1e-7 of a vector's square, is nothing beside it."""


class ProbabilisticPCA(nn.Module):
    """g Gaussians of vectors of width w with r principal directions, fewer of few rows; NaN before `fit`."""

    mean: Tensor
    directions: Tensor
    variances: Tensor
    rest: Tensor

    def __init__(self, groups: int, width: int, rank: int) -> None:
        super().__init__()
        self.rank = rank
        self.register_buffer("mean", torch.full((groups, width), torch.nan))
        self.register_buffer("directions", torch.full((groups, width, rank), torch.nan))
        self.register_buffer("variances", torch.full((groups, rank), torch.nan))
        self.register_buffer("rest", torch.full((groups,), torch.nan))

    def fit(self, vectors: Tensor, known: Tensor) -> None:
        """Vectors (n, g, w) float32, of which those in `known` (n, g) count; a group without any stays NaN."""
        for group in range(len(self.mean)):
            rows = vectors[known[:, group], group]
            if len(rows):
                self._fit_group(group, rows)

    def _fit_group(self, group: int, rows: Tensor) -> None:
        mean = rows.mean(dim=0)
        centred, wide = rows - mean, rows.shape[1]
        total = centred.square().sum() / len(rows)
        kept = min(self.rank, wide, len(rows) // _ROWS_A_DIRECTION)
        found = min(kept + _MORE, *rows.shape)
        with torch.random.fork_rng(devices=[]):  # equal rows give equal directions
            torch.default_generator.manual_seed(0)
            _, singular, directions = torch.svd_lowrank(centred, q=found, niter=_ITERATIONS)
        variances = singular[:kept].square() / len(rows)
        least = _LEAST * total / wide + torch.finfo(torch.float32).tiny
        rest = torch.maximum((total - variances.sum()) / max(wide - kept, 1), least)
        self.variances[group] = 1.0
        self.variances[group, :kept] = torch.maximum(variances, rest if kept < wide else least)
        self.mean[group], self.rest[group] = mean, rest if kept < wide else torch.inf  # there is nothing beside
        self.directions[group] = 0.0
        self.directions[group, :, :kept] = directions[:, :kept]

    def forward(self, vectors: Tensor) -> Tensor:
        """(b, g, w) float32 -> (b, g): the squared Mahalanobis distance."""
        centred = vectors - self.mean
        along = (centred.transpose(0, 1) @ self.directions).transpose(0, 1).square()
        beside = (centred.square().sum(dim=2) - along.sum(dim=2)).clamp(min=0)
        return (along / self.variances).sum(dim=2) + beside / self.rest
