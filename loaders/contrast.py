"""How much neighbouring points of a picture differ, at a few scales: what a dirty or covered lens takes away.

A tower that is made to tell things from one another hardly tells a sharp picture from a blurred one, though a blurred
one hides the kerb. These numbers do, and those of a half tell that it is covered. They are stored beside
the features and read by the detector of unlike pictures alone, never by a head.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

SCALES = 4
"""Of 1, 2, 4 and 8 pixels of the encoder's square."""
_HALVES = ((2, 1), (1, 2))
"""Rows and columns that a picture is cut into: its upper and lower half, its left and right one."""
CONTRAST_SHAPE = (sum(rows * columns for rows, columns in _HALVES), SCALES)
"""Of one picture: halves, scales."""
_LUMA = (0.299, 0.587, 0.114)
"""Of red, green and blue in grey: ITU-R BT.601."""
_ROUNDING = 0.5
"""In grey levels, below which a difference is one of rounding."""


def contrast(pixels: Tensor) -> Tensor:
    """(b, 3, S, S) uint8 as `preprocess` gives them -> (b, 4, 4) float32: the logarithm of the mean difference.

    Of the upper, lower, left and right half, at each scale; of tiles, (b, t, 3, S, S), that of all of them.
    In grey levels, between each point and the mean of the four that it is one of, as in the Laplacian pyramid of Burt
    and Adelson 1983; at the next scale these means are the points.
    """
    colours = pixels.float()
    grey = (colours * colours.new_tensor(_LUMA)[:, None, None]).sum(dim=-3).view(len(pixels), -1, *pixels.shape[-2:])
    differences = []
    for _ in range(SCALES):
        coarse = F.avg_pool2d(grey, 2, ceil_mode=True)
        again = F.interpolate(coarse, scale_factor=2)[..., : grey.shape[-2], : grey.shape[-1]]
        difference = (grey - again).abs()
        halves = [F.adaptive_avg_pool2d(difference, size).mean(dim=1).flatten(1) for size in _HALVES]
        differences.append(torch.cat(halves, dim=1))
        grey = coarse
    return (torch.stack(differences, dim=2) + _ROUNDING).log()
