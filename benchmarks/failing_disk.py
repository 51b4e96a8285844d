"""A disk that fails at the n-th thing that is asked of it, n = 1, 2, ... until all goes well, as SQLite tests it
(sqlite.org/testing.html, 3.2).

Asked are what Python does: files that are opened to be written, and what is written into them, new folders, names,
fsync, reserved room, and what safetensors and pyarrow write.
"""

import builtins
import errno
import io
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

import pyarrow.parquet

from roadcue import weights

_OPEN = builtins.open


class FailingDisk:
    """Counts what is asked of the disk; from the `first` on it fails, that once or for ever."""

    def __init__(self, first: int, number: int, *, once: bool) -> None:
        self.first, self.number, self.once, self.asked, self.failed = first, number, once, 0, False

    def ask(self, path: object) -> None:
        """OSError of its `number` where it fails."""
        self.asked += 1
        if self.asked == self.first or (self.asked > self.first and not self.once):
            self.failed = True
            raise OSError(self.number, os.strerror(self.number), str(path))


class _File(io.FileIO):
    """A file of the failing disk: a full one takes a part of what it is given, and says so when it is asked again."""

    disk: FailingDisk

    def write(self, content: Any) -> int:
        try:
            self.disk.ask(self.name)
        except OSError as error:
            half = len(content) // 2
            if error.errno != errno.ENOSPC or not half:
                raise
            return super().write(bytes(content)[:half])
        return super().write(content)


@contextmanager
def failing(disk: FailingDisk) -> Iterator[None]:
    """Meanwhile everything is written to this disk."""

    def open_on_it(file: Any, mode: str = "r", buffering: int = -1, *arguments: Any, **options: Any) -> Any:
        if isinstance(file, int) or not set(mode) & set("wax+"):
            return _OPEN(file, mode, buffering, *arguments, **options)
        disk.ask(file)
        raw = _File(file, mode.replace("b", "").replace("t", ""))
        raw.disk = disk
        if buffering == 0:
            return raw
        binary = io.BufferedRandom(raw) if "+" in mode else io.BufferedWriter(raw)
        return binary if "b" in mode else io.TextIOWrapper(binary, options.get("encoding") or "utf-8")

    def asking(whole: Callable[..., Any], place: int = 0) -> Callable[..., Any]:
        """The same, that asks first; its argument at `place` is the path."""

        def ask(*arguments: Any, **options: Any) -> Any:
            disk.ask(arguments[place] if len(arguments) > place else "")
            return whole(*arguments, **options)

        return ask

    with ExitStack() as patches:
        for module in (builtins, io):
            patches.enter_context(patch.object(module, "open", open_on_it))
        for name in ("mkdir", "rename", "replace", "fsync", "posix_fallocate"):
            patches.enter_context(patch.object(os, name, asking(getattr(os, name))))
        patches.enter_context(patch.object(weights, "save_file", asking(weights.save_file, 1)))
        patches.enter_context(patch.object(pyarrow.parquet, "write_table", asking(pyarrow.parquet.write_table, 1)))
        yield
