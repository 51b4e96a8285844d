"""No encoder: what the heads know without any picture."""

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor


class NoEncoder:
    """Stands where an encoder would, with width 0: there is nothing to extract and nothing to pool."""

    name = "none"
    description = "no encoder: no picture is seen"
    width = 0
    side = 0
    grid = (0, 0)
    fingerprint: Mapping[str, str] = {"encoder": "none"}

    def preprocess(self, image: np.ndarray, extent: tuple[float, float] | None = None) -> Tensor:
        """(H, W, 3) uint8 -> (3, 0, 0) uint8: nothing of it is kept."""
        return torch.empty(3, 0, 0, dtype=torch.uint8)

    def encode(self, pixels: Tensor) -> Tensor:
        """(b, 3, 0, 0) uint8 -> (b, 0, 0, 0) float32."""
        return torch.empty(len(pixels), 0, 0, 0)

    def to(self, device: torch.device | str) -> "NoEncoder":
        """There is nothing to move; returns self."""
        return self


def build(checkpoint: str, dtype: str, aspect: str, features: str) -> NoEncoder:
    """The encoder of the registry; it has neither weights nor pictures, so no option changes it."""
    return NoEncoder()
