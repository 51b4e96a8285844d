"""A plugin of jobs under test: at each of `$WAITS_AT`, once, they wait until they have been asked to go.

`step-20` is the end of a training's 20th optimizer step, where it looks whether it is to stop; `write-10` an
extraction's 10th batch that is in its store. A file of that name and the task's number in `$WAITING` says that it
waits, so that no test depends on who is faster.
"""

import os
import time
from pathlib import Path
from typing import Any

from roadcue.loaders.feature_store import StoreWriter
from roadcue.preemption import asked
from roadcue.training.trainer import KeepLast

_look, _write = KeepLast.on_train_batch_end, StoreWriter.write
_writes = 0


def _wait(place: str) -> None:
    waiting = Path(os.environ["WAITING"], f"{place}-{os.environ['SLURM_PROCID']}")
    if place in os.environ["WAITS_AT"].split() and not waiting.exists():
        waiting.touch()
        while not asked():
            time.sleep(0.01)


def _wait_and_look(keep: KeepLast, trainer: Any, *rest: Any) -> None:
    _wait(f"step-{trainer.global_step}")
    _look(keep, trainer, *rest)


def _write_and_wait(writer: StoreWriter, *rows: Any) -> None:
    global _writes
    _write(writer, *rows)
    _writes += 1
    _wait(f"write-{_writes}")


KeepLast.on_train_batch_end = _wait_and_look  # type: ignore[method-assign]
StoreWriter.write = _write_and_wait  # type: ignore[method-assign]
