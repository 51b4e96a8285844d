"""Pictures as users have them, ready for an encoder or a captioner."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from PIL import Image
from torch import Tensor

from roadcue.errors import BadInput, BadRecord
from roadcue.files import read_bytes, user_path
from roadcue.loaders import film, picture_file
from roadcue.models.encoder import Preprocess
from roadcue.sentences import show

Bytes = bytes | bytearray | memoryview
Picture = Image.Image | np.ndarray | Tensor | Bytes | BinaryIO | str | Path
"""PIL; NumPy (H, W, 3) or torch (3, H, W) or (H, W, 3), RGB as uint8, uint16 or floats within 0 to 1; the bytes of a
JPEG, PNG or WebP, or an open file of them, read from its beginning; or the path of a file. A file and a PIL picture
are turned upright as their EXIF says."""

LEAST_SIDE = 16
"""Pixels: a single patch of the finest encoder's grid. A picture of fewer is all interpolation."""
LONGEST = 16
"""Times the short side: of a longer picture a letterboxed square of 384 pixels has less than two rows of patches."""
_OTHERS = (".avif", ".bmp", ".gif", ".heic", ".heif", ".jfif", ".jpe", ".jxl", ".tif", ".tiff")
"""Ends of the names of pictures that no folder is searched for, and no film."""


def picture_files(what: Sequence[str]) -> list[Path]:
    """The files that are named, and those of the folders that are, by name; BadInput when one is not there."""
    pictures: list[Path] = []
    for word in what:
        path = user_path(word)
        if path.is_dir():
            inside = sorted(file for file in path.rglob("*") if file.suffix.lower() in picture_file.SUFFIXES)
            _say_left_out(path)
            if not inside:
                raise BadInput(f"{path}: has no picture in it ({', '.join(picture_file.SUFFIXES)})")
            pictures += inside
        elif path.is_file():
            pictures.append(path)
        else:
            raise BadInput(f"{path}: there is no such file or folder")
    return pictures


def _say_left_out(folder: Path) -> None:
    """Say which pictures of other formats, films and linked folders are in a folder and not among its pictures."""
    inside = list(folder.rglob("*"))
    ends = [file.suffix.lower() for file in inside]
    left_out = Counter(end for end in ends if end in _OTHERS or end in film.SUFFIXES)
    films = "; name a film itself" if any(end in film.SUFFIXES for end in left_out) else ""
    left_out["linked folders"] = sum(file.is_symlink() and file.is_dir() for file in inside)
    if left_out.total():
        counts = ", ".join(f"{kind} {count}" for kind, count in sorted(left_out.items()) if count)
        show(f"{folder}: left out ({counts}): only {', '.join(picture_file.SUFFIXES)} are read{films}", error=True)


def is_single(images: Any) -> bool:
    """Whether `images` are those of one sample, where nothing else that was given tells.

    BadInput for a NumPy array (3, H, W): it is one picture, plane by plane, or three grey ones. A torch tensor
    of that shape is one picture, as torch has them.
    """
    if isinstance(images, np.ndarray) and images.ndim == 3 and images.shape[0] == 3 and images.shape[2] != 3:
        raise BadInput(
            f"images: an array of shape {images.shape} may be one picture, plane by plane, or three grey ones; give "
            "(H, W, 3) for one, or a list of pictures"
        )
    if isinstance(images, np.ndarray | Tensor):
        return images.ndim != 4
    return not isinstance(images, Sequence) or isinstance(images, Bytes | str)


def preprocessed(picture: Picture, preprocess: Preprocess, side: int) -> Tensor:
    """(3, S, S) uint8, or of tiles, as `preprocess` makes it; a file is decoded as the features of training were.

    `side` S in pixels. BadInput for a file or array that is no picture, or smaller than `LEAST_SIDE` or longer than
    `LONGEST`: the square would show next to nothing but what the resize invents.
    """
    pixels, extent = _decoded(picture, side)
    short, long = sorted(extent)
    if short < LEAST_SIDE or long > LONGEST * short:
        where = user_path(picture) if isinstance(picture, str | Path) else "images"
        raise BadInput(
            f"{where}: shows too little, as its short side has fewer than {LEAST_SIDE} pixels or its long one is "
            f"more than {LONGEST} times as long; give a larger picture, or cut it"
        )
    return preprocess(pixels, extent)


def pixels_of(picture: Picture) -> np.ndarray:
    """(H, W, 3) uint8 RGB, as large as it is; BadInput for a file or array that is no picture."""
    return _decoded(picture, 0)[0]


def _decoded(picture: Picture, side: int) -> tuple[np.ndarray, tuple[float, float]]:
    """(H, W, 3) uint8 RGB and the rows and columns that it stands for."""
    if isinstance(picture, str | Path):
        path = user_path(picture)
        return picture_file.decode_at_least(_read(path), str(path), side)
    if isinstance(picture, Bytes) or hasattr(picture, "read"):
        return picture_file.decode_at_least(_encoded(picture), "images", side)
    try:
        pixels = _pixels(picture)
    except BadRecord as bad:
        raise BadInput(f"images: {bad}") from bad
    return pixels, (pixels.shape[0], pixels.shape[1])


def _read(path: Path) -> bytes:
    try:
        return read_bytes(path)
    except OSError as error:
        raise BadInput(f"{path}: cannot be read ({error.strerror or error})") from error


def _encoded(picture: Any) -> bytes:
    if isinstance(picture, Bytes):
        return bytes(picture)
    try:
        picture.seek(0)
        encoded = picture.read()
    except (OSError, ValueError) as error:  # closed, or a pipe
        raise BadInput(f"images: the open file cannot be read from its beginning ({error}); give its path") from error
    if not isinstance(encoded, bytes):
        raise BadInput("images: the open file gives text; open it in binary, as with open(path, 'rb')")
    return encoded


def _pixels(picture: Image.Image | np.ndarray | Tensor) -> np.ndarray:
    """(H, W, 3) uint8 RGB."""
    if isinstance(picture, Image.Image):
        return picture_file.upright(picture)
    if isinstance(picture, Tensor):  # of whose kinds of floats NumPy lacks some, such as bfloat16
        array = (picture.float() if picture.is_floating_point() else picture).detach().cpu().numpy()
    elif hasattr(picture, "__array__"):
        array = np.asarray(picture)
    else:
        raise BadInput(
            f"images: {type(picture).__name__} is no picture; give the path of a JPEG, PNG or WebP, its bytes, a PIL "
            "picture, or an array or tensor"
        )
    if array.ndim == 3 and array.shape[0] == 3 and array.shape[2] != 3:
        array = array.transpose(1, 2, 0)
    return picture_file.rgb(array)
