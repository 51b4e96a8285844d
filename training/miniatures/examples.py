"""Drawn pictures with all that is known of them, as batches; `drawing` makes them."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal, TypedDict

import numpy as np
import torch
from safetensors import safe_open
from torch import Tensor

from roadcue.training.miniatures.texts import Texts


class Batch(TypedDict):
    """b pictures, 14 x 14 patches, K kinds, A numbers, B flags; NaN where a picture has no such label.

    `pixels` (b, 3, 224, 224) uint8, `kinds` (b, 14, 14, K) share of each patch, `numbers` (b, A), `flags` (b, B)
    in 0 to 1, and the texts of each.
    """

    pixels: Tensor
    kinds: Tensor
    numbers: Tensor
    flags: Tensor
    texts: list[Texts]


@dataclass(frozen=True)
class Examples:
    """Finished files of one split, read row by row; a row is (file, picture)."""

    files: tuple[Path, ...]

    @cached_property
    def _open(self) -> list[safe_open]:
        return [safe_open(path, framework="pt") for path in self.files]

    @cached_property
    def _texts(self) -> list[list[Texts]]:
        """Of each file, of each picture."""
        return [json.loads(file.metadata()["texts"]) for file in self._open]

    @cached_property
    def _rows(self) -> list[tuple[int, int]]:
        return [(file, row) for file, texts in enumerate(self._texts) for row in range(len(texts))]

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def texts(self) -> Iterator[Texts]:
        """Of every picture, in order."""
        return (self._texts[file][row] for file, row in self._rows)

    def labels(self, column: Literal["numbers", "flags"]) -> Tensor:
        """(n, A) or (n, B) of all pictures; NaN where a picture has no such label."""
        return torch.cat([file.get_tensor(column) for file in self._open])

    def batch(self, positions: np.ndarray) -> Batch:
        """The pictures at (b,) positions."""
        rows = [self._rows[position] for position in positions]
        columns = {
            name: torch.stack([self._open[file].get_slice(name)[row] for file, row in rows])
            for name in ("pixels", "kinds", "numbers", "flags")
        }
        return Batch(
            pixels=columns["pixels"],
            kinds=columns["kinds"].float() / 255,
            numbers=columns["numbers"],
            flags=columns["flags"],
            texts=[self._texts[file][row] for file, row in rows],
        )

    def batches(self, size: int = 64) -> Iterator[Batch]:
        """All pictures in order."""
        for first in range(0, len(self), size):
            yield self.batch(np.arange(first, min(first + size, len(self))))
