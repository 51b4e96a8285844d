"""How much neighbouring points of a picture differ, at a few scales: what a blurred or dirty lens takes away.

A tower that is made to tell things from one another hardly tells a sharp picture from a blurred one, though a blurred
one hides the kerb. These numbers do. They are stored beside the features and read by the detector of unlike pictures
alone, never by a head.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

SCALES = 4
"""Of 1, 2, 4 and 8 pixels of the encoder's square."""
_LUMA = (0.299, 0.587, 0.114)
"""Of red, green and blue in grey: ITU-R BT.601."""
_ROUNDING = 0.5
"""In grey levels, below which a difference is one of rounding."""


def contrast(pixels: Tensor) -> Tensor:
    """(b, 3, S, S) uint8 as `preprocess` gives them -> (b, 4) float32: the logarithm of the mean difference.

    Of tiles, (b, t, 3, S, S), that of all of them.
    In grey levels, between each point and the mean of the four that it is one of, as in the Laplacian pyramid of Burt
    and Adelson 1983; at the next scale these means are the points.
    """
    colours = pixels.float()
    grey = (colours * colours.new_tensor(_LUMA)[:, None, None]).sum(dim=-3).view(len(pixels), -1, *pixels.shape[-2:])
    differences = []
    for _ in range(SCALES):
        coarse = F.avg_pool2d(grey, 2, ceil_mode=True)
        again = F.interpolate(coarse, scale_factor=2)[..., : grey.shape[-2], : grey.shape[-1]]
        differences.append((grey - again).abs().mean(dim=(1, 2, 3)))
        grey = coarse
    return (torch.stack(differences, dim=1) + _ROUNDING).log()
