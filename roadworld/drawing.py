"""A folder that is drawn: by many processes, and once when it is in the cache."""

import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeVar

import cv2

from roadcue.cache import cache_root
from roadcue.errors import BadInput
from roadcue.folder_lock import Busy, only_one, remove_dead_locks
from roadcue.processes import in_processes
from roadcue.progress import ProgressLine

_FORGOTTEN_S = 7 * 86_400


class _Spec(Protocol):
    @property
    def key(self) -> str: ...


Spec = TypeVar("Spec", bound=_Spec)


class Job(NamedTuple):
    """The arguments of a call that makes `file`, and how many pictures it draws for it."""

    file: Path
    pictures: int
    arguments: tuple[Any, ...]


def draw_missing(title: str, draw: Callable[..., None], jobs: Sequence[Job], workers: int | None) -> None:
    """Call `draw` for the jobs whose file is missing; `workers` None: one process per processor, 1: this process."""
    missing = [job for job in jobs if not job.file.exists()]
    total, left = (sum(job.pictures for job in some) for some in (jobs, missing))
    try:
        with ProgressLine(title, total, "pictures", total - left) as advance:
            for job in _drawn(draw, missing, workers):
                advance(job.pictures)
    except KeyboardInterrupt:
        raise KeyboardInterrupt("stopped; what is drawn is kept, the same command goes on from there") from None


def _drawn(draw: Callable[..., None], jobs: Sequence[Job], workers: int | None) -> Iterator[Job]:
    """Each job when it is done."""
    if workers == 1:
        for job in jobs:
            draw(*job.arguments)
            yield job
        return
    processes = workers or len(os.sched_getaffinity(0))
    for place in in_processes(draw, [job.arguments for job in jobs], processes, start=_use_one_thread):
        yield jobs[place]


def leave_only(folder: Path, written: Iterable[Path]) -> None:
    """Delete every other file in a folder: what it was gathered from, and what a killed process had begun."""
    for left_over in {path for path in folder.rglob("*") if path.is_file()} - set(written):
        left_over.unlink()


def _use_one_thread() -> None:
    cv2.setNumThreads(1)


def _remove_forgotten(cache: Path) -> None:
    """Delete what is drawn of worlds whose drawing was killed, and has not been gone on with for a week."""
    for part in cache.glob(".*.part"):
        world = part.name[1:].partition(".")[0]
        with suppress(Busy, OSError), only_one(cache / f".{world}.lock", f"drawing {world}"):
            newest = max(path.lstat().st_mtime for path in (part, *part.rglob("*")))
            if time.time() - newest > _FORGOTTEN_S:
                shutil.rmtree(part, ignore_errors=True)


def drawn_once(name: str, spec: Spec, write: Callable[[Spec, Path], None]) -> Path:
    """The folder of a drawn data set in the cache; drawn now, by one process at a time, unless it is there."""
    folder = cache_root() / name / spec.key
    remove_dead_locks(folder.parent)
    if folder.exists():  # it may lie where nothing can be written
        return folder
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        _remove_forgotten(folder.parent)
        with only_one(folder.with_name(f"{spec.key}.lock"), f"drawing {folder}", wait=True):
            if not folder.exists():
                write(spec, folder)
    except OSError as error:
        remedy = "Name another folder in the environment variable ROADCUE_CACHE."
        raise BadInput(f"{folder}: the cache cannot be kept there ({error.strerror}). {remedy}") from error
    return folder
