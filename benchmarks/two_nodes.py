"""A Slurm of two nodes on this machine, started and ended by slurm/two_nodes.sh, and its commands."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[1]
PATIENCE_S = 300.0
"""For what takes seconds: where others use the cores a start of Python alone takes a minute or two."""


class Cluster:
    """Slurm's commands, called in the repository, in an environment that leads them to the two nodes."""

    def __init__(self, folder: Path, grace: int = 60) -> None:
        """Nothing is started yet; `grace` seconds are what a job has that is preempted."""
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith(("SLURM_", "SBATCH_"))
        }
        ports = {"TWO_NODES_DIR": str(folder), "TWO_NODES_PORT": str(free_ports(3)), "TWO_NODES_GRACE": str(grace)}
        ours = {"PYTHONPATH": f"{ROOT}:{os.environ.get('PYTHONPATH', '')}", "VENV": sys.prefix, "HF_HUB_OFFLINE": "1"}
        self.folder = folder
        self.environment = {**environment, **ports, **ours, "SLURM_CONF": str(folder / "slurm.conf")}

    def do(self, *command: object, **variables: object) -> str:
        """What a command prints; an AssertionError with all that it said when it fails."""
        environment = {**self.environment, **{name: str(value) for name, value in variables.items()}}
        words = [str(word) for word in command]
        done = subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=PATIENCE_S)
        assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
        return done.stdout.strip()

    def submit(self, *words: object, **variables: object) -> str:
        """The number of a job; its log is `log(number)`."""
        return self.do("sbatch", "--parsable", f"--output={self.folder}/%x-%j.log", *words, **variables)

    def log(self, job: str) -> str:
        """All that a job has said so far, in all its starts."""
        return "".join(file.read_text(errors="replace") for file in self.folder.glob(f"*-{job}.log"))

    def field(self, job: str, name: str) -> str:
        """One field of `scontrol show job`."""
        words = self.do("scontrol", "show", "job", "-o", job).split()
        return next(word.partition("=")[2] for word in words if word.startswith(f"{name}="))

    def wait(self, job: str, done: Callable[[], bool], seconds: float = PATIENCE_S) -> None:
        """Until `done()`; an AssertionError with the job's log when that takes too long."""
        end = time.monotonic() + seconds
        while not done():
            if time.monotonic() > end:
                raise AssertionError(f"{self.do('scontrol', 'show', 'job', job)}\n{self.log(job)}")
            time.sleep(0.1)

    def ended(self, job: str, state: str = "COMPLETED", seconds: float = PATIENCE_S) -> None:
        """Until the job has ended for good; an AssertionError unless in this `state`."""
        ends = ("COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL", "OUT_OF_MEMORY")
        self.wait(job, lambda: self.field(job, "JobState") in ends, seconds)
        assert self.field(job, "JobState") == state, self.log(job)


@contextmanager
def started(grace: int = 60) -> Iterator[Cluster]:
    """Two nodes in a folder of their own; they, all their jobs and the folder are gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="roadcue-slurm-")) / "two"  # a socket's path has to be short
    nodes = Cluster(folder, grace)
    try:
        nodes.do("slurm/two_nodes.sh", "start")
        yield nodes
    finally:
        nodes.do("slurm/two_nodes.sh", "stop")
        shutil.rmtree(folder.parent)


def missing_daemons() -> list[str]:
    """Those of Slurm that are not installed; they lie where users' commands need not."""
    path = f"{os.environ['PATH']}:/usr/sbin"
    return [daemon for daemon in ("munged", "slurmctld", "slurmd") if shutil.which(daemon, path=path) is None]


def free_ports(count: int) -> int:
    """The first of so many ports on end that nobody listens on."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            first: int = probe.getsockname()[1]
        try:
            for port in range(first, first + count):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", port))
        except OSError:
            continue
        return first
