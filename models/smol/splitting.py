"""SmolVLM2's published splitting: twelve tiles of an enlarged picture, and the whole picture behind them.

    <fake_token_around_image><row_1_col_1><image>...<fake_token_around_image><row_1_col_2><image>... (a line a row)
    <empty line><fake_token_around_image><global-img><image>...<fake_token_around_image>

transformers' SmolVLMImageProcessor enlarges a picture until its long side is four tiles (`size.longest_edge` 1536 of
384), and its short side to whole tiles: three rows of four for shapes from 4:3 to 2:1, which cameras have. Here every
picture is split so, whatever its shape, so that all have the same number of tokens: 1,053 of the 2.2B model.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from roadcue.models.preprocessing import Preprocessing
from roadcue.models.smol.prompt import AROUND_IMAGE, IMAGE, picture_text

ROWS, COLUMNS = 3, 4
PIECES = ROWS * COLUMNS + 1


@dataclass(frozen=True)
class Splitting(Preprocessing):
    """(H, W, 3) uint8 RGB -> (13, 3, side, side) uint8: row by row, and the whole picture last.

    The whole is resized from the picture itself, the published one from its enlargement: a tenth of a level apart.
    """

    def __call__(self, image: np.ndarray, extent: tuple[float, float] | None = None) -> Tensor:
        """As `Preprocessing`."""
        whole = self._squash(image, extent, self.side, self.side)
        large = self._squash(image, extent, ROWS * self.side, COLUMNS * self.side)
        tiles = large.unflatten(1, (ROWS, self.side)).unflatten(3, (COLUMNS, self.side)).permute(1, 3, 0, 2, 4)
        return torch.cat([tiles.flatten(0, 1), whole[None]])

    @property
    def tiles(self) -> int:
        """How many squares one picture becomes."""
        return PIECES

    @property
    def shape(self) -> tuple[int, ...]:
        """Of what a picture becomes."""
        return (PIECES, 3, self.side, self.side)

    @property
    def least_side(self) -> int:
        """As many pixels as four tiles have: a picture decoded smaller would lose details."""
        return COLUMNS * self.side


def split_text(tokens: int) -> str:
    """What SmolVLM's processor writes for a picture that is split, with so many image tokens for each piece."""
    rows = (
        "".join(f"{AROUND_IMAGE}<row_{row}_col_{column}>{IMAGE * tokens}" for column in range(1, COLUMNS + 1))
        for row in range(1, ROWS + 1)
    )
    return "".join(f"{row}\n" for row in rows) + f"\n{picture_text(tokens)}"
