"""The first step of every encoder: levels of 0 to 255 into the numbers that its weights learnt from."""

import torch
from torch import Tensor, nn

from roadcue.models.preprocessing import Preprocessing


class Normalisation(nn.Module):
    """(b, *shape) uint8, as the preprocessing makes them -> (b tiles, 3, S, S) fp32: (x - 255 mean) / (255 std)."""

    mean: Tensor
    std: Tensor

    def __init__(self, preprocess: Preprocessing) -> None:
        super().__init__()
        self.shape = preprocess.shape
        self.register_buffer("mean", 255 * torch.tensor(preprocess.mean)[:, None, None], persistent=False)
        self.register_buffer("std", 255 * torch.tensor(preprocess.std)[:, None, None], persistent=False)

    def forward(self, pixels: Tensor) -> Tensor:
        """On the module's device; tiles of one picture follow each other. ValueError for other input."""
        if pixels.dtype != torch.uint8 or pixels.shape[1:] != self.shape:
            expected = ", ".join(map(str, self.shape))
            raise ValueError(f"pixels must be (b, {expected}) uint8; got {tuple(pixels.shape)} {pixels.dtype}")
        return (pixels.flatten(0, -4).to(self.mean.device).float() - self.mean) / self.std
