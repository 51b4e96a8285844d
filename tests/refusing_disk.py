"""A disk that lets nothing be written, or one file not be read. As root no permission bit stops anybody."""

import builtins
import errno
import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_OPEN = builtins.open


def refusal(number: int, file: object) -> OSError:
    """PermissionError for EACCES, OSError for EROFS and EIO, as the system raises them."""
    return OSError(number, os.strerror(number), str(file))


@contextmanager
def read_only() -> Iterator[None]:
    """Whoever opens a file for writing, or makes, renames or removes one, meets a read-only file system."""

    def open_for_reading(file, mode="r", *arguments, **options):
        if set(mode) & set("wax+"):
            raise refusal(errno.EROFS, file)
        return _OPEN(file, mode, *arguments, **options)

    def refuse(path, *_, **__):
        raise refusal(errno.EROFS, path)

    with pytest.MonkeyPatch.context() as patch:
        for module in (builtins, io):
            patch.setattr(module, "open", open_for_reading)
        for name in ("mkdir", "rename", "replace", "unlink", "rmdir", "utime", "chmod", "truncate"):
            patch.setattr(os, name, refuse)
        yield


@contextmanager
def not_readable(unread: Path, number: int) -> Iterator[None]:
    """Opening the file fails with `number`, or reading it with EIO."""

    def open_but_one(file, *arguments, **options):
        if not isinstance(file, int) and Path(file) == unread:
            if number == errno.EIO:
                return _Failing(file)
            raise refusal(number, file)
        return _OPEN(file, *arguments, **options)

    with pytest.MonkeyPatch.context() as patch:
        for module in (builtins, io):
            patch.setattr(module, "open", open_but_one)
        yield


class _Failing(io.BufferedReader):
    """A file on a broken disk: it opens, and cannot be read."""

    def __init__(self, file):
        super().__init__(io.FileIO(file))

    def read(self, *_):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    read1 = readline = readinto = readinto1 = __next__ = read


def stamps(folder: Path) -> dict[str, tuple[int, int, int]]:
    """What a write would change: inode, time of change of content and of status of a folder and all that is in it."""
    files = {path: path.stat() for path in (folder, *sorted(folder.rglob("*")))}
    return {str(path): (one.st_ino, one.st_mtime_ns, one.st_ctime_ns) for path, one in files.items()}
