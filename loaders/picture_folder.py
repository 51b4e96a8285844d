"""Picture files below a data folder: never outside it, checked before a run, and stamped to notice a replaced one."""

import os
import stat
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from roadcue.errors import BadRecord
from roadcue.files import read_bytes, reading_remedy
from roadcue.loaders.picture_file import is_picture
from roadcue.loaders.sampled_content import sampled_content

Stamp = tuple[int, str]
"""Size in bytes, and a hash of pieces: a copy has the same, whenever and wherever it was made."""


class PictureFolder:
    """The files below `root`, by their paths relative to it."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self._inside: dict[str, str] = {}

    def locate(self, path: str) -> Path:
        """Where a relative path leads when links are followed; BadRecord when that is outside the folder."""
        try:
            file = (self.root / path).resolve()
        except (OSError, RuntimeError, ValueError) as error:
            raise BadRecord(f"{path!r} cannot be followed ({error}); check its links") from None
        if not file.is_relative_to(self.root):
            outside = f"leads to {str(file)!r}, outside {self.root}"
            raise BadRecord(f"{path!r} {outside}; put the file itself below that folder")
        return file

    def read(self, path: str) -> bytes:
        """The bytes of a JPEG, PNG or WebP file; BadRecord when it cannot be read or is of another format."""
        try:
            encoded = read_bytes(self.locate(path))
        except OSError as error:
            raise BadRecord(f"{path!r} cannot be read ({error.strerror}); {self._remedy(error)}") from None
        if not is_picture(encoded):
            raise BadRecord(f"{path!r} is no JPEG, PNG or WebP; convert it to one of them")
        return encoded

    def stamps(self, paths: Sequence[str]) -> list[Stamp | BadRecord]:
        """The stamp of every file, which changes when the picture is replaced, or what is wrong with it.

        It is read in four places: on a local disk in the time of parsing the picture's manifest line. On a network
        these are round trips, so 16 pictures are under way at once.
        """
        chunks = [paths[start : start + 1000] for start in range(0, len(paths), 1000)]
        with ThreadPoolExecutor(max_workers=16) as pool:
            return [stamp for chunk in pool.map(self._stamp_all, chunks) for stamp in chunk]

    def _stamp_all(self, paths: Sequence[str]) -> list[Stamp | BadRecord]:
        stamps: list[Stamp | BadRecord] = []
        for path in paths:
            try:
                stamps.append(self._stamp(path))
            except OSError as error:
                stamps.append(BadRecord(f"{path!r}: {error.strerror}; {self._remedy(error)}"))
            except BadRecord as bad:
                stamps.append(bad)
            except ValueError as error:  # a null byte
                stamps.append(BadRecord(f"{path!r} is no path ({error}); correct it"))
        return stamps

    def _remedy(self, error: OSError) -> str:
        return reading_remedy(error, f"check the path and that {self.root} is complete")

    def _stamp(self, path: str) -> Stamp:
        folder, _, name = path.rpartition("/")
        # A folder's links are followed once, not once for each of its pictures.
        inside = self._inside.get(folder) or self._inside.setdefault(folder, str(self.locate(folder)))
        file: str | Path = f"{inside}/{name}"
        status = os.lstat(file)
        if stat.S_ISLNK(status.st_mode):
            status = os.stat(file := self.locate(path))
        if not stat.S_ISREG(status.st_mode) or status.st_size == 0:
            raise BadRecord(f"{path!r} is not a file with something in it; name a picture file")
        return status.st_size, sampled_content(file, status.st_size)
