"""What a process that was killed has left half written: how such files are named, and when they are removed."""

import os
import platform
import re
import shutil
import time
from contextlib import suppress
from pathlib import Path

SUFFIX = ".partial"
_HOST = re.sub(r"[^\w-]", "_", platform.node().partition(".")[0])[:40]
_NAME = re.compile(rf"\..+\.(?P<host>[\w-]*)-(?P<process>\d+)(-\w+)?{re.escape(SUFFIX)}", re.ASCII)
_FORGOTTEN_S = 86_400
"""Whether a process of another machine is alive nobody can ask; it writes no file or empty folder for a day."""


def partial_name(name: str, end: str = SUFFIX) -> str:
    """How something is called while this process writes it, which is then called `name`."""
    return f".{name}.{_HOST}-{os.getpid()}{end}"


def remove_left_over(*folders: Path) -> None:
    """Delete in these folders, not below them, what processes were writing that are no more; it has no other use."""
    for folder in folders:
        for path in _partials(folder):
            if not _alive(path):
                if path.is_dir() and not path.is_symlink():
                    shutil.rmtree(path, ignore_errors=True)
                else:
                    with suppress(OSError):  # as on a disk that is read and not written
                        path.unlink()


def _partials(folder: Path) -> list[Path]:
    try:
        return [path for path in folder.iterdir() if path.name.endswith(SUFFIX)]
    except OSError:  # not there, or nobody may look
        return []


def _alive(path: Path) -> bool:
    """Whether who writes it may still do so; what is not named as ours is none of ours."""
    named = _NAME.fullmatch(path.name)
    if named is None:
        return True
    process = int(named["process"])
    if named["host"] == _HOST:
        return process == os.getpid() or _runs(process)
    try:
        return time.time() - path.stat().st_mtime < _FORGOTTEN_S
    except OSError:
        return True


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True
