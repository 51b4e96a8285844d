"""One run of a sweep, and how several are trained side by side, each by the code of train.py in one thread."""

import shlex
import traceback
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from multiprocessing import active_children, get_context
from pathlib import Path
from signal import SIG_DFL, SIG_IGN, SIGINT, SIGUSR1, SIGUSR2, signal

import torch

from roadcue.errors import RoadCueError
from roadcue.heads.multi_head import MultiHeadModel
from roadcue.options_as_text import words_of
from roadcue.plugins import load_plugins
from roadcue.processes import end_with_parent
from roadcue.training.config import TrainConfig
from roadcue.training.heads.batches import StoredSplit
from roadcue.training.heads.fitting import train_heads
from roadcue.training.heads.predictions import predict
from roadcue.training.heads.splits import StoredSplits
from roadcue.training.run_folder import FREE_TO_CHANGE, RunFolder, check_same_data, check_same_encoder, is_finished
from roadcue.training.stage_two.run import train_stage_two
from roadcue.training.sweep.scores import RunScores
from roadcue.training.sweep.stage_two import scored_run

_NEEDED = {"plugin", "data_dir", "image_root", "store_dir", "device", "on_bad_record"}
LEFT_OUT = tuple({*FREE_TO_CHANGE, "seed"} - _NEEDED)
"""Options that `SweepRun.command` leaves out: it makes a folder of its own, and names the seed always."""
DIED = "its process died, perhaps for want of memory; try fewer --workers"


@dataclass(frozen=True)
class SweepRun:
    """One training: `settings`, swept option -> its value as on the command line, and the options with their YAML."""

    settings: dict[str, str]
    config: TrainConfig
    config_text: str

    @property
    def folder(self) -> RunFolder:
        """Its own folder in the sweep's."""
        return RunFolder(Path(str(self.config.run_dir)))

    @property
    def name(self) -> str:
        """Setting and seed, as the folder is called."""
        return self.folder.path.name

    @property
    def command(self) -> str:
        """What trains it again by itself: one thread, because the number of threads rounds sums in its own way."""
        words = [*words_of(self.config, LEFT_OUT), "--seed", str(self.config.seed)]
        return f"OMP_NUM_THREADS=1 python train.py {shlex.join(words)}"


Work = Callable[[SweepRun], RunScores]
"""Trains a run unless it is finished, and scores it on the validation rows."""


def on_stored_features(run: SweepRun, splits: StoredSplits) -> RunScores:
    """Heads of what is encoded already."""
    folder = run.folder
    folder.take()
    if is_finished(folder, run.config):
        check_same_data(folder, lambda: splits.data)
        check_same_encoder(folder, splits.encoder.parts)
    else:
        train_heads(run.config, run.config_text, folder, splits, run.command)
    return _scores(run, splits.val)


def on_pictures(run: SweepRun) -> RunScores:
    """A stage two of heads, which encodes its own."""
    train_stage_two(run.config, run.config_text, run.command)
    return scored_run(run.folder, run.name, run.settings, run.command, run.config.plugin)[0]


def train_and_score(run: SweepRun, work: Work) -> RunScores | str:
    """What `work` makes of a run, or what went wrong; everything that it says goes to the run's output.txt."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        run.folder.path.mkdir(parents=True, exist_ok=True)
        with (
            open(run.folder.output, "a", encoding="utf-8") as output,
            redirect_stdout(output),
            redirect_stderr(output),
        ):
            try:
                return work(run)
            except Exception:
                traceback.print_exc()
                raise
    except (RoadCueError, OSError) as error:
        return str(error)
    except Exception as error:  # whatever it is, it is this run's, and the others go on
        return f"{type(error).__name__}: {error}"
    finally:
        torch.set_num_threads(threads)


def outcomes(jobs: Sequence[tuple[SweepRun, Work]], workers: int) -> Iterator[tuple[SweepRun, RunScores | str]]:
    """`train_and_score` of every job as it is done: `workers` at a time in spawned processes, 0: in this one.

    A process that dies takes its own run with it and no other.
    """
    if not workers:
        yield from ((job[0], train_and_score(*job)) for job in jobs)
        return
    waiting = iter(jobs)
    running: dict[Future[RunScores | str], tuple[ProcessPoolExecutor, SweepRun]] = {}
    with ExitStack() as stack:

        def another() -> ProcessPoolExecutor:
            plugins = jobs[0][0].config.plugin
            return stack.enter_context(ProcessPoolExecutor(1, get_context("spawn"), _begin, (plugins,)))

        def start_next(process: ProcessPoolExecutor) -> None:
            for job in waiting:
                running[process.submit(train_and_score, *job)] = process, job[0]
                return

        try:
            for _ in range(workers):
                start_next(another())
            while running:
                for done in wait(running, return_when=FIRST_COMPLETED).done:
                    process, run = running.pop(done)
                    outcome: RunScores | str
                    try:
                        outcome = done.result()
                    except BrokenProcessPool:
                        outcome, process = DIED, another()
                    start_next(process)
                    yield run, outcome
        except BaseException:
            for child in active_children():  # what they have written is whole, and they go on from there
                child.kill()
            raise


def _begin(plugins: Sequence[str]) -> None:
    """What the user's plugins register is there before a job is read; and a training process ends with the sweep.

    Ctrl-C ends it at once; so does the end of the process that started it, however it ended. Slurm sends its signals
    to both, and that process is the one to heed them.
    """
    signal(SIGINT, SIG_DFL)
    signal(SIGUSR1, SIG_IGN)
    signal(SIGUSR2, SIG_IGN)
    end_with_parent()
    load_plugins(plugins)


def _scores(run: SweepRun, val: StoredSplit) -> RunScores:
    """From the saved model, so that a run that was finished before is scored as one that has just been."""
    model = MultiHeadModel.from_pretrained(run.folder.model).eval()
    return RunScores.of(
        model,
        predict(model, val),
        val,
        run.config.head_names,
        name=run.name,
        settings=run.settings,
        seed=run.config.seed,
        command=run.command,
        seconds=float(run.folder.read_facts()["seconds"]),
    )
