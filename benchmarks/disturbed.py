"""A process that runs whole commands, each in a child of its own, and kills them or lets their disk fail.

It has imported what they need before, so that a command starts at once: a hundred of them take minutes and not hours.
"""

import contextlib
import importlib
import json
import os
import resource
import runpy
import signal
import subprocess
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from failing_disk import FailingDisk, failing

ROOT = Path(__file__).parents[1]
LONGEST_S = 20.0
"""Whoever does nothing for so long hangs, or computes for so long beyond what the command takes undisturbed."""
MOST_BYTES = 3 * 2**30
"""More than a command had when it began: whoever asks for it gets a MemoryError."""
_ENDS_S, _LOOK_S = 20.0, 0.5
"""By then all processes of a command that has died have ended; and how often one is looked at that has not."""
_IMPORTED = (
    "roadcue.train",
    "roadcue.eval",
    "roadcue.training.heads.fitting",
    "roadcue.training.captions.fine_tuning",
    "roadcue.training.extraction",
    "roadcue.training.sweep.sweep",
    "roadcue.evaluation.run",
    "roadcue.evaluation.captions",
    "roadcue.evaluation.run_comparison",
    "roadcue.roadworld.sidewalk.__main__",
)


@dataclass(frozen=True)
class Disturbance:
    """What becomes of a command.

    A kill at its `place`-th rename, save or store write ("rename", "save", "store"), "before" or "after" that; or
    after `seconds`. Or a disk that fails with the number `error` at the `place`-th thing, `once` or from then on.
    """

    point: str = ""
    when: str = "before"
    place: int = 0
    seconds: float | None = None
    error: int = 0
    once: bool = True

    def __str__(self) -> str:
        if self.error:
            return f"{'once ' if self.once else ''}{os.strerror(self.error)} at {self.place}"
        return f"killed {self.when} {self.point} {self.place}" if self.point else f"killed after {self.seconds:.2f} s"


@dataclass(frozen=True)
class Ended:
    """How a command has ended: with an exit `code`, or by the signal -`code`, and what it has `said` until then.

    `met`: whether what was to disturb it came. `orphans`: processes that were there after it.
    """

    code: int
    said: str
    seconds: float
    peak_gib: float
    met: bool
    hung: bool
    orphans: int


class Commands:
    """Runs them; a context manager."""

    def __init__(self, cache: Path) -> None:
        """`cache`: the folder of what they keep."""
        path = os.pathsep.join((str(ROOT), str(ROOT / "benchmarks"), os.environ.get("PYTHONPATH", "")))
        quiet = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "PYTHONPATH": path}
        self._server = subprocess.Popen(
            [sys.executable, "-c", "import disturbed; disturbed.serve()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **quiet, "ROADCUE_CACHE": str(cache)},
        )

    def __enter__(self) -> "Commands":
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stdin.close()  # type: ignore[union-attr]
        self._server.wait()

    def run(self, module: str, words: Sequence[str], by: Disturbance | None = None, limit_s: float = 600.0) -> Ended:
        """`python -m MODULE WORDS`; it has hung where it computes for longer than `limit_s`, or waits for nothing."""
        asked = {"module": module, "words": list(words), "by": by and asdict(by), "limit_s": limit_s}
        assert self._server.stdin
        assert self._server.stdout
        self._server.stdin.write(json.dumps(asked) + "\n")
        self._server.stdin.flush()
        return Ended(**json.loads(self._server.stdout.readline()))


def serve() -> None:
    """Run what is asked for on stdin, a line each, until it ends."""
    answers = os.fdopen(os.dup(1), "w")
    for module in _IMPORTED:
        importlib.import_module(module)
    for line in sys.stdin:
        asked = json.loads(line)
        by = Disturbance(**asked["by"]) if asked["by"] else Disturbance()
        answers.write(json.dumps(asdict(_ended(asked["module"], asked["words"], by, asked["limit_s"]))) + "\n")
        answers.flush()


def _ended(module: str, words: list[str], by: Disturbance, limit_s: float) -> Ended:
    said, met = os.memfd_create("said"), os.memfd_create("met")
    begin = time.monotonic()
    child = os.fork()
    if child == 0:
        os.setsid()
        for stream, file in ((0, os.open(os.devnull, os.O_RDONLY)), (1, said), (2, said)):
            os.dup2(file, stream)
        sys.exit(_command(module, words, by, met))  # as any process ends, with all that is done then
    awake = looked = begin
    hung = False
    while True:
        ended, status, used = os.wait4(child, os.WNOHANG)
        now = time.monotonic()
        if ended:
            break
        if now - looked > _LOOK_S:
            looked = now
            runs, computed_s = _threads(child)
            awake = now if runs else awake
            hung = now - awake > LONGEST_S or computed_s > limit_s
        if hung or (by.seconds is not None and now - begin >= by.seconds):
            os.kill(child, signal.SIGKILL)
        time.sleep(0.005)
    code, seconds = os.waitstatus_to_exitcode(status), time.monotonic() - begin
    words_said, disk_failed = os.pread(said, 1_000_000, 0).decode(errors="replace"), os.fstat(met).st_size > 0
    for file in (said, met):
        os.close(file)
    came = disk_failed or code == -signal.SIGKILL
    return Ended(code, words_said, seconds, used.ru_maxrss / 2**20, came, hung, _orphans(child))


def _command(module: str, words: list[str], by: Disturbance, met: int) -> int:
    """The exit code of the command, in the child."""
    sys.argv = [module, *words]
    warnings.filterwarnings("ignore", ".*found in sys.modules", RuntimeWarning)
    sys.stdout, sys.stderr = (open(stream, "w", closefd=False) for stream in (1, 2))  # noqa: SIM115
    used = int(Path("/proc/self/statm").read_text().split()[5]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_DATA, (used + MOST_BYTES,) * 2)
    disk = FailingDisk(by.place, by.error, once=by.once)
    if by.point:
        kill_at(by.point, by.when, by.place)
    try:
        with failing(disk) if by.error else contextlib.nullcontext():
            try:
                runpy.run_module(module, run_name="__main__", alter_sys=True)
                code = 0
            except SystemExit as stop:
                code = stop.code
    except BaseException:  # which is what is looked for
        traceback.print_exc()
        code = 1
    if disk.failed:
        os.write(met, b"1")
    return code if isinstance(code, int) else int(bool(code))


def kill_at(point: str, when: str, place: int) -> None:
    """The `place`-th of its kind is the last thing that this process does, or would do next."""
    from roadcue import weights
    from roadcue.loaders.feature_store import StoreWriter

    done = 0

    def counted(whole: Callable[..., Any]) -> Callable[..., Any]:
        def one(*arguments: Any, **options: Any) -> Any:
            nonlocal done
            done += 1
            if done == place and when == "before":
                os.kill(os.getpid(), signal.SIGKILL)
            result = whole(*arguments, **options)
            if done == place:
                os.kill(os.getpid(), signal.SIGKILL)
            return result

        return one

    places: dict[str, list[tuple[Any, str]]] = {
        "rename": [(os, "rename"), (os, "replace")],
        "save": [(weights, "save_file")],
        "store": [(StoreWriter, "write")],
    }
    for owner, name in places[point]:
        setattr(owner, name, counted(getattr(owner, name)))


def _orphans(session: int) -> int:
    """How many processes of a session do not end by themselves; they are ended."""
    patience = time.monotonic() + _ENDS_S
    while left := [*_processes(session)]:
        if time.monotonic() > patience:
            for process in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)
            return len(left)
        time.sleep(0.02)
    return 0


def _threads(session: int) -> tuple[bool, float]:
    """Whether any thread of a session runs, or would if others let it; and for how many seconds all have run."""
    runs, ticks = False, 0
    for process in _processes(session):
        for thread in Path(f"/proc/{process}/task").glob("*/stat"):
            with contextlib.suppress(OSError):
                said = thread.read_text().rpartition(")")[2].split()
                runs |= said[0] in "RD"
                ticks += int(said[11]) + int(said[12])  # proc(5): utime and stime
    return runs, ticks / os.sysconf("SC_CLK_TCK")


def _processes(session: int) -> Iterator[int]:
    """Those that run, and have not ended."""
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            state, _, _, of = (folder / "stat").read_text().rpartition(")")[2].split()[:4]
            if int(of) == session and state != "Z":
                yield int(folder.name)
