"""From a grid of patches to the vectors that a head reads, in two steps around the feature store.

`pool_tokens` runs once, behind the frozen encoder, and its result is stored; `FeaturePool` runs on every training
step, on what was stored.

Shape legend: b batch, (h, w) patches, c cameras, k cells per camera, n = vectors per sample, d width.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, Self, get_args

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor, nn

from roadcue.errors import BadCheckpoint, BadEncoder
from roadcue.models.checkpoint import read_json, read_tensors
from roadcue.weights import load_strict

Pooling = Literal["mean", "grid", "attention", "cls"]
"""How patches become vectors: their mean, the means of g x g regions, learnt attention over those, a class token."""
Missing = Literal["zero", "learned"]
"""What stands in for the vectors of a camera that a frame lacks."""


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
