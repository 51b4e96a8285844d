"""JPEG files, decoded and encoded by libjpeg-turbo; `loaders/picture_file.py` reads pictures of any format."""

import numpy as np
import simplejpeg

START = b"\xff\xd8\xff"
"""SOI and the first byte of the next marker (ITU-T T.81, B.1.1.3)."""


def size_of(jpeg: bytes) -> tuple[int, int] | None:
    """Rows and columns, None for a legal JPEG that `decode` cannot take; ValueError for what is no JPEG.

    It has no name for every way to sample colours, such as 4:4:1, and takes the inks of CMYK for other ones.
    """
    try:
        height, width, colours, _ = simplejpeg.decode_jpeg_header(jpeg)
    except KeyError:
        return None
    return (height, width) if colours in ("YCbCr", "Gray", "RGB") else None


def decode(jpeg: bytes, least: tuple[int, int] | None = None) -> np.ndarray:
    """(H, W, 3) uint8 RGB, a grey one too; pixels are those of libjpeg's default decoder.

    `least` rows and columns let it leave out what a smaller picture of at least that size does not need. ValueError
    for a JPEG that is damaged or cut off.
    """
    small = {"min_height": least[0], "min_width": least[1]} if least else {}
    return simplejpeg.decode_jpeg(jpeg, "RGB", **small)


def encode(pixels: np.ndarray, quality: int) -> bytes:
    """Encode (H, W, 3) uint8 RGB as a JPEG file, colours at half resolution; `quality` is libjpeg's, 1 to 100."""
    return simplejpeg.encode_jpeg(np.ascontiguousarray(pixels), quality, "RGB", "420")
