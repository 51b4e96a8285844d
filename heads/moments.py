"""Mean and spread of a training set that comes in batches: one pass, float64, any order.

Batches are merged as in Chan, Golub and LeVeque, "Updating formulae and a pairwise algorithm for computing sample
variances" (1979), which does not subtract large sums from each other.
"""

import torch
from torch import Tensor


class Moments:
    """Mean and standard deviation of every number of a tensor, over the rows in which it is present."""

    def __init__(self) -> None:
        self._count = self._mean = self._squares = torch.zeros((), dtype=torch.float64)

    def add(self, rows: Tensor, present: Tensor) -> None:
        """Merge `rows` (b, ...); `present` is bool and broadcasts to that shape, False where a number does not count.

        Numbers that are not present may be anything, NaN included.
        """
        values = rows.double().masked_fill(~present, 0.0)
        count = present.double().sum(0)
        mean = values.sum(0) / count.clamp(min=1)
        squares = (values - mean).masked_fill(~present, 0.0).square().sum(0)
        total = (self._count + count).clamp(min=1)
        shift = mean - self._mean
        self._squares = self._squares + squares + shift.square() * self._count * count / total
        self._mean = self._mean + shift * count / total
        self._count = self._count + count

    def mean(self) -> Tensor:
        """(...) float32, the shape of a row: each number's mean, 0 where no row had the number."""
        return self._mean.float()

    def scale(self) -> Tensor:
        """(...) float32, the shape of a row: what to divide by, the `floored` standard deviation."""
        return floored(self._mean, (self._squares / self._count.clamp(min=1)).sqrt()).float()


class Comoments:
    """Mean and scatter matrix of rows of d numbers, all that a linear least-squares fit needs; float64."""

    def __init__(self) -> None:
        self.count = 0
        self.mean = torch.zeros((), dtype=torch.float64)
        """(d,)"""
        self.scatter = torch.zeros((), dtype=torch.float64)
        """(d, d): the sum over rows of (row - mean)ᵀ (row - mean)."""

    def add(self, rows: Tensor) -> None:
        """Merge `rows` (b, d); b may be 0."""
        if len(rows) == 0:
            return
        rows = rows.double()
        mean = rows.mean(0)
        centred, shift = rows - mean, mean - self.mean
        total = self.count + len(rows)
        self.scatter = self.scatter + centred.T @ centred
        self.scatter = self.scatter + torch.outer(shift, shift) * (self.count * len(rows) / total)
        self.mean = self.mean + shift * (len(rows) / total)
        self.count = total


def floored(mean: Tensor, deviation: Tensor) -> Tensor:
    """`deviation`, but 1 where a number is constant: up to 1e-4, or up to the resolution of fp16, 1e-3 of the mean.

    All three have the shape of a row. fp16 has 10 bits of fraction, 2^-10 = 1e-3 (IEEE 754). The last past position
    is always (0, 0) within a rounding error, which dividing by its deviation would turn into an input.
    """
    constant = deviation <= (1e-3 * mean.abs()).clamp(min=1e-4)
    return torch.where(constant, torch.ones_like(deviation), deviation)
