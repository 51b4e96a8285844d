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
_ACROSS = (3, 2)
"""What of (b, t, h, w) is averaged before the upper and lower half are, and before the left and right one are."""
CONTRAST_SHAPE = (2 * len(_ACROSS), SCALES)
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
    colours = pixels.float().flatten(-2)
    grey = (colours.new_tensor(_LUMA) @ colours).view(len(pixels), -1, *pixels.shape[-2:])
    halves = []
    for _ in range(SCALES):
        coarse = _means_of_four(grey)
        again = F.interpolate(coarse, scale_factor=2)[..., : grey.shape[-2], : grey.shape[-1]]
        difference = grey.sub_(again).abs_()  # in place: a new page of memory costs more than the sum
        halves += [F.adaptive_avg_pool1d(difference.mean(dim=(1, across)), 2) for across in _ACROSS]
        grey = coarse
    return (torch.cat(halves, dim=1).unflatten(1, (SCALES, -1)).transpose(1, 2) + _ROUNDING).log()


def _means_of_four(grey: Tensor) -> Tensor:
    """(b, t, h, w) -> (b, t, h / 2, w / 2), rounded up: an odd side's last points count twice.

    A few sums of half pictures: a tenth of the time of `avg_pool2d` on a CPU.
    """
    height, width = grey.shape[-2:]
    if height % 2 or width % 2:
        grey = F.pad(grey, (0, width % 2, 0, height % 2), mode="replicate")
    rows = grey[..., ::2, :] + grey[..., 1::2, :]
    return (rows[..., ::2] + rows[..., 1::2]).div_(4)
