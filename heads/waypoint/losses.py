"""The losses of a path against the logged one: the choices of `--waypoint.loss`.

Each takes `paths` (b, ..., 20, 2) and `logged`, (b, 20, 2) with a 1 for each further dimension of `paths`, metres,
ego frame, and `speed` (b,) m/s of the ego at t = 0. Each gives (b, ...) metres, the mean over the path's 20 points.
"""

from collections.abc import Callable, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from roadcue.metrics.rater_feedback import DECAY, POINT_AT, directions, trust_region

Loss = Callable[[Tensor, Tensor, Tensor], Tensor]
RATER_WEIGHT_M = 1.0
"""Metres that a rater's whole score is worth in the loss: as much as 1 m of mean distance."""


def l1(paths: Tensor, logged: Tensor, speed: Tensor) -> Tensor:
    """(b, ...) metres: |x error| + |y error|."""
    return (paths - logged).abs().sum(dim=-1).mean(dim=-1)


def l2(paths: Tensor, logged: Tensor, speed: Tensor) -> Tensor:
    """(b, ...) metres: the distance, which the tables report as ADE at 5 s."""
    return torch.linalg.vector_norm(paths - logged, dim=-1).mean(dim=-1)


def smooth(paths: Tensor, logged: Tensor, speed: Tensor) -> Tensor:
    """(b, ...) metres: smooth L1 of both coordinates, squared below 1 m (Girshick 2015, "Fast R-CNN", equation 3)."""
    paths, logged = torch.broadcast_tensors(paths, logged)
    return F.smooth_l1_loss(paths, logged, reduction="none").sum(dim=-1).mean(dim=-1)


def rater(paths: Tensor, logged: Tensor, speed: Tensor) -> Tensor:
    """(b, ...) metres: `l2` plus `RATER_WEIGHT_M` times the lost share of a rater's score, if the log is rated best.

    The share that is left, as `metrics.rater_feedback` computes it but without its floor, is 0.1 ** max(d - 1, 0),
    the mean over 3 s and 5 s; d = max(along, beside) in half sides of the trust region. The camera-based-e2e project
    of ML@Purdue adds the same to its loss. Its gradient is 0 within the region and nearly 0 far outside, hence the
    distance: a loss of rater feedback alone can have the best scores and the worst paths (FROST-Drive, 2026).
    """
    # unit vectors (b, 1, ..., 2 horizons, 2)
    heading = torch.from_numpy(directions(logged.double().cpu().numpy())).to(paths)
    sides = (torch.from_numpy(side).to(paths) for side in trust_region(speed.cpu().numpy()))
    # (b, 1, ..., 2 horizons) metres
    lateral, longitudinal = (side.view(len(side), *[1] * (paths.ndim - 3), len(POINT_AT)) for side in sides)
    gap = (paths - logged)[..., POINT_AT, :]
    along = (heading * gap).sum(dim=-1).abs() / longitudinal
    beside = (heading[..., 0] * gap[..., 1] - heading[..., 1] * gap[..., 0]).abs() / lateral
    score = DECAY ** (torch.maximum(along, beside) - 1).clamp(min=0)
    return l2(paths, logged, speed) + RATER_WEIGHT_M * (1 - score).mean(dim=-1)


LOSSES: Mapping[str, Loss] = {"l1": l1, "l2": l2, "smooth": smooth, "rater": rater}
