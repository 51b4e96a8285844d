"""How much neighbouring points of a picture differ, at a few scales: what a dirty or covered lens takes away.

A tower that is made to tell things from one another hardly tells a sharp picture from a blurred one, though a blurred
one hides the kerb. These numbers do, and tell that a half is covered. They are stored beside the features
and read by the detector of unlike pictures alone, never by a head.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

SCALES = 4
"""Of 1, 2, 4 and 8 pixels of the encoder's square."""
CONTRAST_SHAPE = (3, SCALES)
"""Of a picture: its contrast, that of its upper over its lower half, that of its left over its right half."""
_LUMA = (0.299, 0.587, 0.114)
"""Of red, green and blue in grey: ITU-R BT.601."""
_ROUNDING = 0.1
"""In grey levels: what rounding leaves of a difference where most points have none, as in a dark and clear sky."""


def contrast(pixels: Tensor) -> Tensor:
    """(b, 3, S, S) uint8 as `preprocess` gives them -> (b, 3, 4) float32: logarithms of mean differences.

    Of tiles, (b, t, 3, S, S), the means are those of all of them.
    In grey levels, between each point and the mean of the four that it is one of, as in the Laplacian pyramid of Burt
    and Adelson 1983; at the next scale these means are the points. Halves stand as ratios: a night takes as much from
    both, a hand before the lens does not.
    """
    colours = pixels.float()
    grey = (colours * colours.new_tensor(_LUMA)[:, None, None]).sum(dim=-3).view(len(pixels), -1, *pixels.shape[-2:])
    scales = []
    for _ in range(SCALES):
        coarse = F.avg_pool2d(grey, 2, ceil_mode=True)
        again = F.interpolate(coarse, scale_factor=2)[..., : grey.shape[-2], : grey.shape[-1]]
        scales.append(_contrast_of((grey - again).abs()))
        grey = coarse
    return torch.stack(scales, dim=2)


def _contrast_of(difference: Tensor) -> Tensor:
    """(b, t, S, S) -> (b, 3)."""
    whole, rows, columns = (
        (F.adaptive_avg_pool2d(difference, size).mean(dim=1).flatten(1) + _ROUNDING).log()
        for size in ((1, 1), (2, 1), (1, 2))
    )
    return torch.cat([whole, rows[:, :1] - rows[:, 1:], columns[:, :1] - columns[:, 1:]], dim=1)
