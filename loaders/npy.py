"""Arrays in NumPy's .npy form: what a header claims is checked before any of it is reserved."""

import io
from pathlib import Path
from typing import BinaryIO, Literal

import numpy as np

from roadcue.files import opened

_MOST_HEADER = 1000
"""Characters of a header that are looked at; ours has about 100."""


def mapped(path: Path, shape: tuple[int, ...], dtype: type, mode: Literal["r", "r+"] = "r") -> np.ndarray:
    """A memory map of a file's array; ValueError unless it has this shape and dtype, whole and in C order."""
    with opened(path) as file:
        found, kind = _header(file, path.name)
        start, size = file.tell(), file.seek(0, io.SEEK_END)
    if found != shape or kind != np.dtype(dtype):
        raise ValueError(f"{path.name} holds {_said(found, kind)} where {_said(shape, np.dtype(dtype))} were written")
    wanted = start + int(np.prod(shape)) * kind.itemsize
    if size != wanted:
        raise ValueError(f"{path.name} has {size} bytes where {wanted} were written")
    if 0 in shape:  # which cannot be mapped
        return np.zeros(shape, dtype)
    return np.memmap(path, dtype, mode, start, shape)


def array_of(content: bytes, name: str) -> np.ndarray:
    """The array that the bytes of a file hold, in C order; ValueError unless they are all of it."""
    file = io.BytesIO(content)
    shape, kind = _header(file, name)
    values = content[file.tell() :]
    count = 1
    for length in shape:  # Python's numbers, which do not overflow
        count *= length
    if count * kind.itemsize != len(values):
        raise ValueError(f"{name} claims {_said(shape, kind)} and has {len(values)} bytes")
    return np.frombuffer(values, kind, count).reshape(shape) if kind.itemsize else np.zeros(shape, kind)


def _header(file: BinaryIO, name: str) -> tuple[tuple[int, ...], np.dtype]:
    """Shape and dtype of the array in an .npy file, read up to where its values begin."""
    try:
        version = np.lib.format.read_magic(file)
        if version != (1, 0):
            raise ValueError(f"is of version {version}")
        shape, fortran, kind = np.lib.format.read_array_header_1_0(file, _MOST_HEADER)
    except OSError:
        raise
    except Exception as error:  # the header is a Python literal, and its parser raises what it likes
        raise ValueError(f"{name} is no array as it was written ({str(error).partition('.')[0]:.80})") from error
    if fortran or kind.hasobject or kind.names or any(isinstance(n, bool) or n < 0 for n in shape):
        raise ValueError(f"{name} is no plain array")
    return tuple(shape), kind


def _said(shape: tuple[int, ...], kind: np.dtype) -> str:
    return f"{' x '.join(map(str, shape)) or 'one'} {kind}"
