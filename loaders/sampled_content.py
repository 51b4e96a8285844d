"""What a file holds, told by pieces of it: of many large files that is read in seconds, wherever they lie."""

import hashlib
import os

_PIECE = 4096
"""Bytes: what a disk and a network drive hand over at once in any case."""
_PIECES = 4


def sampled_content(path: str | os.PathLike[str], size: int) -> str:
    """A hash of pieces at even distances, the first and the last of the file among them; all of a small file.

    `size` in bytes as the system says it. OSError when the file cannot be read.
    """
    digest = hashlib.blake2b(digest_size=16)
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if size <= _PIECE * _PIECES:
            digest.update(os.pread(descriptor, size, 0))
        else:
            for place in range(_PIECES):
                digest.update(os.pread(descriptor, _PIECE, (size - _PIECE) * place // (_PIECES - 1)))
    finally:
        os.close(descriptor)
    return digest.hexdigest()
