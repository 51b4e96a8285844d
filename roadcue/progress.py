"""Progress of long work: a bar with rate and ETA on a terminal, a line now and then in a log file."""

from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn


class ProgressLine:
    """A context manager to be called with how many more are done."""

    def __init__(self, title: str, total: int, unit: str, done: int = 0) -> None:
        """`total` things called `unit`, of which `done` were there before."""
        console = Console(stderr=True)
        rate = TextColumn("{task.fields[rate]}")
        columns = (TextColumn(title), BarColumn(), MofNCompleteColumn(), rate, TimeElapsedColumn(), TextColumn("ETA"))
        self._bar = Progress(*columns, TimeRemainingColumn(), console=console, refresh_per_second=4)
        self._title, self._total, self._unit, self._before = title, total, unit, done
        self._terminal, self._said = console.is_terminal, 0

    def __enter__(self) -> "ProgressLine":
        self._bar.start()
        self._task = self._bar.add_task(self._title, total=self._total, completed=self._before, rate="")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def __call__(self, n: int = 1) -> None:
        """`n` more are done."""
        task = self._bar.tasks[0]
        elapsed = max(task.elapsed or 0.0, 1e-9)
        done = task.completed + n
        rate = (done - self._before) / elapsed
        self._bar.update(self._task, advance=n, rate=f"{rate:.1f} {self._unit}/s")
        if not self._terminal and int(10 * done / self._total) > self._said:
            self._said = int(10 * done / self._total)
            left = (self._total - done) / rate
            print(f"{self._title}: {done:.0f}/{self._total}, {rate:.1f} {self._unit}/s, ETA {left:.0f} s", flush=True)
