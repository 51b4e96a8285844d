"""JPEG files, decoded and encoded by libjpeg-turbo."""

import numpy as np
import simplejpeg

from roadcue.errors import BadRecord

MAX_PIXELS = 64_000_000
"""No camera of a car has more; a header that claims more is a decompression bomb, and is not decoded."""


HALVING = "half size where both sides stay at least the square's"
"""How `decode_at_least` decodes, for the fingerprint of features made from it."""


def decode(jpeg: bytes, where: str) -> np.ndarray:
    """Decode a JPEG file to (H, W, 3) uint8 RGB, a grey one too; pixels are those of libjpeg's default decoder.

    BadRecord, beginning with `where`, when it is not a JPEG, damaged, cut off, or larger than `MAX_PIXELS`.
    """
    return _decode(jpeg, where, 0)[0]


def decode_at_least(jpeg: bytes, where: str, side: int) -> tuple[np.ndarray, tuple[float, float]]:
    """Decode at half the size where both sides then still have `side` pixels, for pictures that are made smaller.

    Also returns the rows and columns that the pixels stand for: half of an odd 1079 rows are 540 rows of pixels that
    stand for 539.5. Who resizes without that moves the last row by 0.36 of 384, more than all that halving changes.
    Halving leaves out the high half of each block's frequencies (libjpeg's scaled IDCT, jddctmgr.c).
    """
    return _decode(jpeg, where, side)


def _decode(jpeg: bytes, where: str, side: int) -> tuple[np.ndarray, tuple[float, float]]:
    try:
        height, width, _, _ = simplejpeg.decode_jpeg_header(jpeg)
        if height * width <= MAX_PIXELS:
            half = 0 < side <= min(height, width) // 2
            if not half:
                return simplejpeg.decode_jpeg(jpeg, "RGB"), (height, width)
            least = {"min_height": (height + 1) // 2, "min_width": (width + 1) // 2}
            return simplejpeg.decode_jpeg(jpeg, "RGB", **least), (height / 2, width / 2)
    except ValueError as error:
        raise BadRecord(f"{where}: does not decode as a JPEG picture ({error}); write it again") from error
    raise BadRecord(
        f"{where}: claims {width} x {height} pixels, more than the {MAX_PIXELS} that are decoded; "
        "make the picture smaller"
    )


def encode(pixels: np.ndarray, quality: int) -> bytes:
    """Encode (H, W, 3) uint8 RGB as a JPEG file, colours at half resolution; `quality` is libjpeg's, 1 to 100."""
    return simplejpeg.encode_jpeg(np.ascontiguousarray(pixels), quality, "RGB", "420")
