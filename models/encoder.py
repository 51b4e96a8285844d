"""What an encoder offers: pictures in, a grid of features out, and a name for everything that decides them."""

from collections.abc import Callable, Mapping
from typing import Protocol

import numpy as np
import torch
from torch import Tensor


class BadCheckpoint(ValueError):
    """Weights or their configuration cannot be used; the message names the file and the keys, and the remedy."""


class Encoder(Protocol):
    """A frozen encoder. S: side of its square input, (h, w): its grid of patches, d: its width."""

    name: str
    description: str
    """One line for the head of a run: which weights these are, published, miniature or random."""
    width: int
    grid: tuple[int, int]
    fingerprint: Mapping[str, str]
    """Every part that decides a feature (weights, preprocessing, dtype, ...), by name; equal means equal features."""
    preprocess: Callable[[np.ndarray], Tensor]
    """(H, W, 3) uint8 RGB -> (3, S, S) uint8. Cheap to copy into worker processes; holds no weights."""

    def encode(self, pixels: Tensor) -> Tensor:
        """(b, 3, S, S) uint8 -> (b, h, w, d), normalised inside, on the encoder's device and in its dtype."""
        ...

    def to(self, device: torch.device | str) -> "Encoder":
        """Move the weights; returns self."""
        ...
