"""Pictures in files, JPEG, PNG or WebP, as pixels that stand upright: RGB of 8 bits, whatever the file holds."""

import io

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError
from PIL.ExifTags import Base

from roadcue.errors import BadRecord
from roadcue.loaders import jpeg

FORMATS = ("JPEG", "PNG", "WEBP")
"""Pillow's names; others, and with them the readers of rare formats, are not tried."""
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")
"""Of their files."""
MAX_PIXELS = 64_000_000
"""No camera of a car has more; a header that claims more is a decompression bomb, and is not decoded."""
DECODING = "half size where both sides stay at least the square's; upright by EXIF"
"""How `decode_at_least` decodes, for the fingerprint of features made from it."""
_ROUNDING = 1e-4
"""By so much may a float leave 0 to 1, as after a resize: far below a level of 8 bits."""
_TURNS = {
    2: lambda pixels: pixels[:, ::-1],
    3: lambda pixels: pixels[::-1, ::-1],
    4: lambda pixels: pixels[::-1],
    5: lambda pixels: pixels.transpose(1, 0, 2),
    6: lambda pixels: pixels.transpose(1, 0, 2)[:, ::-1],
    7: lambda pixels: pixels.transpose(1, 0, 2)[::-1, ::-1],
    8: lambda pixels: pixels.transpose(1, 0, 2)[::-1],
}
"""What makes pixels upright, by the tag Orientation (Exif 3.0, 4.6.5: where its row 0 and column 0 are)."""


def is_picture(encoded: bytes) -> bool:
    """Whether a file begins as one of `FORMATS` does."""
    return encoded.startswith((jpeg.START, b"\x89PNG\r\n\x1a\n")) or encoded[:4] + encoded[8:12] == b"RIFFWEBP"


def decode(encoded: bytes, where: str) -> np.ndarray:
    """Decode a picture file to (H, W, 3) uint8 RGB, upright.

    BadRecord, beginning with `where`, when it is none of `FORMATS`, damaged, cut off, or larger than `MAX_PIXELS`.
    """
    return _decode(encoded, where, 0)[0]


def decode_at_least(encoded: bytes, where: str, side: int) -> tuple[np.ndarray, tuple[float, float]]:
    """Decode at half the size where both sides then still have `side` pixels, for pictures that are made smaller.

    Also returns the rows and columns that the pixels stand for: half of an odd 1079 rows are 540 rows of pixels that
    stand for 539.5. Who resizes without that moves the last row by 0.36 of 384, more than all that halving changes.
    Halving leaves out the high half of each block's frequencies (libjpeg's scaled IDCT, jddctmgr.c).
    """
    return _decode(encoded, where, side)


def rgb(pixels: np.ndarray) -> np.ndarray:
    """(H, W), (H, W, 1) or (H, W, 3) of 8 or 16 bits, or of floats within 0 to 1 -> (H, W, 3) uint8.

    BadRecord for other arrays: what their brightest level is, nobody can know.
    """
    array = np.asarray(pixels)
    planes = array[..., None] if array.ndim == 2 else array
    if planes.ndim != 3 or planes.shape[2] not in (1, 3) or not planes.size:
        raise BadRecord(f"an array of shape {array.shape} is no picture: (H, W, 3) is expected")
    planes = np.broadcast_to(_of_eight_bits(planes), (*planes.shape[:2], 3))
    return np.ascontiguousarray(planes)


def upright(image: Image.Image) -> np.ndarray:
    """(H, W, 3) uint8 RGB of a Pillow image, turned as its EXIF says; BadRecord for what `rgb` refuses."""
    image = ImageOps.exif_transpose(image)
    # Pillow's own conversion cuts what is above 255 off.
    return rgb(np.array(image if image.mode[0] in "IF" else image.convert("RGB")))


def _of_eight_bits(planes: np.ndarray) -> np.ndarray:
    if planes.dtype == np.uint8:
        return planes
    if planes.dtype == np.uint16:
        return np.round(planes / 257).astype(np.uint8)
    if not np.issubdtype(planes.dtype, np.floating):
        raise BadRecord(f"a picture of type {planes.dtype} may mean anything; make it uint8 or uint16")
    least, most = float(planes.min()), float(planes.max())
    if not (least >= -_ROUNDING and most <= 1 + _ROUNDING):
        raise BadRecord(f"a picture of floats must lie within 0 to 1; this reaches from {least:.6g} to {most:.6g}")
    return np.round(255 * planes.clip(0, 1)).astype(np.uint8)


def _decode(encoded: bytes, where: str, side: int) -> tuple[np.ndarray, tuple[float, float]]:
    try:
        if encoded.startswith(jpeg.START) and (size := jpeg.size_of(encoded)):
            return _decode_jpeg(encoded, size, side)
        pixels = _decode_by_pillow(encoded)
        return pixels, (pixels.shape[0], pixels.shape[1])
    except BadRecord as bad:
        raise BadRecord(f"{where}: {bad}") from bad
    except Image.DecompressionBombError as error:  # Pillow looks before the size can be asked for
        raise BadRecord(
            f"{where}: claims more than the {MAX_PIXELS} pixels that are decoded; make the picture smaller"
        ) from error
    except Exception as error:  # decoders raise what they like
        cause = "no such header" if isinstance(error, UnidentifiedImageError) else str(error) or type(error).__name__
        raise BadRecord(
            f"{where}: does not decode as a JPEG, PNG or WebP picture ({cause}); write it again"
        ) from error


def _decode_jpeg(encoded: bytes, size: tuple[int, int], side: int) -> tuple[np.ndarray, tuple[float, float]]:
    height, width = size
    _check_size(height, width)
    turn = _TURNS.get(_orientation(encoded))
    # A half pixel at the end would be one at the beginning of a picture that is turned.
    even = height % 2 == width % 2 == 0
    if 0 < side <= min(height, width) // 2 and (turn is None or even):
        pixels, extent = jpeg.decode(encoded, ((height + 1) // 2, (width + 1) // 2)), (height / 2, width / 2)
    else:
        pixels, extent = jpeg.decode(encoded), (height, width)
    if turn is None:
        return pixels, extent
    turned = np.ascontiguousarray(turn(pixels))
    return turned, (turned.shape[0], turned.shape[1])


def _decode_by_pillow(encoded: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(encoded), formats=FORMATS) as image:
        _check_size(image.height, image.width)
        return upright(image)


def _check_size(height: int, width: int) -> None:
    if height * width > MAX_PIXELS:
        raise BadRecord(
            f"claims {width} x {height} pixels, more than the {MAX_PIXELS} that are decoded; make the picture smaller"
        )


def _orientation(encoded: bytes) -> int:
    """The tag of a JPEG; 1, upright, where it has none that can be read."""
    try:
        with Image.open(io.BytesIO(encoded), formats=("JPEG",)) as image:
            return int(image.getexif().get(Base.Orientation, 1))
    except Exception:  # an unreadable tag is no reason to refuse pixels that are there
        return 1
