"""Pictures as users have them, ready for an encoder or a captioner."""

import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from roadcue.errors import BadInput
from roadcue.files import user_path
from roadcue.loaders import jpeg
from roadcue.models.encoder import Preprocess

_DAMAGED = (ValueError, SyntaxError, EOFError, struct.error)
"""What Pillow's readers of formats raise besides, such as "Truncated IHDR chunk"."""
Picture = Image.Image | np.ndarray | Tensor | bytes | str | Path
"""PIL; NumPy (H, W, 3) uint8 RGB; torch (3, H, W) or (H, W, 3) uint8 RGB; the bytes of a JPEG;
or the path of a file."""

SUFFIXES = (".jpg", ".jpeg", ".png")
"""Of the files that are taken out of a folder."""


def picture_files(what: Sequence[str]) -> list[Path]:
    """The files that are named, and those of the folders that are, by name; BadInput when one is not there."""
    pictures: list[Path] = []
    for word in what:
        path = user_path(word)
        if path.is_dir():
            inside = sorted(file for file in path.rglob("*") if file.suffix.lower() in SUFFIXES)
            if not inside:
                raise BadInput(f"{path}: has no picture in it ({', '.join(SUFFIXES)})")
            pictures += inside
        elif path.is_file():
            pictures.append(path)
        else:
            raise BadInput(f"{path}: there is no such picture or folder")
    return pictures


def preprocessed(picture: Picture, preprocess: Preprocess, side: int) -> Tensor:
    """(3, S, S) uint8, or of tiles, as `preprocess` makes it; a JPEG is decoded as the features of training were.

    `side` S in pixels. BadInput for a file or array that is no picture.
    """
    where = "images"
    if isinstance(picture, str | Path):
        where, picture = str(picture), _opened(user_path(picture))
    if isinstance(picture, bytes):
        return preprocess(*jpeg.decode_at_least(picture, where, side))
    return preprocess(_rgb(picture))


def _opened(path: Path) -> bytes | Image.Image:
    """A JPEG's bytes, another format's pixels; BadInput, with the path, when it is no picture."""
    try:
        content = path.read_bytes()
        if content.startswith(b"\xff\xd8\xff"):
            return content
        with Image.open(path) as picture:
            return picture.convert("RGB")
    except (UnidentifiedImageError, Image.DecompressionBombError, *_DAMAGED) as error:
        raise BadInput(f"{path}: is no picture that can be read ({error})") from error
    except OSError as error:
        raise BadInput(f"{path}: cannot be read ({error.strerror or error})") from error


def _rgb(picture: Image.Image | np.ndarray | Tensor) -> np.ndarray:
    """(H, W, 3) uint8 RGB."""
    if isinstance(picture, Image.Image):
        return np.array(picture.convert("RGB"))
    array = picture.cpu().numpy() if isinstance(picture, Tensor) else np.asarray(picture)
    if array.ndim == 3 and array.shape[0] == 3 and array.shape[2] != 3:
        array = array.transpose(1, 2, 0)
    if array.ndim != 3 or array.shape[2] != 3 or array.dtype != np.uint8:
        raise BadInput(f"image of shape {array.shape} and type {array.dtype}: expected (H, W, 3) uint8 RGB")
    return np.ascontiguousarray(array)
