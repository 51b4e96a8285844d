"""Pictures of a split that are spoilt in one way: what a covered, turned, blurred or dazzled camera would send."""

import hashlib
from collections.abc import Callable, Mapping

import cv2
import numpy as np

from roadcue.loaders import jpeg, picture_file
from roadcue.loaders.dataset import RoadDataset, Subset

Spoil = Callable[[np.ndarray, np.random.Generator], np.ndarray]
"""A picture (height, width, 3) uint8 RGB -> another; what is random comes from the generator."""
_GAMMA = 2.2
"""Of the encoding of light as bytes: a stop is a factor of two on the light (sRGB's exponent, nearly)."""
_PNG = [cv2.IMWRITE_PNG_COMPRESSION, 1]


def _noise(picture: np.ndarray, random: np.random.Generator) -> np.ndarray:
    return random.integers(0, 256, picture.shape, dtype=np.uint8)


def _grainy(picture: np.ndarray, random: np.random.Generator) -> np.ndarray:
    return _bytes(picture + random.normal(0, 50, picture.shape))


def _uniform(picture: np.ndarray, random: np.random.Generator) -> np.ndarray:
    return np.full_like(picture, random.integers(40, 220))


def _black_below(picture: np.ndarray, _: np.random.Generator) -> np.ndarray:
    half = picture.copy()
    half[len(half) // 2 :] = 0
    return half


def _black_left(picture: np.ndarray, _: np.random.Generator) -> np.ndarray:
    half = picture.copy()
    half[:, : half.shape[1] // 2] = 0
    return half


def _black_right(picture: np.ndarray, _: np.random.Generator) -> np.ndarray:
    half = picture.copy()
    half[:, half.shape[1] // 2 :] = 0
    return half


def _magnified(picture: np.ndarray, _: np.random.Generator) -> np.ndarray:
    height, width = picture.shape[:2]
    middle = picture[height // 4 : height - height // 4, width // 4 : width - width // 4]
    return cv2.resize(middle, (width, height))


def _blurred(sigma: float) -> Spoil:
    return lambda picture, _: cv2.GaussianBlur(picture, (0, 0), sigma)


def _stops(stops: float) -> Spoil:
    return lambda picture, _: _bytes(255 * ((picture / 255) ** _GAMMA * 2**stops) ** (1 / _GAMMA))


def _bytes(values: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


CHOOSING: Mapping[str, Spoil] = {
    "red for blue": lambda picture, _: picture[..., ::-1],
    "negative": lambda picture, _: 255 - picture,
    "right half black": _black_right,
    "blur of 4 px": _blurred(4),
    "twice as large": _magnified,
    "one grey": _uniform,
    "grain": _grainy,
}
"""By these a distance is chosen, and by no other: they resemble those of the lists and are none of them."""
UNLIKE: Mapping[str, Spoil] = {
    "black": lambda picture, _: np.zeros_like(picture),
    "white": lambda picture, _: np.full_like(picture, 255),
    "noise": _noise,
    "upside down": lambda picture, _: picture[::-1, ::-1],
    "sideways": lambda picture, _: np.rot90(picture),
    "lower half black": _black_below,
    "left half black": _black_left,
    "blur of 8 px": _blurred(8),
}
"""Nothing sure may be said of any of these."""
STILL_RIGHT: Mapping[str, Spoil] = {
    "a stop brighter": _stops(1),
    "a stop darker": _stops(-1),
    "JPEG quality 50": lambda picture, _: jpeg.decode(jpeg.encode(np.ascontiguousarray(picture), 50)),
}
"""Of these a head can still be right, and should be asked."""


class SpoiltPictures(Subset):
    """Some rows of a data set, each picture spoilt in one way, equally at every reading."""

    def __init__(self, dataset: RoadDataset, rows: np.ndarray, kind: str, spoil: Spoil) -> None:
        """`rows` (m,) int, ascending; `kind` names what `spoil` does."""
        super().__init__(dataset, rows, kind)
        self.fingerprint = hashlib.sha256(f"{self.fingerprint} {kind}".encode()).hexdigest()
        self._spoil = spoil

    def image(self, row: int, camera: str) -> bytes | None:
        """The spoilt picture as PNG, which keeps every pixel."""
        encoded = super().image(row, camera)
        if encoded is None:
            return None
        spoilt = self._spoil(picture_file.decode(encoded, self.where(row)), np.random.default_rng(row))
        return cv2.imencode(".png", spoilt[..., ::-1], _PNG)[1].tobytes()
