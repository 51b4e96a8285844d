"""README and docs do what they say: their commands are executed as written, or listed here with a reason why not."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import replace
from importlib import import_module
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from fake_hub import fake_hub
from films import write_film
from main_job import exit_code
from pages import (
    ROOT,
    all_commands,
    blocks,
    commands,
    made_by,
    outside_make,
    pages,
    unknown_options,
    words_of,
)
from PIL import Image
from udacity_drive import write_udacity_manifest
from waymo_shards import write_shards

from roadcue.command_line import parse
from roadcue.evaluation.config import EvalConfig
from roadcue.heads.registry import HEADS
from roadcue.roadworld import RoadWorldSpec
from roadcue.roadworld.sidewalk.spec import SidewalkSpec
from roadcue.roadworld.sidewalk.write import write_sidewalk
from roadcue.training.config import TrainConfig
from roadcue.training.extraction_config import ExtractConfig

CONFIG_OF = {
    "slurm/train_vlm.sh": TrainConfig,
    "slurm/ablation.sh": TrainConfig,
    "slurm/extract_features.sh": ExtractConfig,
    "slurm/eval.sh": EvalConfig,
}
"""Whose arguments those of a job's script are."""
SMALL_WORLD = RoadWorldSpec(4, 2, seconds=0.2, stride=1, width=160, height=178, cameras=("FRONT",))
SMALL_WALKS = SidewalkSpec(160, 16, width=160, height=120)
SMALL_AMOUNTS = {"--train": "4", "--val": "2", "--stride": "100"}
"""In the place of those by which the pages draw thousands of pictures."""
SHORT = {
    r"python train\.py (?!.*--epochs).*--head caption .*": ("--epochs", "1"),
    r"python train\.py .*--caption\.\w+ .*": ("--limit", "16"),
}
"""What is added to a command that trains a language model ten times over all pictures."""
# runpy warns of a module that is imported already; the help of one is the same then.
pytestmark = pytest.mark.filterwarnings("ignore:.*found in sys.modules:RuntimeWarning")

NOT_EXECUTED = {
    r"make demo": "the test below executes its commands, small, and a slow one all of it",
    r"make test": "it is what runs this test",
    r"make test-slurm": "starts a Slurm, and takes minutes",
    r"make captions": "takes up to an hour; tests/benchmarks runs it small",
    r"source \.venv/bin/activate": "this test runs in an environment already",
    r"make parity": "builds environments of half a gigabyte each; tests/parity",
    r"make schema": "writes into the repository",
    r"\.venv/bin/python -m pytest .*": "runs other tests",
    r"python train\.py --help": "shows what the tests of words read for every page",
    r"python train\.py .*--checkpoint full .*": "downloads 4.5 GB",
    r"python train\.py .*--checkpoint FOLDER .*": "needs the published checkpoint",
    r"python train\.py .*--checkpoint Qwen/.*": "downloads 4 GB; tests/journeys/test_any_vlm.py trains a tiny one",
    r"python eval\.py .*--clip openai/.*": "downloads 0.6 GB; tests/evaluation/test_caption_pictures.py",
    r"python train\.py .*--from runs/.*": "encodes pictures in every step; tests/journeys/test_stage_two.py",
    r"python -m roadcue\.loaders\.stores.*": "lists and removes stores; tests/loaders/test_stores.py",
    r"python -m roadcue\.training\.merge .*": "of a run of a stage two; tests/training/test_merge.py",
    r"python eval\.py --run runs/lora .*": "scores what the line above it would have left; the same test does",
    r"python train\.py --head caption .*--sweep .*": "trains two captioners; tests/evaluation/test_caption_sweep.py",
    r"python train\.py --sweep .*": "trains up to 24 heads; tests/journeys/test_sweep_journey.py sweeps over fewer",
    r"python train\.py --seeds .*": "trains five heads; tests/training/test_sweep.py trains two",
    r"python eval\.py .*--predictions other_model\.jsonl .*": "two runs; tests/evaluation/test_answer_comparison.py",
    r"python \w+\.py .*runs/(smol_lora|lora|qlora)\b.*": "tests/training/test_adapted_captions.py, of fewer pictures",
    r"python \w+\.py .*runs/clips.*": "drives with earlier frames; tests/journeys/test_clips_of_drives.py",
    r"python eval\.py --run runs/five.*": "scores them; tests/evaluation/test_seed_groups.py",
    r"python eval\.py .*--submission .*": "needs the test split; tests/journeys/test_submission.py",
    r"python -m roadcue\.loaders\.waymo_e2e\.submission check .*": "checks what the line above it would have written",
    r"python -m roadcue\.training\.miniatures.*": "trains for hours; tests/training/test_miniatures.py runs it small",
    r"python -m roadcue\.roadworld\.contact_sheet .*": "draws for long; tests/roadworld/test_contact_sheet.py",
    r"python benchmarks/(picture_pays|real_photographs|pair_probe|ridge_floor)\.py .*": "minutes; run small by tests",
    r"benchmarks/record\.sh.*": "takes hours, and some minutes with --quick; tests/docs/test_record_script.py",
    r"(PARTS=8 )?sbatch .*": "needs a cluster; tests/slurm runs the scripts on one",
    r"slurm/ablation\.sh .*": "is typed on a cluster; tests/slurm runs it there",
    r"torchrun .*": "starts four processes; tests/training/test_ranks.py starts two",
    r"hf download .*": "downloads 4.5 GB",
    r"source slurm/env\.sh": "sets variables for sbatch",
    r"apt-get install .*": "installs system packages, as root",
    r"slurm/two_nodes\.sh (start|stop)": "starts daemons, as root",
    r"export SLURM_CONF=.*": "names the settings of those daemons",
}
"""Pattern of a whole command -> why it is not executed here. The words of all of them are checked all the same."""


def is_executed(command: str) -> bool:
    return not any(re.fullmatch(pattern, command) for pattern in NOT_EXECUTED)


def test_no_reason_outlives_its_command():
    assert len(all_commands()) > 40
    for pattern in NOT_EXECUTED:
        assert any(re.fullmatch(pattern, one) for one in all_commands()), pattern


@pytest.mark.parametrize("command", all_commands())
def test_every_word_of_a_command_is_known(command: str):
    words = words_of(command)
    if words[0] == "make":
        made_by(words[1])
    elif words[0] == "sbatch":
        script = next(word for word in words if word.startswith("slurm/"))
        parse(CONFIG_OF[script], words[words.index(script) + 1 :])
        assert (ROOT / script).is_file()
    elif "--plugin" in words:
        assert is_executed(command)  # what words there are, only the plugin knows
    elif words[0] == "python":
        assert unknown_options(words) == set()
    elif words[0] == "torchrun":
        parse(TrainConfig, words[words.index("train.py") + 1 :])
    elif words[0] in CONFIG_OF:
        parse(CONFIG_OF[words[0]], words[1:])
    elif words[0].endswith(".sh"):
        assert all(word in (ROOT / words[0]).read_text() for word in words[1:])
        assert os.access(ROOT / words[0], os.X_OK)
    else:
        assert words[0] in ("apt-get", "export", "source", "hf", ".venv/bin/python"), command


@pytest.fixture
def place(tmp_path, monkeypatch, one_thread, golden_dir, udacity):
    """A folder to type the commands in: DIR and my/ hold data, and what is drawn by default is small.

    A head that a page registers is gone afterwards.
    """
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ROADCUE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("roadcue.roadworld.dataset.DEFAULT", SMALL_WORLD)
    monkeypatch.setattr("roadcue.roadworld.dataset.DEFAULT_SIDEWALK", SMALL_WALKS)
    monkeypatch.setattr(HEADS, "_own", dict(HEADS._own))
    frames = [(f"{number:032x}-000", number + 1) for number in range(8)]
    (tmp_path / "DIR").mkdir()
    write_shards(tmp_path / "DIR", {"training_x.tfrecord": frames[:5], "val_x.tfrecord": frames[5:]})
    write_udacity_manifest(udacity, tmp_path / "my", every=20)
    (tmp_path / "my/front").mkdir()
    write_film(tmp_path / "my/walk.mp4", range(0, 1000, 40))
    (tmp_path / "my/labels.csv").write_text(blocks(ROOT / "docs/own_data.md", "csv")[0])
    (tmp_path / "my/poses.csv").write_text(blocks(ROOT / "docs/predictions.md", "csv")[0])
    for number in range(1, 5):
        Image.new("RGB", (64, 48), "grey").save(tmp_path / f"my/front/{number:03}.jpg")
    (tmp_path / "SENSATION").symlink_to(golden_dir / "sensation")
    (tmp_path / "pictures").mkdir()
    for name in ("a", "b"):
        Image.new("RGB", (640, 480), "grey").save(tmp_path / "pictures" / f"{name}.jpg")
    write_sidewalk(replace(SMALL_WALKS, train=24, val=0, seed=1), tmp_path / "my_camera", workers=1)
    fake_hub(monkeypatch, tmp_path / "hub")
    return tmp_path


def execute(command: str) -> int:
    words = shlex.split(command)
    if words[1] in ("train.py", "eval.py", "predict.py"):
        more = [word for pattern, added in SHORT.items() if re.fullmatch(pattern, command) for word in added]
        return exit_code(import_module(f"roadcue.{words[1][:-3]}").main, *words[2:], *more)
    assert words[:2] == ["python", "-m"], f"{command}: execute it or say why not"
    small = [SMALL_AMOUNTS.get(option, word) for option, word in pairwise(words)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run([sys.executable, *small], env=environment, check=False).returncode


@pytest.mark.timeout(900)
def test_the_commands_do_as_they_are_written(place: Path):
    """Page after page, each command once; all that fail are named, not only the first."""
    demo = [line.removeprefix(".venv/bin/") for line in made_by("demo").splitlines() if "python" in line]
    demo = [line for line in demo if re.match(r"python (train|eval)\.py", line)]
    assert len(demo) == 2
    failed = [command for command in demo if execute(command) != 0]
    done = set()
    for page in pages():
        for block in blocks(page, "python"):
            if name := file_named_in(block):
                Path(name).write_text(block)
        for command in commands(page):
            if is_executed(command) and command not in done:
                done.add(command)
                failed += [f"{page.name}: {command}"] if execute(command) != 0 else []
        for block in blocks(page, "python"):
            if not file_named_in(block):
                exec(block, use_as_a_library())
    assert failed == []
    assert len(list(Path("runs").iterdir())) >= 10
    answers = [json.loads(line) for line in Path("runs/answers.jsonl").read_text().splitlines()]
    assert len(answers) == 2
    assert all({"id", "field", "cue"} <= answer.keys() for answer in answers)


def file_named_in(block: str) -> str | None:
    """A block of Python that begins with a file's name is that file, for the page's commands to read."""
    named = re.match(r"# (\w+\.py)\n", block)
    return named[1] if named else None


def use_as_a_library() -> dict[str, object]:
    """The names that the examples take for granted."""
    return {"picture": Image.new("RGB", (640, 480), "grey"), "past": np.zeros((16, 6), np.float32)}


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_make_demo_in_a_copy_of_the_repository(tmp_path: Path):
    """All but the installation, which the environment of this test stands for; it is the README's first command."""
    copy = tmp_path / "roadcue"
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    names = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    for name in filter(None, names):
        if (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, copy / name)
    (copy / ".venv").mkdir()
    for part in ("bin", "lib", "pyvenv.cfg"):
        (copy / ".venv" / part).symlink_to(Path(sys.prefix) / part)
    (copy / ".venv/installed").touch()
    environment = {**outside_make(), "ROADCUE_CACHE": str(tmp_path / "cache")}
    made = subprocess.run(["make", "demo"], cwd=copy, env=environment, capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    assert "pip install" not in made.stdout
    table = made.stdout.partition("Displacement against the log")[2]
    names = (
        "waypoint",
        "waypoint without features",
        "ridge",
        "constant velocity",
        "constant turn rate",
        "stand still",
    )
    metrics = json.loads((copy / "runs/demo/metrics.json").read_text())
    assert {method["name"] for method in metrics["methods"]} == set(names)
    for name in names:
        assert all(word in table for word in name.split()), name
    assert (copy / "runs/demo/report.html").stat().st_size > 100_000
