"""The baselines of the waypoint head: without an image or parameters, what every head that sees one has to beat."""

import math
from typing import ClassVar

import torch
from torch import Tensor

from roadcue.errors import BadHead
from roadcue.heads.head import Batches, Head, ego_state, has_future
from roadcue.heads.moments import Comoments, floored
from roadcue.schema import EGO_NUMBERS, STEP_S, WAYPOINTS, HeadInputs

MAX_CURVATURE = 0.2
"""1/m: a turning circle of 5 m radius, about what a passenger car can do at full lock."""


def _times(past: Tensor) -> Tensor:
    """(20,) seconds, 0.25 ... 5, of the dtype and on the device of `past` (b, 16, 6)."""
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
    as v/w (sin w t, 1 - cos w t), and defined at w = 0. The heading at t = 0 is 0, as the ego frame has it; v m/s is
    the last forward velocity (negative in reverse). w rad/s comes from the four turns between the last five steps
    from position to position: the angle that best rotates each step onto the next one, arctan2(sum of cross products,
    sum of dot products) (the planar case of Kabsch 1976), over 0.25 s. Steps count with their squared length, so the
    jitter of a standing car hardly does. Positions are used because Waymo's last velocity repeats the one before.
    |w| <= |v| * `MAX_CURVATURE`.
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

    With Z (n, 99) the inputs of the n training rows (16 x 6 past, 3 intent), centred and divided by their deviation,
    and Y (n, 40) the centred paths in metres, W = (Z'Z + n penalty I)^-1 Z'Y, in float64 from the moments of one
    pass. The penalty is the one of `PENALTIES` with the least generalised cross-validation error (`_least_gcv`).
    """

    name: ClassVar[str] = "ridge"
    PENALTIES: ClassVar[tuple[float, ...]] = (1.0, 1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6)
    """Per row and unit of variance. Weaker ones would fit components that float32 inputs do not resolve."""

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

    def fit(self, batches: Batches) -> None:
        """Solve for `weight` (99, 40) and `bias` (40,) metres, in one pass; BadHead when no row has a future."""
        moments = Comoments()
        for inputs, targets in batches:
            known = has_future(targets)
            paths = targets["future"].flatten(1)
            moments.add(torch.cat([ego_state(inputs), paths.to(inputs["past"])], dim=1)[known])
        if moments.count == 0:
            raise BadHead("no row of the training set has a future, so there is nothing to fit")
        covariance = moments.scatter / moments.count
        mean, deviation = moments.mean[:EGO_NUMBERS], covariance.diagonal()[:EGO_NUMBERS].sqrt()
        scale = floored(mean, deviation)
        among_inputs = covariance[:EGO_NUMBERS, :EGO_NUMBERS] / torch.outer(scale, scale)
        with_paths = covariance[:EGO_NUMBERS, EGO_NUMBERS:] / scale[:, None]
        eigenvalues, eigenvectors = torch.linalg.eigh(among_inputs)
        eigenvalues, projected = eigenvalues.clamp(min=0), eigenvectors.T @ with_paths
        path_variance = covariance.diagonal()[EGO_NUMBERS:].sum()
        penalty = _least_gcv(self.PENALTIES, eigenvalues, projected.square().sum(1), path_variance, moments.count)
        self.mean.copy_(mean)
        self.scale.copy_(scale)
        self.weight.copy_(eigenvectors @ (projected / (eigenvalues + penalty)[:, None]))
        self.bias.copy_(moments.mean[EGO_NUMBERS:])

    def forward(self, inputs: HeadInputs) -> dict[str, Tensor]:
        """{"waypoints": (b, 20, 2) metres, ego frame}; NaN before `fit`."""
        paths = (ego_state(inputs) - self.mean) / self.scale @ self.weight + self.bias
        return {"waypoints": paths.unflatten(1, (WAYPOINTS, 2))}


def _least_gcv(
    penalties: tuple[float, ...], eigenvalues: Tensor, explained: Tensor, path_variance: Tensor, rows: int
) -> float:
    """The penalty with the least generalised cross-validation error (Golub, Heath and Wahba 1979).

    GCV = (residual variance) / (1 - f / rows)^2, with f = 1 + sum of eigenvalue / (eigenvalue + penalty) degrees of
    freedom. `eigenvalues` (99,) are those of the inputs' correlation matrix, `explained` (99,) square metres the
    squared covariance of each eigenvector with the path, `path_variance` () square metres the sum over the path's 40
    numbers. Only penalties that leave two rows to a degree of freedom can win, the strongest one if none does: nearer
    to interpolation GCV compares rounding errors.
    """
    errors = []
    for penalty in penalties:
        raised = eigenvalues + penalty
        freedom = 1 + float((eigenvalues / raised).sum())
        residual = path_variance - (explained * (eigenvalues + 2 * penalty) / raised.square()).sum()
        errors.append(float(residual) / (1 - freedom / rows) ** 2 if 2 * freedom <= rows else math.inf)
    return penalties[errors.index(min(errors))]
