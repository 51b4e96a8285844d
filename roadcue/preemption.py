"""What a command does that is asked to go by USR1, USR2 or TERM, as Slurm asks before it takes the nodes away.

Everywhere but in a training loop that is what Ctrl-C does: what was computed is kept. A loop would rather come to the
end of its step (`held`). A batch job of Slurm is then put back into the queue, where it finds itself again.
"""

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Any

from roadcue.sentences import show

SIGNALS = (signal.SIGUSR1, signal.SIGUSR2, signal.SIGTERM)


class Stopped(KeyboardInterrupt):
    """The command was asked to go, and its work is in a state from which it goes on; the message says so."""

    def __init__(self, message: str = "", *, requeues: bool = True) -> None:
        """`requeues`: this process puts its job back into the queue; of ranks that stop together one does."""
        super().__init__(message)
        self.requeues = requeues


@dataclass
class _Heard:
    """What the handlers know; they run in the main thread alone."""

    process: int = 0
    """Whose handlers these are: a forked child has inherited them."""
    signal: int | None = None
    held: bool = False
    """Whether a signal only leaves its mark."""


_heard = _Heard()


def heeding(command: Callable[..., None], *arguments: Any) -> int:
    """Call `command`, in which each of `SIGNALS` raises Stopped, once; returns 0, or what `leave` says.

    In another thread than the main one signals are none of ours.
    """
    ours = SIGNALS if threading.current_thread() is threading.main_thread() else ()
    _heard.process, _heard.signal, _heard.held = os.getpid(), None, False
    before = {number: signal.signal(number, _heed) for number in ours}
    try:
        command(*arguments)
        if sys.stdout is not None:
            sys.stdout.flush()  # where a reader that has gone is still met by whoever called
        return 0
    except Stopped as stop:
        return leave(stop)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        _heard.process, _heard.signal = 0, None


@contextmanager
def held() -> Iterator[None]:
    """Signals only leave a mark, for `asked`; one that nobody has heeded by the end raises Stopped there."""
    _heard.held = True
    try:
        yield
    finally:
        _heard.held = False
    if asked():
        raise Stopped


def asked() -> bool:
    """Whether this process has been asked to go."""
    return _heard.signal is not None


def take_back(number: signal.Signals) -> None:
    """Make ours again a handler that a library has put in its place; without ours nothing happens."""
    if _heard.process == os.getpid() and threading.current_thread() is threading.main_thread():
        signal.signal(number, _heed)


def _heed(number: int, frame: FrameType | None) -> None:
    if os.getpid() != _heard.process:
        if number == signal.SIGTERM:  # which is how a worker is ended by who has forked it
            os._exit(128 + number)
        return
    first, _heard.signal = _heard.signal is None, number
    if first and not _heard.held:
        raise Stopped


def leave(stop: Stopped) -> int:
    """The exit code of a stopped command: 0 where Slurm starts it again, 128 + the signal elsewhere."""
    if stop.requeues:
        show(str(stop) or "stopped; what was computed is kept, the same command goes on from there", error=True)
    code = 128 + (_heard.signal or signal.SIGTERM)
    job = os.environ.get("SLURM_JOB_ID")
    if job is None:
        return code
    if not stop.requeues:
        return 0
    if "SLURM_ARRAY_TASK_ID" in os.environ:  # the number of an array's last task is that of the array
        job = f"{os.environ['SLURM_ARRAY_JOB_ID']}_{os.environ['SLURM_ARRAY_TASK_ID']}"
    try:
        return _requeue(job, code)
    except (OSError, subprocess.SubprocessError) as error:
        if getattr(error, "returncode", 0) < 0:  # ended by a signal, as Slurm ends all of the job's processes
            show(f"job {job} is ended by Slurm already", error=True)
            return 0
        said = getattr(error, "stderr", None) or error
        show(f"error: job {job} is not requeued ({str(said).strip()}); submit it again", error=True)
        return code


def _requeue(job: str, code: int) -> int:
    """Put a running batch job back into the queue; one that is being cancelled or requeued is left alone."""
    scontrol = {"capture_output": True, "text": True, "timeout": 60, "check": True}
    shown = subprocess.run(["scontrol", "show", "job", "-o", job], **scontrol).stdout  # type: ignore[call-overload]
    facts = dict(re.findall(r"(\S+?)=(\S*)", shown))
    if facts.get("BatchFlag") != "1" or facts.get("Requeue") != "1":
        show(f"job {job} may not be requeued; submit it again", error=True)
        return code
    if facts.get("JobState") != "RUNNING":
        show(f"job {job} is {facts.get('JobState')} already", error=True)
        return 0
    subprocess.run(["scontrol", "requeue", job], **scontrol)  # type: ignore[call-overload]
    show(f"job {job} is requeued", error=True)
    return 0
