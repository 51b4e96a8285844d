"""Whether a part of a picture is smoother than training pictures are there at that brightness: as a finger makes it.

Walls and skies are smooth, too, so each cell of a grid is compared with training cells of its own row, and of about
its brightness. What is overexposed has no contrast, whatever it shows, and is not asked.

Shapes: n or b rows, c pictures of a row, a grid of g x g cells.
"""

import torch
from torch import Tensor, nn

_LEVELS = 5
"""Of brightness, by quantiles of the training cells."""
_LEAST, _FEWEST = 0.005, 20
"""The share of training cells that are smoother than what counts as smooth, and the cells that a level must have."""
_OVEREXPOSED = 235.0
"""Grey level from which a cell may owe its smoothness to the exposure."""
_NARROWEST = 0.05
"""Of logarithms of contrast: usual cells and the smoothest lie so far apart at least."""


class SmoothCells(nn.Module):
    """Called with brightness and contrast of cells (b, c, g, g), returns how smooth the smoothest cell is (b, c).

    0 is as usual, and 1 as `_LEAST` of the training cells.
    """

    edges: Tensor
    usual: Tensor
    least: Tensor

    def __init__(self, pictures: int, grid: int) -> None:
        super().__init__()
        self.register_buffer("edges", torch.full((pictures, _LEVELS - 1), torch.nan))
        self.register_buffer("usual", torch.full((pictures, _LEVELS, grid), torch.nan))
        self.register_buffer("least", torch.full((pictures, _LEVELS, grid), torch.nan))

    def fit(self, brightness: Tensor, contrast: Tensor, known: Tensor) -> None:
        """Grey levels and logarithms (n, c, g, g), of which those in `known` (n, c) count; NaN without any."""
        for picture in range(len(self.edges)):
            rows = known[:, picture]
            if rows.any():
                self._fit_picture(picture, brightness[rows, picture], contrast[rows, picture])

    def _fit_picture(self, picture: int, brightness: Tensor, contrast: Tensor) -> None:
        asked = brightness < _OVEREXPOSED
        some = brightness[asked] if asked.any() else brightness.flatten()
        self.edges[picture] = some.quantile(torch.linspace(0, 1, _LEVELS + 1)[1:-1])
        level = torch.bucketize(brightness, self.edges[picture])
        for line in range(brightness.shape[1]):
            every = contrast[:, line][asked[:, line]]
            for one in range(_LEVELS):
                cells = contrast[:, line][asked[:, line] & (level[:, line] == one)]
                cells = cells if len(cells) >= _FEWEST else every
                if len(cells):
                    usual = cells.median()
                    self.usual[picture, one, line] = usual
                    self.least[picture, one, line] = torch.minimum(cells.quantile(_LEAST), usual - _NARROWEST)

    def forward(self, brightness: Tensor, contrast: Tensor) -> Tensor:
        """(b, c, g, g) twice -> (b, c), at least 0; NaN for a picture that no training row had."""
        line = torch.arange(brightness.shape[2], device=brightness.device)[:, None]
        scores = []
        for picture, (edges, usual, least) in enumerate(zip(self.edges, self.usual, self.least, strict=True)):
            level = torch.bucketize(brightness[:, picture].contiguous(), edges)
            smooth = (usual[level, line] - contrast[:, picture]) / (usual - least)[level, line]
            asked = (brightness[:, picture] < _OVEREXPOSED) & ~smooth.isnan()
            score = smooth.where(asked, 0.0).amax(dim=(1, 2)).clamp(min=0)
            scores.append(score if edges.isfinite().all() else torch.full_like(score, torch.nan))
        return torch.stack(scores, dim=1)
