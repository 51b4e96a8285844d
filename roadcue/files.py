"""Files and folders that appear whole or not at all, and what is said when one cannot be written or read."""

import errno
import glob
import io
import os
import re
import shutil
import stat
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from safetensors import SafetensorError

from roadcue.errors import BadInput, Unreadable
from roadcue.folder_lock import only_one
from roadcue.left_over import SUFFIX, partial_name, remove_left_over

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""What the system says of a disk that is full."""
NO_LEAVE = (errno.EACCES, errno.EPERM, errno.EROFS)
"""What the system says where nobody, or not this user, may write."""
_IN_ORDER = "look whether the disk or the network drive is in order, then try again"
_OS_ERROR = re.compile(r"\(os error (\d+)\)")
_PACKED = {
    b"\x1f\x8b": "gzip",
    b"BZh": "bzip2",
    b"\xfd7zXZ\x00": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
}
"""How packed files begin."""
PACKED_NAMES = (".gz", ".bz2", ".xz", ".zst", ".zip", ".tar", ".tgz")
"""How their names end."""


def user_path(named: str | Path) -> Path:
    """A path as a user has typed it, with `~` as the home folder; BadInput when there is no such user."""
    try:
        return Path(named).expanduser()
    except RuntimeError:
        if os.path.lexists(named):  # a file may be called ~x
            return Path(named)
        raise BadInput(f"{named}: there is no home folder {Path(named).parts[0]}; write the whole path") from None


def check_file(path: Path) -> None:
    """OSError for a pipe or a device, which may never come to an end, and for what is not there."""
    mode = path.stat().st_mode
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        raise OSError(errno.EINVAL, "it is a pipe or a device", str(path))


def opened(path: Path) -> io.BufferedReader:
    """The bytes of a file, to be read; OSError as from `check_file`."""
    check_file(path)
    return open(path, "rb")


def read_bytes(path: Path) -> bytes:
    """All that a file holds; OSError as from `check_file`."""
    with opened(path) as file:
        return file.read()


def read_text(path: Path, encoding: str = "utf-8") -> str:
    """All that a file holds as text, with the line ends of Unix; OSError as from `check_file`, UnicodeDecodeError."""
    return io.TextIOWrapper(io.BytesIO(read_bytes(path)), encoding).read()


def refuse_packed(path: Path, beginning: bytes) -> None:
    """BadInput for a file that begins as packed ones do: it is whole, and downloading it again gives the same."""
    if kind := next((kind for begins, kind in _PACKED.items() if beginning.startswith(begins)), None):
        raise BadInput(f"{path}: is packed with {kind}; unpack it, and put what comes out in its place")


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """A hidden path beside `path` to write to, which takes its name at the end, and is gone after an error.

    OSErrors name `path`. BadInput when it is something else than a file, such as a device, which would be replaced.
    """
    if path.exists() and not path.is_file():
        raise BadInput(f"{path}: is not a file; name one that may be written or replaced")
    partial = path.with_name(partial_name(path.name))
    try:
        yield partial
        partial.replace(path)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        partial.unlink(missing_ok=True)


def write_atomic(path: Path, content: str | bytes) -> None:
    """Write a file that appears whole or not at all; an OSError names it."""
    with atomic_file(path) as partial:
        partial.write_bytes(content.encode() if isinstance(content, str) else content)


@contextmanager
def atomic_folder(folder: Path) -> Iterator[Path]:
    """A hidden folder beside `folder` to write in, which takes its name at the end, and is gone after an error.

    Several processes may make the same folder: the first one names it, the others get an OSError. OSErrors name
    `folder`.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        named = partial_name(folder.name, end="-")
        partial = Path(tempfile.mkdtemp(prefix=named, suffix=SUFFIX, dir=folder.parent))
        try:
            partial.chmod(0o755)  # mkdtemp's is 0o700
            yield partial
            partial.rename(folder)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(folder)) from error


@contextmanager
def resumable_folder(folder: Path, key: str) -> Iterator[Path]:
    """A hidden folder to write in, which is named `folder` at the end.

    What is in it stays when writing is stopped, and is there again for the same `key`. BadInput when `folder` exists
    or cannot be written, or another process is at it.
    """
    if folder.exists():
        raise BadInput(f"{folder}: exists already. Name a new folder, or delete this one.")
    partial = folder.with_name(f".{folder.name}.{key}.part")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with only_one(_lock_of(folder), f"writing {folder}", "wait until it is done, or name another folder"):
            partial.mkdir(exist_ok=True)
            remove_left_over(partial, *(path for path in partial.rglob("*") if path.is_dir()))
            yield partial
            os.replace(partial, folder)
    except OSError as error:
        remedy = "make room on the disk, or name another folder"
        raise BadInput(f"{folder}: cannot be written {unwritable(folder, error, remedy)}") from error


@contextmanager
def resumable_lines(path: Path, key: str) -> Iterator[tuple[TextIO, list[str]]]:
    """A file of lines to append to, which takes its name at the end, and the lines that it holds already.

    They stay when writing is stopped, and are there again for the same `key`; those of other keys go at the end.
    BadInput when `path` is something else than a file, or another process writes it.
    """
    if path.exists() and not path.is_file():
        raise BadInput(f"{path}: is not a file; name one that may be written or replaced")
    partial = stopped_lines(path, key)
    with only_one(_lock_of(path), f"writing {path}", "wait until it is done, or name another file"):
        whole = partial.read_bytes() if partial.exists() else b""
        whole = whole[: whole.rfind(b"\n") + 1]  # the last line may be cut off
        with open(partial, "ab") as file:
            file.truncate(len(whole))
        with open(partial, "a", encoding="utf-8") as file:
            yield file, whole.decode().splitlines()
        partial.replace(path)
        for other in path.parent.glob(f".{glob.escape(path.name)}.*.part"):
            other.unlink(missing_ok=True)


def _lock_of(path: Path) -> Path:
    """The file that is there while `path` is written."""
    return path.with_name(f".{path.name}.lock")


def stopped_lines(path: Path, key: str) -> Path:
    """Where a command of `key` that is stopped leaves its lines for `path`."""
    return path.with_name(f".{path.name}.{key}.part")


@contextmanager
def writing_into(folder: Path, remedy: str) -> Iterator[None]:
    """What cannot be written meanwhile, for want of room or of leave, becomes one BadInput with its place.

    What killed processes have half written in the folder is removed.
    """
    loud = threading.excepthook
    # TensorBoard writes in a thread, and raises in this one what went wrong there: once is enough.
    threading.excepthook = lambda failed: None if issubclass(failed.exc_type, OSError) else loud(failed)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        remove_left_over(folder)
        yield
    except BrokenPipeError:  # whoever read what is printed has gone: nothing is wrong with the folder
        raise
    except OSError as error:
        message = unwritable(folder, error, remedy)
        raise BadInput(f"{error.filename or folder}: cannot be written {message}") from error
    except SafetensorError as error:
        message = unwritable(folder, what_the_system_said(error), remedy)
        raise BadInput(f"{folder}: cannot be written {message}") from error
    finally:
        threading.excepthook = loud


def what_the_system_said(error: SafetensorError) -> OSError:
    """What safetensors was told when it wrote a file; it says it in words alone: "I/O error: ... (os error 28)"."""
    number = _OS_ERROR.search(str(error))
    return OSError(int(number[1]), os.strerror(int(number[1]))) if number else OSError(str(error))


def size_said(size: float) -> str:
    """Bytes in words, by powers of ten as disks are sold: "1.2 GB"."""
    unit, name = next(((unit, name) for unit, name in ((1e9, "GB"), (1e6, "MB")) if size >= unit), (1e3, "KB"))
    return f"{size / unit:,.1f} {name}"


def unwritable(folder: Path, error: OSError, remedy: str) -> str:
    """Why `folder` cannot be written, and what to do: `remedy` where it is the disk's fault."""
    if (blocking := in_the_way(folder)) is not None:
        return f"({blocking} is a file and no folder); move it away, or name another place"
    if error.errno in NO_LEAVE:
        return f"({error.strerror}); name a place where you may write"
    if error.errno == errno.EIO:
        return f"({error.strerror}); {_IN_ORDER}"
    if error.errno is None or error.errno in _NO_ROOM:
        return f"({error.strerror or error}); {remedy}"
    return f"({error.strerror or error}); nothing can be made there, name another place"


def in_the_way(folder: Path) -> Path | None:
    """What stands where `folder` or one that it lies in should be, and is none."""
    there = next((place for place in (folder, *folder.parents) if os.path.lexists(place)), None)
    return None if there is None or there.is_dir() else there


def unreadable(path: Path, error: OSError, missing: str = "check the path") -> Unreadable:
    """What the system said when `path` was to be read, to be raised; `missing` mends a path that is not there.

    Neither a permission nor a failing disk is damage: nobody should delete or download anything for it.
    """
    if path.is_symlink() and not path.exists():
        return Unreadable(f"{path}: is a link to {os.readlink(path)}, which is not there; put it back, or {missing}")
    return Unreadable(f"{path}: cannot be read ({error.strerror or error}); {reading_remedy(error, missing)}")


def reading_remedy(error: OSError, missing: str) -> str:
    """What to do about a file that the system does not hand over."""
    if error.errno in (errno.EACCES, errno.EPERM):
        return "get the permission to read it"
    if error.errno == errno.EINVAL:
        return "write what comes out of it into a file, and name that"
    if isinstance(error, FileNotFoundError | NotADirectoryError | IsADirectoryError):
        return missing
    return _IN_ORDER
