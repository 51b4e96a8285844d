"""What an encoder offers: pictures in, a grid of features out, and a name for everything that decides them."""

from collections.abc import Mapping
from typing import Literal, Protocol

import numpy as np
import torch
from torch import Tensor

from roadcue.errors import BadEncoder

Dtype = Literal["fp32", "bf16", "fp16"]
"""Number format in which a model computes."""
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def lacks_bf16(device: torch.device | str) -> bool:
    """Whether this is a GPU without bf16, such as a T4, where PyTorch would imitate it, many times slower."""
    on = torch.device(device)
    if on.type != "cuda":
        return False
    with torch.cuda.device(on):
        return not torch.cuda.is_bf16_supported(including_emulation=False)


def check_dtype(dtype: Dtype, device: torch.device | str) -> None:
    """BadEncoder for bf16 on a GPU that lacks it."""
    if dtype == "bf16" and lacks_bf16(device):
        raise BadEncoder(
            "--dtype bf16: this GPU has no bf16; use --dtype fp16 (a run that was trained with bf16 must be trained "
            "again, or used with --device cpu)"
        )


class Preprocess(Protocol):
    """From a picture to the square or tiles that an encoder reads; cheap to copy into workers, holds no weights."""

    def __call__(self, image: np.ndarray, extent: tuple[float, float] | None = None) -> Tensor:
        """(H, W, 3) uint8 RGB -> (3, S, S) uint8, or t tiles from left to right, (t, 3, S, S).

        `extent` is what H and W stand for when decoded at half size.
        """
        ...


class Encoder(Protocol):
    """A frozen encoder. S: side of its square input, (h, w): its grid of patches, d: its width.

    Tiles are one picture's: their grids stand side by side in the picture's, so w counts the patches of all of them.
    """

    name: str
    description: str
    """One line for the head of a run: which weights these are, published, miniature or random."""
    width: int
    grid: tuple[int, int]
    fingerprint: Mapping[str, str]
    """Every part that decides a feature (weights, preprocessing, dtype, ...), by name; equal means equal features."""
    side: int
    """S, in pixels; 0 when no picture is seen."""

    @property
    def preprocess(self) -> Preprocess:
        """What runs on every picture before `encode`."""
        ...

    def encode(self, pixels: Tensor) -> Tensor:
        """(b, 3, S, S), or (b, t, 3, S, S) of t tiles, uint8 -> (b, h, w, d), normalised inside.

        On the encoder's device and in its dtype. On a CPU several threads call it at once.
        """
        ...

    def to(self, device: torch.device | str) -> "Encoder":
        """Move the weights; returns self."""
        ...
