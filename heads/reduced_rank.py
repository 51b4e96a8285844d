"""Reduced-rank regression: thousands of features as the few numbers that best predict what a path lacks without them.

A head that is given 3,072 numbers of each of some thousand frames fits noise in most of them. Reduced-rank ridge
regression (Izenman 1975, "Reduced-rank regression for the multivariate linear model"; Hoerl and Kennard 1970)
projects them: with z the features over their spread and y the targets, W = (Z'Z/N + penalty I)^-1 Z'Y/N has a
column for each y, and the projection holds the mixtures of its columns that explain most of y's variance. W is
found by conjugate gradients (Hestenes and Stiefel 1952), which only ask for products with Z, so that 18,432
features of 400,000 frames are some passes over the store and no matrix of features by features.
"""

from collections.abc import Callable, Iterable, Iterator

import torch
from torch import Tensor, nn

from roadcue.errors import BadHead
from roadcue.heads.moments import Moments
from roadcue.schema import WAYPOINTS, HeadInputs, HeadTargets

PENALTY = 30.0
"""In units of one feature's variance: hardly felt by what hundreds of features have in common, fatal to what a few
have, which is mostly noise."""
_STEPS = 12
"""Of conjugate gradients; the penalty bounds the condition, so that these leave about a thousandth."""
MOST = 4 * WAYPOINTS
"""The highest rank: a path's 40 numbers, and the same times the speed, have no more to ask for."""
Batches = Iterable[tuple[HeadInputs, HeadTargets]]
Wanted = Callable[[HeadInputs, HeadTargets], tuple[Tensor, Tensor]]


class ReducedRank(nn.Module):
    """(b, n, d) pooled vectors -> (b, rank) numbers of mean 0 and spread 1 over the training rows.

    Rank 0 keeps all: (b, n * d), each number over its spread. A vector that stands in for a missing camera
    (`feature_mask` False) is taken as it is: next to normalised features a zero vector is an average picture, and a
    learned one says what it learned to say.
    """

    mean: Tensor
    scale: Tensor
    projection: Tensor

    def __init__(self, features: int, width: int, rank: int, *, normalize: bool = True) -> None:
        """`features` vectors of `width` numbers; without `normalize` and with rank 0 they pass as they are."""
        super().__init__()
        self.features, self.width = features, width
        self.rank = min(rank, features * width, MOST)
        self.fitted = bool(self.rank) or normalize
        self.register_buffer("mean", torch.full((features, width), torch.nan if self.fitted else 0.0))
        self.register_buffer("scale", torch.full((features, width), torch.nan if self.fitted else 1.0))
        if self.rank:
            self.register_buffer("projection", torch.full((features * width, self.rank), torch.nan))

    @property
    def numbers(self) -> int:
        """How many it gives per row."""
        return self.rank or self.features * self.width

    def fit(self, batches: Batches, wanted: Wanted | None = None) -> None:
        """Find spread and projection; some passes over the training set.

        `wanted` gives (b, m) targets in comparable units, and (b,) bool whether a row has them; needed for a
        projection only.
        """
        if not self.fitted or not self.features:
            return
        moments = Moments()
        with torch.no_grad():
            for inputs, _ in batches:
                moments.add(inputs["features"], inputs["feature_mask"][:, :, None])
            self.mean.copy_(moments.mean())
            self.scale.copy_(moments.scale())
            if self.rank and wanted is not None:
                self.projection.copy_(_projection(lambda: self._rows(batches, wanted), self.rank))

    def forward(self, inputs: HeadInputs) -> Tensor:
        """(b, numbers). BadHead when the features are not of the shape that it was built for."""
        rows = self._normalised(inputs)
        return rows @ self.projection if self.rank else rows

    def _rows(self, batches: Batches, wanted: Wanted) -> Iterator[tuple[Tensor, Tensor]]:
        """Normalised features (b, n * d) and targets (b, m), of the rows that have both."""
        for inputs, targets in batches:
            target, known = wanted(inputs, targets)
            yield self._normalised(inputs)[known], target[known]

    def _normalised(self, inputs: HeadInputs) -> Tensor:
        features, mask = inputs["features"], inputs["feature_mask"]
        if features.shape[1:] != (self.features, self.width):
            raise BadHead(
                f"this head was built for {self.features} pooled vectors of {self.width} numbers, the batch has "
                f"{features.shape[1]} of {features.shape[2]}: another encoder, pooling or number of cameras"
            )
        return torch.where(mask[:, :, None], (features - self.mean) / self.scale, features).flatten(1)


def _projection(rows: Callable[[], Iterator[tuple[Tensor, Tensor]]], rank: int) -> Tensor:
    """(D, rank) of the module's docstring, what it gives 1 wide; `rows` gives (b, D) and (b, m) anew each time."""
    count = sum(len(target) for _, target in rows())
    covariance = _total(z.T @ target for z, target in rows()) / count
    weight, left, search = torch.zeros_like(covariance), covariance, covariance
    for _ in range(_STEPS):
        along = search.float()
        product = _total(z.T @ (z @ along) for z, _ in rows()) / count + PENALTY * search
        energy = left.square().sum(0)
        step = energy / (search * product).sum(0).clamp(min=1e-30)
        weight, left = weight + step * search, left - step * product
        search = left + left.square().sum(0) / energy.clamp(min=1e-30) * search
    # Z'Z W / N, since Z'Z W / N + penalty W = covariance - left.
    explained = weight.T @ (covariance - left - PENALTY * weight)
    variance, order = torch.linalg.eigh((explained + explained.T) / 2)
    variance, order = variance.flip(0)[:rank], order.flip(1)[:, :rank]
    return (weight @ order / variance.clamp(min=1e-12).sqrt()).float()


def _total(parts: Iterator[Tensor]) -> Tensor:
    """Their sum in float64."""
    total = next(parts).double()
    for part in parts:
        total = total + part
    return total
