"""Jobs for several processes."""

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context, parent_process
from threading import Thread
from typing import Any

_STOPPED = 130
"""The exit code of what a Ctrl-C has ended: the shell's for SIGINT."""


def in_processes(
    function: Callable[..., None],
    jobs: Sequence[tuple[Any, ...]],
    workers: int,
    start: Callable[[], None] | None = None,
) -> Iterator[int]:
    """Call `function(*job)` for every job, and `start()` once per process; yields each job's place as it is done.

    The first error ends all and is raised; jobs that wait are then dropped. Processes are spawned, because one with
    threads, such as one that has loaded PyTorch, is not safe to fork; they end with this one, however it ends.
    """
    with ProcessPoolExecutor(workers, get_context("spawn"), _begin, (start,)) as pool:
        places = {pool.submit(function, *job): place for place, job in enumerate(jobs)}
        try:
            for done in as_completed(places):
                done.result()
                yield places[done]
        except BaseException:
            # It waits for those that run: the shutdown of `with` comes after it, and would take the dropping back.
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def end_with_parent() -> None:
    """From now on this process ends when the one that started it does, even by kill -9."""
    Thread(target=_wait_for_the_end, daemon=True).start()


def _begin(start: Callable[[], None] | None) -> None:
    end_with_parent()
    signal.signal(signal.SIGINT, lambda *_: os._exit(_STOPPED))  # Ctrl-C is for the one that started it to speak of
    if start is not None:
        start()


def _wait_for_the_end() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
