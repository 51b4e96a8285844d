"""Jobs for several processes."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from typing import Any


def in_processes(
    function: Callable[..., None],
    jobs: Sequence[tuple[Any, ...]],
    workers: int,
    start: Callable[[], None] | None = None,
) -> Iterator[int]:
    """Call `function(*job)` for every job, and `start()` once per process; yields each job's place as it is done.

    The first error ends all and is raised; jobs that wait are then dropped. Processes are spawned, because one with
    threads, such as one that has loaded PyTorch, is not safe to fork.
    """
    with ProcessPoolExecutor(workers, get_context("spawn"), start) as pool:
        places = {pool.submit(function, *job): place for place, job in enumerate(jobs)}
        try:
            for done in as_completed(places):
                done.result()
                yield places[done]
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
