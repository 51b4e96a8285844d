"""Reduced-rank regression: thousands of features as the few numbers that best predict what a path lacks without them.

A head that is given 3,072 numbers of each of some thousand frames fits noise in most of them. Reduced-rank ridge
regression (Izenman 1975, "Reduced-rank regression for the multivariate linear model"; Hoerl and Kennard 1970)
projects them: with Z (N, D) the features minus their mean, over their spread, and Y (N, m) the responses,
W = (Z'Z/N + penalty I)^-1 Z'Y/N is (D, m), and the projection (D, rank) holds the linear combinations of W's columns
that explain most of Y's variance. W is solved by conjugate gradients (Hestenes and Stiefel 1952), which need only
products with Z, so that 18,432 features of 400,000 frames take a few passes over the store and no matrix (D, D).

Shapes: b rows of a batch, N training rows, n pooled vectors of d numbers, D = n * d, m responses.
"""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

from roadcue.errors import BadHead
from roadcue.heads.head import Batches
from roadcue.heads.moments import Moments
from roadcue.schema import WAYPOINTS, HeadInputs, HeadTargets

PENALTY = 30.0
"""In units of one feature's variance: it hardly shrinks what hundreds of features have in common, and suppresses what
only a few have, which is mostly noise. RoadCue's own choice."""
_STEPS = 12
"""Of conjugate gradients; the penalty bounds the condition number, so that an error of about 0.001 is left."""
MOST = 4 * WAYPOINTS
"""The highest rank: the responses are a path's 40 numbers, and the same times the speed."""
Responses = Callable[[HeadInputs, HeadTargets], tuple[Tensor, Tensor]]
"""A batch -> (b, m) what the features are to predict, in comparable units, and (b,) bool whether a row has it."""


class ReducedRank(nn.Module):
    """(b, n, d) pooled vectors -> (b, rank) numbers of mean 0 and spread 1 over the training rows.

    Rank 0 keeps all: (b, n * d), each number normalised. A vector that stands in for a missing camera
    (`feature_mask` False) is not normalised: beside normalised features a zero vector is an average picture, and a
    learned one is what training made it.
    """

    mean: Tensor
    scale: Tensor
    projection: Tensor

    def __init__(self, vectors: int, width: int, rank: int, *, normalize: bool = True) -> None:
        """`vectors` n of `width` d numbers; without `normalize` and with rank 0 they pass unchanged."""
        super().__init__()
        self.vectors, self.width = vectors, width
        self.rank = min(rank, vectors * width, MOST)
        self.fitted = bool(self.rank) or normalize
        self.register_buffer("mean", torch.full((vectors, width), torch.nan if self.fitted else 0.0))
        self.register_buffer("scale", torch.full((vectors, width), torch.nan if self.fitted else 1.0))
        if self.rank:
            self.register_buffer("projection", torch.full((vectors * width, self.rank), torch.nan))

    @property
    def numbers(self) -> int:
        """How many numbers `forward` gives per row."""
        return self.rank or self.vectors * self.width

    def fit(self, batches: Batches, responses: Responses | None = None) -> None:
        """Compute mean and spread (n, d) and projection (D, rank), in some passes over the training set.

        Only a projection needs `responses`; BadHead when it has a rank and no row of the training set has them.
        """
        if not self.fitted or not self.vectors:
            return
        moments = Moments()
        with torch.no_grad():
            for inputs, _ in batches:
                moments.add(inputs["features"], inputs["feature_mask"][:, :, None])
            self.mean.copy_(moments.mean())
            self.scale.copy_(moments.scale())
            if self.rank and responses is not None:
                self.projection.copy_(_projection(lambda: self._rows(batches, responses), self.rank))

    def forward(self, inputs: HeadInputs) -> Tensor:
        """(b, numbers). BadHead when the features are not of the shape that it was built for."""
        rows = self._normalised(inputs)
        return rows @ self.projection if self.rank else rows

    def _rows(self, batches: Batches, responses: Responses) -> Iterator[tuple[Tensor, Tensor]]:
        """Normalised features (b, n * d) and responses (b, m), of the rows that have both."""
        for inputs, targets in batches:
            values, known = responses(inputs, targets)
            yield self._normalised(inputs)[known], values[known]

    def _normalised(self, inputs: HeadInputs) -> Tensor:
        """(b, n * d): each number minus its mean, over its spread; BadHead as `forward`."""
        features, mask = inputs["features"], inputs["feature_mask"]
        if features.shape[1:] != (self.vectors, self.width):
            raise BadHead(
                f"this head was built for {self.vectors} pooled vectors of {self.width} numbers, the batch has "
                f"{features.shape[1]} of {features.shape[2]}: another encoder, pooling or number of cameras"
            )
        return torch.where(mask[:, :, None], (features - self.mean) / self.scale, features).flatten(1)


def _projection(rows: Callable[[], Iterator[tuple[Tensor, Tensor]]], rank: int) -> Tensor:
    """(D, rank) float32 of the module's docstring, scaled so that each number it gives has a spread of 1.

    `rows` gives batches of z (b, D) and y (b, m), from the start each time that it is called. Conjugate gradients run
    for the m columns of W at once, in float64; products with Z are in float32.
    """
    count = sum(len(y) for _, y in rows())
    if not count:
        raise BadHead("no row of the training set has both features and a future, so no rank can be fitted")
    covariance = _total(z.T @ y for z, y in rows()) / count
    weight, residual, search = torch.zeros_like(covariance), covariance, covariance
    for _ in range(_STEPS):
        search_float32 = search.float()
        product = _total(z.T @ (z @ search_float32) for z, _ in rows()) / count + PENALTY * search
        energy = residual.square().sum(0)
        step = energy / (search * product).sum(0).clamp(min=1e-30)
        weight, residual = weight + step * search, residual - step * product
        search = residual + residual.square().sum(0) / energy.clamp(min=1e-30) * search
    # (m, m) variance of Z W: Z'Z W / N = covariance - residual - penalty W, by the definition of the residual.
    explained = weight.T @ (covariance - residual - PENALTY * weight)
    variance, combinations = torch.linalg.eigh((explained + explained.T) / 2)
    variance, combinations = variance.flip(0)[:rank], combinations.flip(1)[:, :rank]
    return (weight @ combinations / variance.clamp(min=1e-12).sqrt()).float()


def _total(terms: Iterator[Tensor]) -> Tensor:
    """The sum of one or more tensors (...) of the same shape, (...) float64."""
    total = next(terms).double()
    for term in terms:
        total = total + term
    return total
