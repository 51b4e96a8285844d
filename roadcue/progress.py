"""Progress of long work: a bar with rate and ETA on a terminal, a line now and then in a log file."""

from time import monotonic
from types import TracebackType

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Column

from roadcue.sentences import show

_SILENT_S = 60.0
"""In a log, work of which a tenth takes longer than this says a line in between."""


_WIDE, _NARROW, _NARROWEST = 100, 80, 40
"""Columns from which on a line also says for how long it has worked; below which it has neither bar nor ETA; and
below which no rate either."""
_RATE = len("9999.9 pictures/min ")


def _whole() -> Column:
    """Of what loses no character in a narrow terminal: the bar becomes shorter."""
    return Column(no_wrap=True)


def _columns(title: str, total: int, width: int) -> list[ProgressColumn]:
    """What fits into so many columns: in a narrow terminal the title loses its end, and no figure does."""
    done, rate = MofNCompleteColumn(table_column=_whole()), TextColumn("{task.fields[rate]}")
    if width < _NARROW:
        rates = [rate] if width >= _NARROWEST else []
        room = width - len(f" {total}/{total} ") - (_RATE if rates else 0)
        return [TextColumn(title[: max(0, room)]), done, *rates]
    elapsed = [TimeElapsedColumn(_whole())] if width >= _WIDE else []
    left = (TextColumn("ETA"), TimeRemainingColumn(table_column=_whole()))
    return [TextColumn(title), BarColumn(), done, rate, *elapsed, *left]


class ProgressLine:
    """A context manager to be called with how many more are done."""

    def __init__(self, title: str, total: int, unit: str, done: int = 0) -> None:
        """`total` things called `unit`, of which `done` were there before."""
        console = Console(stderr=True)
        self._bar = Progress(*_columns(title, total, console.width), console=console, refresh_per_second=4)
        self._title, self._total, self._unit, self._before = title, total, unit, done
        self._terminal, self._said, self._said_at = console.is_terminal, 0, monotonic()

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
        self._bar.update(self._task, advance=n, rate=self._words(rate))
        tenths, now = int(10 * done / self._total), monotonic()
        if not self._terminal and (tenths > self._said or now - self._said_at > _SILENT_S):
            self._said, self._said_at = tenths, now
            left = (self._total - done) / rate
            show(f"{self._title}: {done:.0f}/{self._total}, {self._words(rate)}, ETA {left:.0f} s")

    def _words(self, rate: float) -> str:
        """What takes long is said by the minute: 0.0 a second is no rate."""
        return f"{rate:.1f} {self._unit}/s" if rate >= 1 else f"{60 * rate:.1f} {self._unit}/min"
