"""Token pooling: from a grid of patches to the few vectors that the feature store keeps; nothing of it is learnt.

Shape legend: b batch, (h, w) patches, g regions per side, k vectors per camera, d width.
"""

import hashlib
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from roadcue.errors import BadEncoder
from roadcue.registry import nearest


def mean_of_patches(tokens: Tensor, grid: int) -> Tensor:
    """(b, h, w, d) -> (b, 1, d), the mean of all patches, whatever the grid."""
    return means_of_regions(tokens, 1)


def means_of_regions(tokens: Tensor, grid: int) -> Tensor:
    """(b, h, w, d) -> (b, g * g, d), row by row from the top left, so left and right survive.

    A region is that of adaptive average pooling: where g does not divide h, neighbouring regions share a row.
    BadEncoder for a grid finer than the patches.
    """
    if grid > min(tokens.shape[1:3]):
        raise BadEncoder(f"a grid of {grid} x {grid} regions is finer than the {tuple(tokens.shape[1:3])} patches")
    return F.adaptive_avg_pool2d(tokens.permute(0, 3, 1, 2), grid).flatten(2).transpose(1, 2)


def class_token(tokens: Tensor, grid: int) -> Tensor:
    """BadEncoder: a class token is no patch, and no encoder here gives one."""
    raise BadEncoder("cls pooling needs an encoder with a class token, and this one has none: use mean or grid")


POOLINGS: dict[str, Callable[[Tensor, int], Tensor]] = {
    "mean": mean_of_patches,
    "grid": means_of_regions,
    "attention": means_of_regions,  # learnt attention looks over the regions behind the store: one store for both
    "cls": class_token,
}
"""Name of a pooling -> what of it runs before the store: (b, h, w, d) float32 patches and g -> (b, k, d)."""


def cells_stored(pooling: str, grid: int) -> int:
    """k, the vectors stored per camera: g * g for grid and attention, 1 for mean. BadEncoder as in `pool_tokens`."""
    _check(pooling, grid)
    return POOLINGS[pooling](torch.empty(1, grid, grid, 1, device="meta"), grid).shape[1]


def pool_tokens(tokens: Tensor, pooling: str, grid: int) -> Tensor:
    """(b, h, w, d) patches -> (b, k, d) float32 as it is stored; k as in `cells_stored`.

    BadEncoder for a pooling that there is not, for `cls`, which needs a class token, and for a grid finer than the
    patches.
    """
    _check(pooling, grid)
    return POOLINGS[pooling](tokens.float(), grid)


def pooling_fingerprint(pooling: str, grid: int) -> dict[str, str]:
    """What of a pooling decides the stored vectors: its name and grid, and a hash of what becomes of drawn patches.

    The hash shows another function under the same name. Poolings that store the same have the same fingerprint, under
    the name that stands first in `POOLINGS`. BadEncoder as in `pool_tokens`.
    """
    _check(pooling, grid)
    name = next(name for name, function in POOLINGS.items() if function is POOLINGS[pooling])
    layout = f"{name} {grid}" if cells_stored(pooling, grid) > 1 else name
    # in hundredths, so that a sum in another order gives the same
    hundredths = (100 * pool_tokens(_drawn_patches(), pooling, grid)).round().to(torch.int32).contiguous()
    probe = hashlib.sha256(f"{tuple(hundredths.shape)}".encode() + hundredths.numpy().tobytes()).hexdigest()
    return {"stored": f"{layout}, probe {probe[:16]}"}


def _drawn_patches() -> Tensor:
    """(1, 97, 101, 3) float32: waves across both sides, of another length in each channel."""
    y, x, channel = torch.meshgrid(*(torch.arange(n, dtype=torch.float64) for n in (97, 101, 3)), indexing="ij")
    return (torch.sin(0.11 * (channel + 1) * y) + torch.cos(0.07 * (channel + 2) * x)).float()[None]


def _check(pooling: str, grid: int) -> None:
    if pooling not in POOLINGS:
        raise BadEncoder(
            f"unknown pooling {pooling!r}: choose one of {', '.join(POOLINGS)}{nearest(pooling, POOLINGS)}"
        )
    if grid < 1:
        raise BadEncoder(f"grid {grid}: pooling needs at least 1 region per side")
