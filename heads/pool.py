"""The pool between the feature store and the heads: stored vectors of every camera as the vectors that heads read.

Shapes: b rows, c cameras, k cells per camera, n pooled vectors per row, d their width.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, Self, get_args

import torch
from torch import Tensor, nn

from roadcue.heads.model_part import read_part, write_part

Missing = Literal["zero", "learned"]
"""What stands in for the vectors of a camera that a frame lacks."""


class FeaturePool(nn.Module):
    """Stored features (b, c, k, d) -> pooled vectors (b, n, d), in the order of `cameras`.

    A camera that a row lacks keeps its place: zeros or a learned vector stand in, and the mask says so. A camera's
    picture of an earlier frame is, to the pool, one more camera. With `attention`, one learned query weighs the k
    cells of each camera (dot-product attention, Vaswani et al. 2017, section 3.2.1); each cell adds a learned
    position to its vector, so that the pooled vector can tell where it comes from. It starts as the plain mean.
    """

    def __init__(
        self, cameras: Sequence[str], cells: int, width: int, *, attention: bool = False, missing: Missing = "zero"
    ) -> None:
        """`cells` k and `width` d as they are stored; width 0 (no encoder) pools to no vectors at all.

        ValueError when `missing` is none of `Missing`.
        """
        super().__init__()
        if missing not in get_args(Missing):
            raise ValueError(f"missing is one of {', '.join(get_args(Missing))}; got {missing!r}")
        self.attention, self.missing = attention, missing
        self.cameras, self.cells, self.width = tuple(cameras), cells, width
        if missing == "learned" and width:
            self.stand_in = nn.Parameter(torch.zeros(len(self.cameras), 1, width))
        if attention and width:
            self.query = nn.Parameter(torch.zeros(width))
            # 0.02: the spread of learned positions in BERT and ViT (Devlin et al. 2019; Dosovitskiy et al. 2021)
            self.position = nn.Parameter(torch.randn(cells, width) * 0.02)

    @property
    def vectors(self) -> int:
        """n, the pooled vectors per row: c with attention, c * k otherwise, 0 without an encoder."""
        per_camera = 1 if self.attention else self.cells
        return len(self.cameras) * per_camera if self.width else 0

    def forward(self, stored: Tensor, present: Tensor) -> tuple[Tensor, Tensor]:
        """(b, c, k, d) features, (b, c) bool present -> (b, n, d) float32, (b, n) bool, False where they stand in.

        Camera by camera. ValueError when c, k or d are not those of the pool.
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
        if self.attention:
            vectors = self._attend(vectors)
        vectors = torch.where(there, vectors, self.stand_in if self.missing == "learned" else 0.0)
        mask = present[:, :, None].expand(vectors.shape[:3])
        return vectors.reshape(rows, self.vectors, self.width), mask.reshape(rows, self.vectors)

    def _attend(self, cells: Tensor) -> Tensor:
        """The k cells of each camera as one: (b, c, k, d) -> (b, c, 1, d)."""
        placed = cells + self.position
        weight = torch.softmax(placed @ self.query * self.width**-0.5, dim=-1)  # (b, c, k)
        return (weight[..., None] * placed).sum(dim=-2, keepdim=True)

    def save_pretrained(self, folder: Path) -> None:
        """Write `model.safetensors` and `config.json`, in this order: with a config there are weights."""
        names = ("cameras", "cells", "width", "attention", "missing")
        write_part(folder, self, {name: getattr(self, name) for name in names})

    @classmethod
    def from_pretrained(cls, folder: Path) -> Self:
        """Read what `save_pretrained` wrote; BadHead when a file or a weight is missing, extra or misshapen."""
        return read_part(folder, cls, "a pool")
