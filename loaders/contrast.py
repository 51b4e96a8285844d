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
GRID = SCALES
"""Cells a side of which brightness and contrast are told: as many as scales, so that both are rows of one array."""
CONTRAST_SHAPE = (3 + 2 * GRID, SCALES)
"""Of a picture: its contrast, that of its upper over its lower half, that of its left over its right half; then of
the cells of a grid, row by row, the brightness in grey levels, and the contrast at 2 and 4 pixels."""
_CELL_SCALES = (1, 2)
"""2 and 4 pixels: at one, noise and sharpness of a camera count most, and coarser cells have few points."""
_LUMA = (0.299, 0.587, 0.114)
"""Of red, green and blue in grey: ITU-R BT.601."""
_ROUNDING = 0.1
"""In grey levels: what rounding leaves of a difference where most points have none, as in a dark and clear sky."""


def contrast(pixels: Tensor) -> Tensor:
    """(b, 3, S, S) uint8 as `preprocess` gives them -> (b, 11, 4) float32: logarithms of mean differences, and cells.

    Of tiles, (b, t, 3, S, S), the means are those of all of them.
    In grey levels, between each point and the mean of the four that it is one of, as in the Laplacian pyramid of Burt
    and Adelson 1983; at the next scale these means are the points. Halves stand as ratios: a night takes as much from
    both, a hand before the lens does not.
    """
    colours = pixels.float().flatten(-2)
    grey = (colours.new_tensor(_LUMA) @ colours).view(len(pixels), -1, *pixels.shape[-2:])
    means, brightness, cells = [], _of_cells(grey), []
    for scale in range(SCALES):
        coarse = _means_of_four(grey)
        again = F.interpolate(coarse, scale_factor=2)[..., : grey.shape[-2], : grey.shape[-1]]
        difference = grey.sub_(again).abs_()  # in place: a new page of memory costs more than the sum
        rows, columns = difference.mean(dim=(1, 3)), difference.mean(dim=(1, 2))
        halves = (F.adaptive_avg_pool1d(each, 2) for each in (rows, columns))
        means += [rows.mean(dim=1, keepdim=True), *halves]
        cells += [_of_cells(difference)] if scale in _CELL_SCALES else []
        grey = coarse
    logarithms = (torch.cat(means, dim=1) + _ROUNDING).log().unflatten(1, (SCALES, 5))
    whole, upper, lower, left, right = logarithms.unbind(dim=2)
    fine = (torch.stack(cells) + _ROUNDING).log().mean(dim=0)
    return torch.cat([torch.stack([whole, upper - lower, left - right], dim=1), brightness, fine], dim=1)


def _of_cells(points: Tensor) -> Tensor:
    """(b, t, h, w) -> (b, 4, 4): the means of the cells of a grid, over all tiles."""
    return F.adaptive_avg_pool2d(points, GRID).mean(dim=1)


def _means_of_four(grey: Tensor) -> Tensor:
    """(b, t, h, w) -> (b, t, h / 2, w / 2), rounded up: the last points of an odd side count twice.

    A few sums of half pictures: a quarter of the time of `avg_pool2d` on a CPU.
    """
    height, width = grey.shape[-2:]
    if height % 2 or width % 2:
        grey = F.pad(grey, (0, width % 2, 0, height % 2), mode="replicate")
    rows = grey[..., ::2, :] + grey[..., 1::2, :]
    return (rows[..., ::2] + rows[..., 1::2]).div_(4)
