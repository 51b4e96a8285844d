"""What a small head reads of thousands of features: the few directions that tell what a path without them gets wrong.

A head that is given 3,072 numbers of each of some thousand frames fits noise in most of them. Reduced-rank ridge
regression (Izenman 1975, "Reduced-rank regression for the multivariate linear model"; Hoerl and Kennard 1970) finds
those worth reading: with z the features over their spread and y what has to be told, W = (Z'Z/N + penalty I)^-1 Z'Y/N
has a column for each y, and the directions are the mixtures of its columns that explain most of y's variance. W is
found by conjugate gradients (Hestenes and Stiefel 1952), which only ask for products with Z, so that 18,432 features
of 400,000 frames are some passes over the store and no matrix of features by features.
"""

from collections.abc import Callable, Iterable, Iterator

import torch
from torch import Tensor, nn

from roadcue.errors import BadHead
from roadcue.heads.moments import Moments
from roadcue.schema import WAYPOINTS, HeadInputs, HeadTargets

PENALTY = 30.0
"""In units of one feature's variance: hardly felt by what hundreds of features tell together, fatal to what a few
tell, which is mostly noise."""
_STEPS = 12
"""Of conjugate gradients; the penalty bounds the condition, so that these leave about a thousandth."""
MOST = 4 * WAYPOINTS
"""Directions: a path's 40 numbers, and the same times the speed, have no more to ask for."""
Batches = Iterable[tuple[HeadInputs, HeadTargets]]
Wanted = Callable[[HeadInputs, HeadTargets], tuple[Tensor, Tensor]]


class Reading(nn.Module):
    """(b, n, d) pooled vectors -> (b, r) numbers of mean 0 and spread 1 over the training rows.

    With r = 0 it reads all: (b, n * d), each number over its spread. A vector that stands in for a missing camera
    (`feature_mask` False) is taken as it is: next to normalised features a zero vector is an average picture, and a
    learned one says what it learned to say.
    """

    mean: Tensor
    scale: Tensor
    directions: Tensor

    def __init__(self, features: int, width: int, directions: int, *, normalize: bool = True) -> None:
        """`features` vectors of `width` numbers; without `normalize` and directions they pass as they are."""
        super().__init__()
        self.features, self.width = features, width
        self.rank = min(directions, features * width, MOST)
        self.fitted = bool(self.rank) or normalize
        self.register_buffer("mean", torch.full((features, width), torch.nan if self.fitted else 0.0))
        self.register_buffer("scale", torch.full((features, width), torch.nan if self.fitted else 1.0))
        if self.rank:
            self.register_buffer("directions", torch.full((features * width, self.rank), torch.nan))

    @property
    def numbers(self) -> int:
        """How many it gives per row."""
        return self.rank or self.features * self.width

    def fit(self, batches: Batches, wanted: Wanted | None = None) -> None:
        """Find spread and directions; some passes over the training set.

        `wanted` gives (b, m) what has to be told, in comparable units, and (b,) bool whether a row has it; needed for
        directions only.
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
                self.directions.copy_(_directions(lambda: self._rows(batches, wanted), self.rank))

    def forward(self, inputs: HeadInputs) -> Tensor:
        """(b, numbers). BadHead when the features are not of the shape that it was built for."""
        rows = self._normal(inputs)
        return rows @ self.directions if self.rank else rows

    def _rows(self, batches: Batches, wanted: Wanted) -> Iterator[tuple[Tensor, Tensor]]:
        """Normal features (b, n * d) and what has to be told (b, m), of the rows that have both."""
        for inputs, targets in batches:
            told, known = wanted(inputs, targets)
            yield self._normal(inputs)[known], told[known]

    def _normal(self, inputs: HeadInputs) -> Tensor:
        features, mask = inputs["features"], inputs["feature_mask"]
        if features.shape[1:] != (self.features, self.width):
            raise BadHead(
                f"this head was built for {self.features} pooled vectors of {self.width} numbers, the batch has "
                f"{features.shape[1]} of {features.shape[2]}: another encoder, pooling or number of cameras"
            )
        return torch.where(mask[:, :, None], (features - self.mean) / self.scale, features).flatten(1)


def _directions(rows: Callable[[], Iterator[tuple[Tensor, Tensor]]], rank: int) -> Tensor:
    """(D, rank) of the module's docstring, their readings 1 wide; `rows` gives (b, D) and (b, m) anew each time."""
    count = sum(len(told) for _, told in rows())
    covariance = _total(z.T @ told for z, told in rows()) / count
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
