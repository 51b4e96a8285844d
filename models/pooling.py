"""Token pooling: from a grid of patches to the few vectors that the feature store keeps; nothing of it is learnt.

Shape legend: b batch, (h, w) patches, g regions per side, c cameras, k vectors per camera, n vectors per sample,
d width.
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, Self

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor, nn

from roadcue.errors import BadCheckpoint, BadEncoder
from roadcue.models.checkpoint import read_json, read_tensors
from roadcue.weights import load_strict

Pooling = str
"""A name in `POOLINGS`."""
Missing = Literal["zero", "learned"]
"""What stands in for the vectors of a camera that a frame lacks."""


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
        raise BadEncoder(f"unknown pooling {pooling!r}: choose one of {', '.join(POOLINGS)}")
    if grid < 1:
        raise BadEncoder(f"grid {grid}: pooling needs at least 1 region per side")


class FeaturePool(nn.Module):
    """Stored features of every camera -> the vectors of `HeadInputs`, cameras in their stated order.

    A camera that a row lacks keeps its place: zeros or a learned vector stand in, and the mask says so. A camera's
    picture of an earlier frame is, to the pool, one more camera. With `attention`, one learned query looks over the k
    cells of each camera; each cell adds a learned position to what it offers, so the pooled vector can tell where it
    comes from. It starts as the plain mean.
    """

    def __init__(
        self, pooling: Pooling, cameras: Sequence[str], cells: int, width: int, missing: Missing = "zero"
    ) -> None:
        """`cells` k and `width` d as they are stored; width 0 (no encoder) pools to no vectors at all."""
        super().__init__()
        self.pooling, self.missing = pooling, missing
        self.cameras, self.cells, self.width = tuple(cameras), cells, width
        if missing == "learned" and width:
            self.stand_in = nn.Parameter(torch.zeros(len(self.cameras), 1, width))
        if pooling == "attention" and width:
            self.query = nn.Parameter(torch.zeros(width))
            self.position = nn.Parameter(torch.randn(cells, width) * 0.02)

    @property
    def vectors(self) -> int:
        """n, the vectors per sample: c with attention, c * k otherwise, 0 without an encoder."""
        per_camera = 1 if self.pooling == "attention" else self.cells
        return len(self.cameras) * per_camera if self.width else 0

    def forward(self, stored: Tensor, present: Tensor) -> tuple[Tensor, Tensor]:
        """(b, c, k, d) features, (b, c) bool present -> (b, n, d) float32, (b, n) bool; camera by camera.

        ValueError when c, k or d are not those of the pool.
        """
        rows = len(stored)
        if not self.width:
            return stored.new_zeros(rows, 0, 0, dtype=torch.float32), present.new_zeros(rows, 0)
        expected = (len(self.cameras), self.cells, self.width)
        if stored.shape[1:] != expected or present.shape != stored.shape[:2]:
            raise ValueError(
                f"features {tuple(stored.shape)} and mask {tuple(present.shape)} do not fit this pool, which reads "
                f"(rows, cameras, cells, width) = (b, {', '.join(map(str, expected))})"
            )
        there = present[:, :, None, None]
        # before any sum: what is stored for a camera that is not there may be anything, and 0 * NaN is NaN
        vectors = torch.where(there, stored.float(), 0.0)
        if self.pooling == "attention":
            vectors = self._attend(vectors)
        vectors = torch.where(there, vectors, self.stand_in if self.missing == "learned" else 0.0)
        mask = present[:, :, None].expand(vectors.shape[:3])
        return vectors.reshape(rows, self.vectors, self.width), mask.reshape(rows, self.vectors)

    def _attend(self, cells: Tensor) -> Tensor:
        """(b, c, k, d) -> (b, c, 1, d)."""
        offered = cells + self.position
        weight = torch.softmax(offered @ self.query * self.width**-0.5, dim=-1)  # (b, c, k)
        return (weight[..., None] * offered).sum(dim=-2, keepdim=True)

    def save_pretrained(self, folder: Path) -> None:
        """Write `model.safetensors` and `config.json`, in this order: with a config there are weights."""
        folder.mkdir(parents=True, exist_ok=True)
        save_file({name: tensor.cpu() for name, tensor in self.state_dict().items()}, folder / "model.safetensors")
        config = {name: getattr(self, name) for name in ("pooling", "cameras", "cells", "width", "missing")}
        (folder / "config.json").write_text(json.dumps(config, indent=1))

    @classmethod
    def from_pretrained(cls, folder: Path) -> Self:
        """Read what `save_pretrained` wrote; BadCheckpoint when a file or a weight is missing, extra or misshapen."""
        config = read_json(folder / "config.json")
        try:
            with torch.device("meta"):  # a file cannot ask for more memory than its weights bring
                pool = cls(**config)
        except (TypeError, ValueError, RuntimeError) as error:
            raise BadCheckpoint(f"{folder / 'config.json'}: not the configuration of a pool ({error})") from error
        load_strict(pool, read_tensors(folder), folder)
        return pool
