"""What a path costs against the logged one: the choices of `--head.loss`.

Each takes paths (b, ..., 20, 2) and logged ones that broadcast with them, metres, ego frame, and (b,) m/s, the ego's
speed at t = 0; each gives (b, ...), the mean over the path's points.
"""

from collections.abc import Callable, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from roadcue.metrics.rater_feedback import DECAY, POINT_AT, directions, trust_region

Loss = Callable[[Tensor, Tensor, Tensor], Tensor]
RATER_WEIGHT_M = 1.0
"""Metres of mean distance that a rater's whole score is worth."""


def l1(paths: Tensor, logged: Tensor, speed: Tensor) -> Tensor:
    """|x error| + |y error|, metres."""
    return (paths - logged).abs().sum(dim=-1).mean(dim=-1)


def l2(paths: Tensor, logged: Tensor, speed: Tensor) -> Tensor:
    """The distance, metres: what the table reports as ADE at 5 s."""
    return torch.linalg.vector_norm(paths - logged, dim=-1).mean(dim=-1)


def smooth(paths: Tensor, logged: Tensor, speed: Tensor) -> Tensor:
    """Smooth L1 of both coordinates (Girshick 2015, "Fast R-CNN", equation 3): squared below 1 m, L1 beyond."""
    paths, logged = torch.broadcast_tensors(paths, logged)
    return F.smooth_l1_loss(paths, logged, reduction="none").sum(dim=-1).mean(dim=-1)


def rater(paths: Tensor, logged: Tensor, speed: Tensor) -> Tensor:
    """`l2`, and what is lost of the score of a rater who likes the log best.

    The share of the score, as `metrics.rater_feedback` computes it but without its floor, is 0.1 ** max(d - 1, 0),
    the mean over 3 s and 5 s; d = max(along, beside) in half sides of the trust region. The camera-based-e2e project
    of ML@Purdue adds the same to its loss. It has no slope within the region and none to speak of far out, hence the
    distance: a loss of rater feedback alone can have the best scores and the worst paths (FROST-Drive, 2026).
    """
    forward = torch.from_numpy(directions(logged.double().cpu().numpy())).to(paths)
    sides = (torch.from_numpy(side).to(paths) for side in trust_region(speed.cpu().numpy()))
    # (b, ..., 2 horizons)
    lateral, longitudinal = (side.view(len(side), *[1] * (paths.ndim - 3), len(POINT_AT)) for side in sides)
    gap = (paths - logged)[..., POINT_AT, :]
    along = (forward * gap).sum(dim=-1).abs() / longitudinal
    beside = (forward[..., 0] * gap[..., 1] - forward[..., 1] * gap[..., 0]).abs() / lateral
    score = DECAY ** (torch.maximum(along, beside) - 1).clamp(min=0)
    return l2(paths, logged, speed) + RATER_WEIGHT_M * (1 - score).mean(dim=-1)


LOSSES: Mapping[str, Loss] = {"l1": l1, "l2": l2, "smooth": smooth, "rater": rater}
