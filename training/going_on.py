"""How a run goes on that was stopped, or whose disk was full: said with the words that it takes."""

from collections.abc import Iterator
from contextlib import contextmanager

from roadcue.files import writing_into
from roadcue.preemption import Stopped
from roadcue.training.checkpoints import GO_ON, read_checkpoint
from roadcue.training.run_folder import RunFolder


@contextmanager
def working_on(folder: RunFolder) -> Iterator[None]:
    """BadInput for what cannot be written into it meanwhile; and whatever stops the work says how the run goes on."""
    with writing_into(folder.path, GO_ON):
        try:
            yield
        except Stopped as stop:
            raise Stopped(str(stop) or stopped(folder), requeues=stop.requeues) from None
        except KeyboardInterrupt as stop:
            raise KeyboardInterrupt(str(stop) or stopped(folder)) from None


def stopped(folder: RunFolder) -> str:
    """What to say of a training that was stopped: the same command would be refused where there is a checkpoint."""
    again = f"the same command with --run_dir {folder.path} --resume auto"
    if folder.last.exists():
        return f"stopped; {again} goes on from the checkpoint of step {read_checkpoint(folder.last)['global_step']}"
    return f"stopped before the first checkpoint; {again} begins anew"
