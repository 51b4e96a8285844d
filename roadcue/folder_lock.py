"""One process at a time where a folder is written: a lock that ends with the process that holds it, however it ends.

It is a POSIX record lock (fcntl(2), F_SETLK) on a file that says who holds it. The system gives it up with its
process, and of a network drive the server does (NFS maps these locks between nodes), so what a dead one has left
stands in nobody's way. Children by fork do not have it. Where the drive knows no locks there are none.
"""

import errno
import fcntl
import os
import platform
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from roadcue.errors import BadInput
from roadcue.sentences import show

_TAKEN = (errno.EACCES, errno.EAGAIN)
"""What the system says of a lock that another process has."""
_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)
"""What it says where there are none."""
_LOOK_AGAIN_S = 0.2
SUFFIX = ".lock"
"""How the names of locks end."""


@dataclass
class _Held:
    """A lock that this process has: the open file, and how many times it is inside."""

    file: int
    process: int
    times: int = 0


_held: dict[Path, _Held] = {}
"""Those of this process: such a lock knows processes, and neither threads nor who in one asks again."""


class Busy(BadInput):
    """Another process is at it."""


@contextmanager
def only_one(lock: Path, doing: str, remedy: str = "", *, wait: bool = False) -> Iterator[None]:
    """No other process is between these lines; `lock` is a file that is there meanwhile, in a folder that exists.

    Busy says who is `doing` something, such as "training in runs/a", and the `remedy`; with `wait` it is said once,
    and waited for. OSError where the file cannot be made.
    """
    lock = lock.absolute()
    held = _held.get(lock)
    if held is None:
        held = _held[lock] = _Held(_taken(lock, doing, remedy, wait), os.getpid())
    held.times += 1
    try:
        yield
    finally:
        held.times -= 1
        if not held.times:
            _held.pop(lock, None)
            if os.getpid() == held.process:  # and no child by fork, which has none
                with suppress(OSError):  # as on a disk that has become read-only: it is given up all the same
                    lock.unlink()  # before it is given up, or it would be another's
            os.close(held.file)


def hold(owner: object, lock: Path, doing: str, remedy: str = "", *, wait: bool = False) -> Callable[[], object]:
    """As `only_one`, until the object `owner` is gone or what is returned is called."""
    inside = ExitStack()
    inside.enter_context(only_one(lock, doing, remedy, wait=wait))
    return weakref.finalize(owner, inside.close)


def remove_dead_locks(folder: Path) -> None:
    """Delete the locks in a folder, not below it, of processes that are no more; they have no other use."""
    with suppress(OSError):  # not there, or nobody may look
        for lock in folder.absolute().glob(f"*{SUFFIX}"):
            if lock not in _held:  # to open and close it in the process that has it would give it up
                _remove_dead(lock)


def _remove_dead(lock: Path) -> None:
    with suppress(OSError):  # another process has it, or nothing may be written
        file = os.open(lock, os.O_RDWR | os.O_CLOEXEC)
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is(lock, file):
                lock.unlink()
        finally:
            os.close(file)


def _taken(lock: Path, doing: str, remedy: str, wait: bool) -> int:
    """The descriptor of a file that this process has locked, with its name in it."""
    said = False
    while True:
        file = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not _is(lock, file):  # who had it has just removed it
                os.close(file)
                continue
        except OSError as error:
            holder = _holder(file)
            if error.errno in _NO_LOCKS:
                return file
            os.close(file)
            if error.errno not in _TAKEN:
                raise
            if not wait:
                raise Busy(f"{holder} is {doing}; {remedy}") from None
            if not said:
                show(f"waiting for {holder}, which is {doing}")
                said = True
            time.sleep(_LOOK_AGAIN_S)
            continue
        now = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
        with suppress(OSError):  # on a full disk it is another process without a name
            os.ftruncate(file, 0)
            os.pwrite(file, f"process {os.getpid()} on {platform.node()}, since {now},".encode(), 0)
        return file


def _is(lock: Path, file: int) -> bool:
    """Whether the open file is still the one of that name."""
    try:
        return os.path.samestat(os.fstat(file), lock.stat())
    except FileNotFoundError:
        return False


def _holder(file: int) -> str:
    """Who holds a lock, as it has written itself."""
    said = os.pread(file, 200, 0).decode(errors="replace")
    return said if said.startswith("process ") and said.isprintable() else "another process"
