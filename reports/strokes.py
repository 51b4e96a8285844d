"""Lines and dots in pictures, with a dark rim that keeps them apart from what is behind."""

import cv2
import numpy as np

OUTLINE = (16, 16, 16)
"""The rim's colour."""
_FRACTION_BITS = 4


def line_width(canvas: np.ndarray) -> int:
    """Pixels, for a picture of that size."""
    return max(2, round(min(canvas.shape[:2]) / 220))


def stroke(canvas: np.ndarray, pixels: np.ndarray, colour: str, thickness: int) -> None:
    """Draw a line through (n, 2) pixels, u right and v down, on a picture (H, W, 3) uint8."""
    points = [_fixed_point(pixels)]
    edge = 2 * max(1, thickness // 4)
    for shade, wide in ((OUTLINE, thickness + edge), (rgb(colour), thickness)):
        cv2.polylines(canvas, points, False, shade, wide, cv2.LINE_AA, _FRACTION_BITS)


def dot(canvas: np.ndarray, pixel: np.ndarray, colour: str, radius: int) -> None:
    """Draw a dot at a pixel (2,)."""
    u, v = (int(value) for value in _fixed_point(pixel))
    for shade, wide in ((OUTLINE, radius + max(1, radius // 3)), (rgb(colour), radius)):
        cv2.circle(canvas, (u, v), wide << _FRACTION_BITS, shade, cv2.FILLED, cv2.LINE_AA, _FRACTION_BITS)


def rgb(colour: str) -> tuple[int, int, int]:
    """The three numbers of `#rrggbb`."""
    red, green, blue = bytes.fromhex(colour.lstrip("#"))
    return red, green, blue


def light(colour: str) -> tuple[int, int, int]:
    """The colour half way to white: thin letters on a dark outline need it."""
    red, green, blue = rgb(colour)
    return (red + 255) // 2, (green + 255) // 2, (blue + 255) // 2


def _fixed_point(pixels: np.ndarray) -> np.ndarray:
    return np.round(pixels * (1 << _FRACTION_BITS)).astype(np.int32)
