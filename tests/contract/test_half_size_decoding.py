"""A picture decoded at half its size and resized with its extent is the picture decoded whole and resized."""

from typing import get_args

import cv2
import numpy as np
import pytest

from roadcue.loaders import jpeg, picture_file
from roadcue.models.preprocessing import Aspect, Preprocessing

HALF = (0.5, 0.5, 0.5)


def photograph(height: int, width: int) -> bytes:
    rng = np.random.default_rng(3)
    picture = np.full((height, width, 3), 128, np.float32)
    for cells in (3, 9, 27, 81):
        coarse = rng.normal(size=(cells, cells, 3)).astype(np.float32) * 90 / cells**0.5
        picture += cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    return jpeg.encode(np.clip(picture, 0, 255).astype(np.uint8), quality=91)


@pytest.mark.parametrize("aspect", get_args(Aspect))
@pytest.mark.parametrize("size", [(1079, 972), (900, 801), (768, 768)])
def test_half_size_is_the_same_picture(size: tuple[int, int], aspect: Aspect) -> None:
    preprocess = Preprocessing(384, HALF, HALF, "lanczos", aspect)
    encoded = photograph(*size)
    whole = preprocess(picture_file.decode(encoded, "")).int()
    pixels, extent = picture_file.decode_at_least(encoded, "", preprocess.side)
    assert pixels.shape[0] < size[0]
    half = preprocess(pixels, extent)
    assert half.shape == whole.shape
    assert half.dtype == preprocess(picture_file.decode(encoded, "")).dtype
    difference = (half.int() - whole).abs()
    # where half of an odd number of rows is to be left out above a tile, one row more or less is
    assert difference.float().mean() < (1.2 if aspect == "tiles" else 0.8)
    assert difference.max() <= 12


def test_extent_matters() -> None:
    preprocess = Preprocessing(384, HALF, HALF, "lanczos", "squash")
    encoded = photograph(1079, 972)
    whole = preprocess(picture_file.decode(encoded, "")).int()
    pixels, extent = picture_file.decode_at_least(encoded, "", 384)
    with_extent, without = ((preprocess(pixels, e).int() - whole).abs().float().mean() for e in (extent, None))
    assert with_extent < 0.7 * without
