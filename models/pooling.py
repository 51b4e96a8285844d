"""From a grid of patches to the vectors that are stored: once, behind the frozen encoder.

Shape legend: b batch, (h, w) patches, k cells per camera, d width.
"""

from typing import Literal, get_args

import torch.nn.functional as F
from torch import Tensor

from roadcue.errors import BadEncoder

Pooling = Literal["mean", "grid", "attention", "cls"]
"""How patches become vectors: their mean, the means of g x g regions, learnt attention over those, a class token."""


def cells_stored(pooling: Pooling, grid: int) -> int:
    """k, the vectors stored per camera: g * g for grid and attention, 1 otherwise. BadEncoder for another pooling."""
    if pooling not in get_args(Pooling):
        raise BadEncoder(f"unknown pooling {pooling!r}: choose one of {', '.join(get_args(Pooling))}")
    if grid < 1:
        raise BadEncoder(f"grid {grid}: pooling needs at least 1 region per side")
    return grid * grid if pooling in ("grid", "attention") else 1


def pool_tokens(tokens: Tensor, pooling: Pooling, grid: int) -> Tensor:
    """(b, h, w, d) patches -> (b, k, d) float32 as it is stored; k as in `cells_stored`.

    `mean` averages all patches; `grid` and `attention` average g x g regions, row by row from the top left, so left
    and right survive. A region is that of adaptive average pooling: where g does not divide h, neighbouring regions
    share a row. BadEncoder for `cls`, which these encoders lack, and for a grid finer than the patches.
    """
    cells_stored(pooling, grid)
    if pooling == "cls":
        raise BadEncoder("cls pooling needs an encoder with a class token, and this one has none: use mean or grid")
    side = 1 if pooling == "mean" else grid
    if side > min(tokens.shape[1:3]):
        raise BadEncoder(f"a grid of {grid} x {grid} regions is finer than the {tuple(tokens.shape[1:3])} patches")
    planes = tokens.float().permute(0, 3, 1, 2)
    return F.adaptive_avg_pool2d(planes, side).flatten(2).transpose(1, 2)
