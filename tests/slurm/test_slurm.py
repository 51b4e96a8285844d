"""The job scripts: sound shell, nothing of one cluster in them, and the exact commands that they start."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from lacking import lacking

from roadcue.command_line import parse
from roadcue.evaluation.config import EvalConfig
from roadcue.training.config import TrainConfig
from roadcue.training.extraction_config import ExtractConfig

ROOT = Path(__file__).parents[2]
SCRIPTS = sorted((ROOT / "slurm").glob("*.sh"))
JOB = {"SLURM_JOB_NAME": "train_vlm", "SLURM_JOB_ID": "42", "SLURM_CPUS_PER_TASK": "3"}
FAKES = {
    "python": 'printf python; printf " <%s>" "$@"; echo; env >>"$PWD/environment"',
    # Its options, and then what it starts, once for every task.
    "srun": """
printf srun; while [[ $1 == --* ]]; do printf " <%s>" "$1"; shift; done; echo
for ((task = 0; task < ${SLURM_NTASKS:-1}; task++)); do SLURM_PROCID=$task "$@"; done""",
    "sbatch": 'printf "sbatch RUNS=$RUNS" >&2; printf " <%s>" "$@" >&2; echo >&2; echo $((100 + RANDOM))',
    "scontrol": 'cat "$PWD/scontrol-$2"',
}
"""Commands that only tell what they are given."""

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
    """A folder like the repository whose commands are the fakes."""
    root = tmp_path / "a repository"
    shutil.copytree(ROOT / "slurm", root / "slurm")
    (root / "train.py").touch()
    (root / ".venv/bin").mkdir(parents=True)
    (root / ".venv/bin/activate").write_text('PATH="$PWD/.venv/bin:$PATH"\n')
    for command, does in FAKES.items():
        (root / ".venv/bin" / command).write_text(f"#!/bin/bash\n{does}\n")
        (root / ".venv/bin" / command).chmod(0o755)
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


def step(job: subprocess.CompletedProcess[str]) -> list[str]:
    """The command of each task of the job's one step."""
    assert job.returncode == 0, job.stderr
    lines = job.stdout.splitlines()
    started = lines.index("srun <--kill-on-bad-exit=1> <--wait=60>")
    return lines[started + 1 :]


def test_training_passes_every_argument_on(repository: Path):
    job = submit(repository, "train_vlm.sh", "--encoder", "smol", "--head", "waypoint", "--data_dir", "two words")
    assert step(job) == [
        "python <train.py> <--run_dir> <runs/train_vlm-42> <--resume> <auto> "
        "<--encoder> <smol> <--head> <waypoint> <--data_dir> <two words>"
    ]


def test_a_run_folder_among_the_arguments_is_given_once(repository: Path):
    job = submit(repository, "train_vlm.sh", "--run_dir=runs/mine", "--resume", "no")
    assert step(job) == ["python <train.py> <--run_dir=runs/mine> <--resume> <no>"]


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
    (command,) = step(submit(repository, "train_vlm.sh", VENV="elsewhere", RUN_DIR="runs/mine"))
    assert command.startswith("python <train.py> <--run_dir> <runs/mine>")
    (repository / "site.sh").write_text(
        "VENV=elsewhere\nMODULES='cuda/13 python'\nmodule() { echo module \"$@\"; }\n"
    )
    job = submit(repository, "train_vlm.sh", ENV_FILE="./site.sh", HF_HUB_OFFLINE="0")
    assert len(step(job)) == 1
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


@pytest.mark.parametrize(("jobs", "tasks"), [(1, 1), (2, 1), (1, 4), (3, 2)])
def test_an_array_of_many_tasks_encodes_every_part_once(repository: Path, jobs: int, tasks: int):
    commands = [
        command
        for job in range(jobs)
        for command in step(
            submit(
                repository,
                "extract_features.sh",
                *("--encoder", "smol"),
                **array(job, list(range(jobs))),
                SLURM_NTASKS=str(tasks),
            )
        )
    ]
    of = jobs * tasks
    expected = "python <-m> <roadcue.training.extraction> <--part> <{}/{}> <--encoder> <smol>"
    assert commands == [expected.format(part, of) for part in range(1, of + 1)]


def test_failed_jobs_are_repeated_as_the_same_parts(repository: Path):
    job = submit(repository, "extract_features.sh", PARTS="8", SLURM_NTASKS="2", **array(5, [2, 5]))
    assert [re.findall(r"<(\d+/\d+)>", command) for command in step(job)] == [["11/16"], ["12/16"]]


@pytest.mark.parametrize("tasks", [[2, 5], [1, 2, 3, 4]])
def test_an_array_that_would_leave_parts_out_is_refused(repository: Path, tasks: list[int]):
    for task in tasks:
        job = submit(repository, "extract_features.sh", **array(task, tasks))
        assert job.returncode == 2
        assert f"use --array=0-{len(tasks) - 1}" in job.stderr
        assert "srun" not in job.stdout


def test_the_programs_understand_what_the_scripts_add(repository: Path):
    (train,) = step(submit(repository, "train_vlm.sh", "--encoder", "none"))
    config, _ = parse(TrainConfig, re.findall("<(.*?)>", train)[1:])
    assert (config.run_dir, config.resume, config.encoder) == ("runs/train_vlm-42", "auto", "none")
    (extract,) = step(submit(repository, "extract_features.sh", **array(1, [0, 1])))
    assert parse(ExtractConfig, re.findall("<(.*?)>", extract)[2:])[0].part == "2/2"
    (score,) = step(submit(repository, "eval.sh", "--run", "runs/train_vlm-42"))
    assert parse(EvalConfig, re.findall("<(.*?)>", score)[1:])[0].run == "runs/train_vlm-42"
    (part,) = step(submit(repository, "ablation.sh", "--sweep", "lr=1,2", RUNS="2", SLURM_ARRAY_TASK_ID="2"))
    assert parse(TrainConfig, re.findall("<(.*?)>", part)[1:])[0].sweep_part == "2/2"


@pytest.mark.parametrize(("runs", "jobs"), [("a", ["1"]), ("a\nb\nc", ["1", "2-3"])])
def test_an_ablation_is_a_first_run_the_others_and_a_table_behind_them(repository: Path, runs: str, jobs: list[str]):
    (repository / ".venv/bin/python").write_text(f"#!/bin/bash\nprintf '{runs}'\n")
    environment = {"PATH": f"{repository}/.venv/bin:{os.environ['PATH']}", "NAME": "lr"}
    typed = ["slurm/ablation.sh", "--sweep", "lr=1,2"]
    done = subprocess.run(typed, cwd=repository, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    *arrays, table = [line for line in done.stderr.splitlines() if line.startswith("sbatch")]
    assert [re.search("--array=(.*?)>", line)[1] for line in arrays] == jobs
    assert all(line.startswith(f"sbatch RUNS={len(runs.split())} ") for line in arrays)
    assert all("<--resume> <auto> <--run_dir> <runs/lr> <--sweep> <lr=1,2>" in line for line in (*arrays, table))
    numbers = re.findall(r"\d{3,}", done.stdout)
    assert f"<--dependency=afterany:{':'.join(numbers[:-1])}>" in table
    assert "array" not in table


def test_a_sweep_that_does_not_fit_submits_nothing(repository: Path):
    (repository / ".venv/bin/python").write_text("#!/bin/bash\necho 'error: --sweep' >&2\nexit 2\n")
    environment = {"PATH": f"{repository}/.venv/bin:{os.environ['PATH']}"}
    done = subprocess.run(["slurm/ablation.sh"], cwd=repository, env=environment, capture_output=True, text=True)
    assert (done.returncode, "sbatch" in done.stderr) == (2, False)


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"SLURM_NTASKS": "3", "SLURM_JOB_NUM_NODES": "2"}, "3 tasks do not spread evenly over 2 nodes"),
        ({"SLURM_NTASKS": "4", "SLURM_GPUS_ON_NODE": "2"}, "4 tasks and 2 GPUs on a node"),
        ({"SLURM_NTASKS": "1", "SLURM_GPUS_ON_NODE": "2"}, "1 tasks and 2 GPUs on a node"),
        ({"SLURM_NTASKS": "4", "SLURM_MEM_PER_NODE": "3000"}, "750 MB of memory for each of 4 tasks"),
        ({"SLURM_MEM_PER_CPU": "300"}, "900 MB of memory for each of 1 tasks"),
    ],
)
def test_arithmetic_that_does_not_fit_is_refused_with_the_numbers(repository: Path, variables: dict, said: str):
    job = submit(repository, "train_vlm.sh", **variables)
    assert (job.returncode, said in job.stderr, "srun" in job.stdout) == (2, True, False)


def test_what_fits_is_not_refused(repository: Path):
    sizes = {"SLURM_NTASKS": "4", "SLURM_JOB_NUM_NODES": "2", "SLURM_GPUS_ON_NODE": "2", "SLURM_MEM_PER_NODE": "2000"}
    assert len(step(submit(repository, "train_vlm.sh", **sizes))) == 4
    job = submit(repository, "eval.sh", SLURM_NTASKS="2")
    assert (job.returncode, "eval.py is one process" in job.stderr) == (2, True)


PREEMPTS = {
    "config": "KillWait                = 30 sec\nPreemptMode = REQUEUE\nPreemptType = preempt/partition_prio\n",
    "partition": "PartitionName=gpu\n   GraceTime=0 Hidden=NO\n   OverSubscribe=NO PreemptMode=REQUEUE\n",
    "job": "JobId=42 JobName=train_vlm\n   Requeue=1 Restarts=0 BatchFlag=1\n",
}


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({}, "preemption REQUEUE: TERM, then 30 s until KILL, as this partition has no grace time"),
        (
            {"partition": "GraceTime=90 PreemptMode=CANCEL"},
            "preemption CANCEL: TERM, then 90 s to write a checkpoint",
        ),
        (
            {
                "partition": "GraceTime=90 PreemptMode=REQUEUE",
                "config": "SlurmctldParameters = a,preempt_send_user_signal",
            },
            "preemption REQUEUE: USR1, then 90 s",
        ),
        ({"config": "PreemptType = preempt/none"}, "preemption none"),
        ({"partition": "PreemptMode=OFF"}, "preemption none"),
        ({"job": "Requeue=0"}, "requeue    off"),
        ({"config": ""}, "preemption unknown"),
    ],
)
def test_the_log_says_what_this_cluster_does_at_preemption(repository: Path, changed: dict[str, str], said: str):
    for name, text in {**PREEMPTS, **changed}.items():
        (repository / f"scontrol-{name}").write_text(text)
    assert said in submit(repository, "train_vlm.sh").stdout
