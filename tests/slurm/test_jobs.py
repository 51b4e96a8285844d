"""The job scripts on a real Slurm of two nodes: preempted, requeued, killed, out of room, and nothing is lost."""

import contextlib
import json
import os
import signal
from pathlib import Path

import numpy as np
import pytest
import torch
from main_job import exit_code
from safetensors.torch import load_file
from two_nodes import Cluster

from roadcue import train
from roadcue.command_line import parse
from roadcue.roadworld import RoadWorldSpec
from roadcue.roadworld.write import write_roadworld
from roadcue.training import extraction
from roadcue.training.checkpoints import last_checkpoint
from roadcue.training.extraction_config import ExtractConfig

SMALL_WORLD = RoadWorldSpec(8, 4, seconds=2, stride=5, width=160, height=178, cameras=("FRONT",))
EPOCHS, EVERY = "16", "40"
"""128 steps, and 4 checkpoints of which nobody is asked."""
WAITING_JOB = Path(__file__).with_name("waiting_job.py")
ONE_THREAD = "--cpus-per-task=1"
"""As the run that is not interrupted: the number of threads rounds sums in its own way."""


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> Path:
    """A folder of shards of 32 + 16 frames."""
    folder = tmp_path_factory.mktemp("world") / "shards"
    write_roadworld(SMALL_WORLD, folder, workers=1)
    return folder


@pytest.fixture(scope="module")
def words(world: Path) -> list[str]:
    """What is trained, without pictures and with dropout."""
    options = {"encoder": "none", "data": "waymo_e2e", "data_dir": str(world), "epochs": EPOCHS, "batch_size": "4"}
    options |= {"waypoint.residual": "none", "waypoint.dropout": "0.2", "checkpoint_every": EVERY}
    return [word for name, value in options.items() for word in (f"--{name}", value)]


@pytest.fixture(scope="module")
def whole(words: list[str], one_thread: None, tmp_path_factory) -> Path:
    """The run that nothing has interrupted."""
    run = tmp_path_factory.mktemp("whole") / "run"
    assert exit_code(train.main, *words, "--run_dir", run) == 0
    return run


def assert_same(run: Path, whole: Path) -> None:
    """Final weights to the bit, and so every metric of them."""
    assert (run / "run.json").exists()
    names = sorted(file.relative_to(whole) for file in whole.glob("model/**/*.safetensors"))
    assert names
    for name in names:
        mine, others = load_file(run / name), load_file(whole / name)
        assert mine.keys() == others.keys()
        assert all(torch.equal(mine[key], others[key]) for key in mine), name


class Waits:
    """Jobs that wait at these steps or writes, each once, until they have been asked to go."""

    def __init__(self, folder: Path, *places: str) -> None:
        self.folder, self.words = folder, ["--plugin", str(WAITING_JOB)]
        self.variables = {"WAITING": folder, "WAITS_AT": " ".join(places)}

    def until(self, cluster: Cluster, job: str, place: str, tasks: int = 1) -> None:
        """Until all tasks of the job wait there."""
        files = [self.folder / f"{place}-{task}" for task in range(tasks)]
        cluster.wait(job, lambda: all(file.exists() for file in files))


@pytest.mark.timeout(600)  # it imports PyTorch three times, which takes minutes where others use the cores
def test_a_job_that_is_told_to_go_is_requeued_and_ends_as_if_nothing_had_happened(
    cluster: Cluster, words: list[str], whole: Path, tmp_path: Path
):
    waits = Waits(tmp_path, "step-20")
    job = cluster.submit(
        ONE_THREAD, "slurm/train_vlm.sh", *words, *waits.words, RUN_DIR=tmp_path / "run", **waits.variables
    )
    waits.until(cluster, job, "step-20")
    cluster.do("scancel", "--signal=USR1", job)
    cluster.ended(job)
    log = cluster.log(job)
    assert "goes on from the checkpoint of step 20" in log
    assert "preemption REQUEUE: USR1, then 60 s" in log
    assert f"job {job} is requeued" in log
    assert f"train_vlm {job}, start 2\n" in log
    assert_same(tmp_path / "run", whole)


def requeue(cluster: Cluster, job: str) -> None:
    cluster.do("scontrol", "requeue", job)


def preempt(cluster: Cluster, job: str) -> None:
    """By a job of more weight that wants both nodes."""
    urgent = cluster.submit("--partition=urgent", "--nodes=2", "--exclusive", "--wrap", "sleep 1")
    cluster.ended(urgent)


@pytest.mark.slurm
def test_a_job_whose_nodes_are_taken_goes_on_where_it_was(
    cluster: Cluster, words: list[str], whole: Path, tmp_path: Path
):
    """Not from the checkpoint of every 40 steps: it has had the time to write one of its own."""
    rare = ["1000" if word == EVERY else word for word in words]
    waits = Waits(tmp_path, "step-20", "step-60")
    job = cluster.submit(
        ONE_THREAD, "slurm/train_vlm.sh", *rare, *waits.words, RUN_DIR=tmp_path / "run", **waits.variables
    )
    for take, place in ((requeue, "step-20"), (preempt, "step-60")):
        waits.until(cluster, job, place)
        take(cluster, job)
    cluster.ended(job)
    log = cluster.log(job)
    assert all(f"goes on from the checkpoint of step {step}\n" in log for step in (20, 60))
    assert f"train_vlm {job}, start 3\n" in log
    assert_same(tmp_path / "run", whole)


@pytest.mark.slurm
def test_a_cancelled_job_saves_and_stays_away(cluster: Cluster, words: list[str], tmp_path: Path):
    waits = Waits(tmp_path, "step-20")
    job = cluster.submit(
        ONE_THREAD, "slurm/train_vlm.sh", *words, *waits.words, RUN_DIR=tmp_path / "run", **waits.variables
    )
    waits.until(cluster, job, "step-20")
    cluster.do("scancel", job)
    cluster.ended(job, "CANCELLED")
    cluster.wait(job, lambda: last_checkpoint(tmp_path / "run").exists())
    assert "start 2" not in cluster.log(job)
    assert cluster.field(job, "JobState") == "CANCELLED"


@pytest.mark.slurm
def test_two_ranks_on_two_nodes_lose_nothing_when_one_is_killed_and_then_both_are_told_to_go(
    cluster: Cluster, words: list[str], tmp_path: Path
):
    nodes = ["--nodes=2", ONE_THREAD, "slurm/train_vlm.sh", *words]
    waits = Waits(tmp_path, "step-50", "step-60")
    whole = cluster.submit(*nodes, RUN_DIR=tmp_path / "whole")
    hurt = cluster.submit(*nodes, *waits.words, RUN_DIR=tmp_path / "hurt", **waits.variables)
    waits.until(cluster, hurt, "step-50", tasks=2)
    os.kill(pid_of_rank(hurt, 1), signal.SIGKILL)
    cluster.ended(hurt, "FAILED")
    assert "Traceback" not in cluster.log(hurt)
    requeue(cluster, hurt)
    waits.until(cluster, hurt, "step-60", tasks=2)
    cluster.do("scancel", "--signal=USR1", hurt)
    for job in (whole, hurt):
        cluster.ended(job)
    assert "goes on from the checkpoint of step 60\n" in cluster.log(hurt)
    assert f"train_vlm {hurt}, start 3\n" in cluster.log(hurt)
    assert_same(tmp_path / "hurt", tmp_path / "whole")


def pid_of_rank(job: str, rank: int) -> int:
    """The process that trains; an error where there is none or several."""
    wanted = {f"SLURM_JOB_ID={job}", f"SLURM_PROCID={rank}", "SLURM_STEP_ID=0"}
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            trains = b"train.py" in (process / "cmdline").read_bytes().split(b"\0")
            if trains and wanted <= set((process / "environ").read_bytes().decode().split("\0")):
                found.append(int(process.name))
    (pid,) = found
    return pid


@pytest.mark.slurm
def test_a_full_disk_fails_the_job_with_the_remedy_and_it_goes_on_when_there_is_room(
    cluster: Cluster, words: list[str], whole: Path, tmp_path: Path
):
    """RLIMIT_FSIZE lets no file grow over its bound, as a quota does; srun hands it on to every task."""
    (tmp_path / "site.sh").write_text(f"source slurm/env.sh\n[[ -e {tmp_path}/room ]] || ulimit -f 16\n")
    job = cluster.submit(
        ONE_THREAD, "slurm/train_vlm.sh", *words, RUN_DIR=tmp_path / "run", ENV_FILE=tmp_path / "site.sh"
    )
    cluster.ended(job, "FAILED")
    assert "cannot be written" in cluster.log(job)
    assert "--resume auto goes on" in cluster.log(job)
    (tmp_path / "room").touch()
    requeue(cluster, job)
    cluster.ended(job)
    assert_same(tmp_path / "run", whole)


@pytest.mark.slurm
def test_an_extraction_of_two_nodes_goes_on_with_what_is_left(
    cluster: Cluster, world: Path, one_thread: None, tmp_path: Path
):
    options = ["--encoder", "smol", "--data", "waymo_e2e", "--data_dir", str(world), "--encode_batch", "1"]
    options += ["--workers", "0", "--store_dir"]
    waits = Waits(tmp_path, "write-10")
    script = ["--array=0", "--nodes=2", ONE_THREAD, "slurm/extract_features.sh", *waits.words, *options]
    job = cluster.submit(*script, tmp_path / "told", **waits.variables)
    waits.until(cluster, job, "write-10", tasks=2)
    cluster.do("scancel", "--signal=USR1", job)
    cluster.wait(job, lambda: cluster.field(job, "JobState") != "RUNNING")
    assert sum(progress(tmp_path / "told")) == 20
    extraction.main(parse(ExtractConfig, [*options, str(tmp_path / "whole")])[0])
    cluster.ended(job)
    one, other = (features(tmp_path / name) for name in ("whole", "told"))
    assert (len(one), len(other)) == (1, 2)
    np.testing.assert_array_equal(one[0], np.concatenate(other))


def progress(root: Path) -> list[int]:
    """Of every row of the one store below `root`, whether it is written."""
    return [int(row) for file in root.glob("*/*/rows-*/progress.npy") for row in np.load(file)]


def features(root: Path) -> list[np.ndarray]:
    """Of every part of the one store below `root`, which is done."""
    (done,) = root.glob("*/*/DONE")
    return [np.load(file) for file in sorted(done.parent.glob("rows-*/features.npy"))]


@pytest.mark.slurm
def test_an_ablation_ends_with_its_table_and_a_run_can_be_scored(cluster: Cluster, words: list[str], tmp_path: Path):
    short = ["2" if word == EPOCHS else word for word in words]
    typed = ["slurm/ablation.sh", *short, "--sweep", "lr=1e-3,1e-2", "--run_dir", tmp_path / "sweep"]
    said = cluster.do(*typed, NAME="lr", LOG_DIR=tmp_path)
    table = said.rpartition("by job ")[2]
    cluster.ended(table)
    results = json.loads((tmp_path / "sweep/sweep.json").read_text())
    assert len(results["runs"]) == 2
    job = cluster.submit(ONE_THREAD, "slurm/eval.sh", "--run", tmp_path / "sweep/lr=1e-3-seed0", "--resamples", "100")
    cluster.ended(job)
    assert (tmp_path / "sweep/lr=1e-3-seed0/metrics.json").exists()
