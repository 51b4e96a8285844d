"""The job scripts: sound shell, nothing of one cluster in them, and the exact commands that they start."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from lacking import lacking

from roadcue.command_line import parse
from roadcue.training.config import TrainConfig
from roadcue.training.extraction_config import ExtractConfig

ROOT = Path(__file__).parents[2]
SCRIPTS = sorted((ROOT / "slurm").glob("*.sh"))
JOB = {"SLURM_JOB_NAME": "train_vlm", "SLURM_JOB_ID": "42", "SLURM_CPUS_PER_TASK": "3"}

each_script = pytest.mark.parametrize("script", SCRIPTS, ids=[script.name for script in SCRIPTS])


@each_script
def test_bash_parses_it(script: Path):
    subprocess.run(["bash", "-n", script], check=True)


@each_script
def test_shellcheck_finds_nothing(script: Path):
    if shutil.which("shellcheck") is None:
        lacking("shellcheck is not installed (Debian: apt-get install shellcheck)")
    done = subprocess.run(["shellcheck", "-x", script], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


@each_script
def test_no_path_or_name_of_a_cluster(script: Path):
    assert not re.findall(r"(?:/home|/scratch|/fsx|/mnt|/lustre|/gpfs|/data|/opt|/root)\b", script.read_text())


@each_script
def test_a_command_stops_at_its_first_error_and_can_be_started(script: Path):
    if script.name in ("env.sh", "job.sh"):
        return
    assert "set -euo pipefail" in script.read_text()
    assert os.access(script, os.X_OK)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A folder like the repository whose srun and python only print what they are given."""
    root = tmp_path / "a repository"
    shutil.copytree(ROOT / "slurm", root / "slurm")
    (root / "train.py").touch()
    (root / ".venv/bin").mkdir(parents=True)
    (root / ".venv/bin/activate").write_text('PATH="$PWD/.venv/bin:$PATH"\n')
    for command in ("srun", "python"):
        fake = root / ".venv/bin" / command
        fake.write_text(f'#!/bin/bash\nprintf "{command}"; printf " <%s>" "$@"; echo; env >> "$PWD/environment"\n')
        fake.chmod(0o755)
    return root


def submit(
    repository: Path, script: str, *arguments: str, cwd: Path | None = None, **variables: str
) -> subprocess.CompletedProcess[str]:
    """What slurmd does: runs a copy of the script, elsewhere, in the folder that sbatch was called from."""
    copy = repository.parent / "spool" / "slurm_script"
    copy.parent.mkdir(exist_ok=True)
    shutil.copy(repository / "slurm" / script, copy)
    here = cwd or repository
    environment = {"PATH": os.environ["PATH"], "HOME": str(repository), "SLURM_SUBMIT_DIR": str(here)}
    return subprocess.run(
        ["bash", copy, *arguments], cwd=here, env=environment | JOB | variables, capture_output=True, text=True
    )


def last_line(job: subprocess.CompletedProcess[str]) -> str:
    assert job.returncode == 0, job.stderr
    return job.stdout.splitlines()[-1]


def test_training_passes_every_argument_on(repository: Path):
    job = submit(repository, "train_vlm.sh", "--encoder", "smol", "--head", "waypoint", "--data_dir", "two words")
    assert last_line(job) == (
        "srun <--kill-on-bad-exit=1> <python> <train.py> <--run_dir> <runs/train_vlm-42> <--resume> <auto> "
        "<--encoder> <smol> <--head> <waypoint> <--data_dir> <two words>"
    )


def test_a_run_folder_among_the_arguments_is_given_once(repository: Path):
    job = submit(repository, "train_vlm.sh", "--run_dir=runs/mine", "--resume", "no")
    assert last_line(job) == "srun <--kill-on-bad-exit=1> <python> <train.py> <--run_dir=runs/mine> <--resume> <no>"


def test_the_log_begins_with_the_settings(repository: Path):
    job = submit(repository, "train_vlm.sh", SLURM_JOB_PARTITION="gpu", SLURM_RESTART_COUNT="2")
    assert "job        train_vlm 42, start 3\n" in job.stdout
    assert "gpu" in job.stdout
    assert "VENV=.venv" in job.stdout
    assert "runs/train_vlm-42" in job.stdout


def test_the_step_gets_the_jobs_cpus_and_no_network(repository: Path):
    submit(repository, "train_vlm.sh")
    environment = (repository / "environment").read_text().splitlines()
    assert {"SRUN_CPUS_PER_TASK=3", "OMP_NUM_THREADS=3", "HF_HUB_OFFLINE=1", "PYTHONFAULTHANDLER=1"} <= set(
        environment
    )


def test_settings_come_from_the_environment_or_another_file(repository: Path):
    (repository / ".venv").rename(repository / "elsewhere")
    activate = repository / "elsewhere/bin/activate"
    activate.write_text(activate.read_text().replace(".venv", "elsewhere"))
    assert last_line(submit(repository, "train_vlm.sh", VENV="elsewhere", RUN_DIR="runs/mine")).startswith(
        "srun <--kill-on-bad-exit=1> <python> <train.py> <--run_dir> <runs/mine>"
    )
    (repository / "site.sh").write_text(
        "VENV=elsewhere\nMODULES='cuda/13 python'\nmodule() { echo module \"$@\"; }\n"
    )
    job = submit(repository, "train_vlm.sh", ENV_FILE="./site.sh", HF_HUB_OFFLINE="0")
    assert last_line(job).startswith("srun ")
    assert job.stdout.startswith("module load cuda/13\nmodule load python\n")


def test_what_is_missing_is_said(repository: Path):
    shutil.rmtree(repository / ".venv")
    job = submit(repository, "train_vlm.sh")
    assert (job.returncode, "make demo" in job.stderr) == (2, True)
    (repository / "train.py").unlink()
    job = submit(repository, "train_vlm.sh")
    assert (job.returncode, "run sbatch in the repository's root folder" in job.stderr) == (2, True)


def test_a_failing_step_fails_the_job(repository: Path):
    (repository / ".venv/bin/srun").write_text("#!/bin/bash\nexit 7\n")
    assert submit(repository, "train_vlm.sh").returncode == 7


def array(task: int, tasks: list[int]) -> dict[str, str]:
    """The variables of one task of a Slurm array."""
    numbers = {"ID": task, "COUNT": len(tasks), "MIN": min(tasks), "MAX": max(tasks)}
    return {f"SLURM_ARRAY_TASK_{name}": str(number) for name, number in numbers.items()}


@pytest.mark.parametrize("count", [1, 2, 5])
def test_an_array_encodes_every_part_once(repository: Path, count: int):
    lines = [
        last_line(submit(repository, "extract_features.sh", "--encoder", "smol", **array(task, list(range(count)))))
        for task in range(count)
    ]
    command = "srun <--kill-on-bad-exit=1> <python> <-m> <roadcue.training.extraction> <--part>"
    assert lines == [f"{command} <{part}/{count}> <--encoder> <smol>" for part in range(1, count + 1)]


def test_failed_tasks_are_repeated_as_the_same_parts(repository: Path):
    job = submit(repository, "extract_features.sh", PARTS="8", **array(5, [2, 5]))
    assert "<--part> <6/8>" in last_line(job)


@pytest.mark.parametrize("tasks", [[2, 5], [1, 2, 3, 4]])
def test_an_array_that_would_leave_parts_out_is_refused(repository: Path, tasks: list[int]):
    for task in tasks:
        job = submit(repository, "extract_features.sh", **array(task, tasks))
        assert job.returncode == 2
        assert f"use --array=0-{len(tasks) - 1}" in job.stderr
        assert "srun" not in job.stdout


def test_the_programs_understand_what_the_scripts_add(repository: Path):
    train = re.findall("<(.*?)>", last_line(submit(repository, "train_vlm.sh", "--encoder", "none")))
    config, _ = parse(TrainConfig, train[3:])
    assert (config.run_dir, config.resume, config.encoder) == ("runs/train_vlm-42", "auto", "none")
    extract = re.findall("<(.*?)>", last_line(submit(repository, "extract_features.sh", **array(1, [0, 1]))))
    assert parse(ExtractConfig, extract[4:])[0].part == "2/2"
