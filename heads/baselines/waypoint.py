"""Paths that see no image and hold no parameter: what every waypoint head with an encoder has to beat."""

import math
from collections.abc import Iterable
from typing import ClassVar

import torch
from torch import Tensor

from roadcue.errors import BadHead
from roadcue.heads.head import Head, ego_state, has_future
from roadcue.heads.moments import Comoments, floored
from roadcue.schema import EGO_NUMBERS, STEP_S, WAYPOINTS, HeadInputs, HeadTargets

MAX_CURVATURE = 0.2
"""1/m: a turning circle of 5 m radius, about what a passenger car can do at full lock."""


def _times(past: Tensor) -> Tensor:
    """(20,) seconds, 0.25 ... 5, where `past` is."""
    return STEP_S * torch.arange(1, WAYPOINTS + 1, dtype=past.dtype, device=past.device)


class StandStill(Head):
    """The car stays where it is: p(t) = 0."""

    name: ClassVar[str] = "stand still"

    def forward(self, inputs: HeadInputs) -> dict[str, Tensor]:
        """{"waypoints": (b, 20, 2) metres, ego frame}."""
        past = inputs["past"]
        return {"waypoints": past.new_zeros(len(past), WAYPOINTS, 2)}


class ConstantVelocity(Head):
    """The car keeps its last velocity: p(t) = v t (Schöller et al. 2020, "What the Constant Velocity Model...")."""

    name: ClassVar[str] = "constant velocity"

    def forward(self, inputs: HeadInputs) -> dict[str, Tensor]:
        """{"waypoints": (b, 20, 2) metres, ego frame}."""
        past = inputs["past"]
        return {"waypoints": _times(past)[:, None] * past[:, -1, None, 2:4]}


class ConstantTurnRate(Head):
    """The car keeps its speed v and its turn rate w (CTRV: Schubert, Richter and Wanielik 2008, section III).

    p(t) is the chord of the arc, v t sinc(w t / 2) long in the direction w t / 2, with sinc(x) = sin(x) / x: the same
    as v/w (sin w t, 1 - cos w t), and defined at w = 0. The heading at t = 0 is 0, as the ego frame has it; v is the
    last forward velocity (negative in reverse). w is the turn that best rotates each of the last second's steps onto
    the next one, arctan2(sum of cross products, sum of dot products): steps count with their squared length, so the
    jitter of a standing car does not. It is taken from the positions because Waymo's last velocity repeats the one
    before. |w| <= |v| * `MAX_CURVATURE`.
    """

    name: ClassVar[str] = "constant turn rate"

    def forward(self, inputs: HeadInputs) -> dict[str, Tensor]:
        """{"waypoints": (b, 20, 2) metres, ego frame}."""
        past = inputs["past"]
        steps = past[:, -6:, :2].diff(dim=1)
        before, after = steps[:, :-1], steps[:, 1:]
        cross = (before[..., 0] * after[..., 1] - before[..., 1] * after[..., 0]).sum(1)
        dot = (before * after).sum((1, 2))
        speed = past[:, -1, 2]
        limit = MAX_CURVATURE * speed.abs()
        turn_rate = (torch.atan2(cross, dot) / STEP_S).clamp(-limit, limit)
        t = _times(past)
        half_turn = turn_rate[:, None] * t / 2
        chord = speed[:, None] * t * torch.sinc(half_turn / torch.pi)
        return {"waypoints": torch.stack([chord * half_turn.cos(), chord * half_turn.sin()], dim=2)}


class Ridge(Head):
    """Linear regression from past states and intent to the path, with a penalty (Hoerl and Kennard 1970).

    With z the 99 inputs (16 x 6 past, 3 intent) centred and divided by their deviation over the n training rows, and
    y the centred path, W = (Z'Z + n penalty I)^-1 Z'Y, in float64 from the moments of one pass. The penalty is the
    one of `PENALTIES` with the least generalised cross-validation error (see `_least_gcv`).
    """

    name: ClassVar[str] = "ridge"
    PENALTIES: ClassVar[tuple[float, ...]] = (1.0, 1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6)
    """Per row and unit of variance. Weaker ones would bring out directions that float32 inputs do not resolve."""

    mean: Tensor
    scale: Tensor
    weight: Tensor
    bias: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.full((EGO_NUMBERS,), torch.nan))
        self.register_buffer("scale", torch.full((EGO_NUMBERS,), torch.nan))
        self.register_buffer("weight", torch.full((EGO_NUMBERS, WAYPOINTS * 2), torch.nan))
        self.register_buffer("bias", torch.full((WAYPOINTS * 2,), torch.nan))

    def fit(self, batches: Iterable[tuple[HeadInputs, HeadTargets]]) -> None:
        """Solve for the weights, in one pass over the training set. BadHead when no row has a future."""
        moments = Comoments()
        for inputs, targets in batches:
            rows = has_future(targets)
            paths = targets["future"].flatten(1)
            moments.add(torch.cat([ego_state(inputs), paths.to(inputs["past"])], dim=1)[rows])
        if moments.count == 0:
            raise BadHead("no row of the training set has a future, so there is nothing to fit")
        covariance = moments.scatter / moments.count
        mean, deviation = moments.mean[:EGO_NUMBERS], covariance.diagonal()[:EGO_NUMBERS].sqrt()
        scale = floored(mean, deviation)
        among_inputs = covariance[:EGO_NUMBERS, :EGO_NUMBERS] / torch.outer(scale, scale)
        with_paths = covariance[:EGO_NUMBERS, EGO_NUMBERS:] / scale[:, None]
        spread, directions = torch.linalg.eigh(among_inputs)
        spread, projected = spread.clamp(min=0), directions.T @ with_paths
        path_variance = covariance.diagonal()[EGO_NUMBERS:].sum()
        penalty = _least_gcv(self.PENALTIES, spread, projected.square().sum(1), path_variance, moments.count)
        self.mean.copy_(mean)
        self.scale.copy_(scale)
        self.weight.copy_(directions @ (projected / (spread + penalty)[:, None]))
        self.bias.copy_(moments.mean[EGO_NUMBERS:])

    def forward(self, inputs: HeadInputs) -> dict[str, Tensor]:
        """{"waypoints": (b, 20, 2) metres, ego frame}; NaN before `fit`."""
        paths = (ego_state(inputs) - self.mean) / self.scale @ self.weight + self.bias
        return {"waypoints": paths.unflatten(1, (WAYPOINTS, 2))}


def _least_gcv(
    penalties: tuple[float, ...], spread: Tensor, explained: Tensor, path_variance: Tensor, rows: int
) -> float:
    """The penalty with the least generalised cross-validation error (Golub, Heath and Wahba 1979).

    GCV = (residual variance) / (1 - f / rows)^2 with f = 1 + sum of spread / (spread + penalty) degrees of freedom.
    `spread` (99,) are the eigenvalues of the inputs' correlation matrix, `explained` (99,) the squared covariance of
    each of its directions with the path. Only penalties that leave two rows to a degree of freedom can win, the
    strongest one if none does: nearer to interpolation GCV compares rounding errors.
    """
    errors = []
    for penalty in penalties:
        freedom = 1 + float((spread / (spread + penalty)).sum())
        residual = path_variance - (explained * (spread + 2 * penalty) / (spread + penalty).square()).sum()
        errors.append(float(residual) / (1 - freedom / rows) ** 2 if 2 * freedom <= rows else math.inf)
    return penalties[errors.index(min(errors))]
