"""The README does what it says: its commands are executed as written, or listed here with the reason why not."""

import contextlib
import io
import json
import os
import re
import runpy
import shlex
import shutil
import subprocess
import sys
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from main_job import exit_code
from PIL import Image
from real_photographs import udacity_folder, write_udacity_manifest
from waymo_shards import write_shards

from roadcue import eval as scoring
from roadcue import train
from roadcue.command_line import parse
from roadcue.loaders.manifest.line import OPTIONAL, REQUIRED
from roadcue.roadworld import RoadWorldSpec
from roadcue.roadworld.sidewalk.spec import SidewalkSpec
from roadcue.training.config import ExtractConfig, TrainConfig

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
SMALL_WORLD = RoadWorldSpec(4, 2, seconds=0.2, stride=1, width=160, height=178, cameras=("FRONT",))
SMALL_WALKS = SidewalkSpec(80, 16, width=160, height=120)
SMALL_AMOUNTS = {"--train": "4", "--val": "2", "--stride": "100"}
"""In the place of those by which the README draws thousands of pictures."""
# runpy warns of a module that is imported already; the help of one is the same then.
pytestmark = pytest.mark.filterwarnings("ignore:.*found in sys.modules:RuntimeWarning")

NOT_EXECUTED = {
    r"make test": "it is what runs this test",
    r"python train\.py .*--checkpoint full .*": "downloads 4.5 GB",
    r"python train\.py .*--checkpoint FOLDER .*": "needs the published checkpoint",
    r"python train\.py --sweep .*": "trains up to 24 heads; tests/journeys/test_sweep_journey.py sweeps over fewer",
    r"python eval\.py .*--submission .*": "needs the test split; tests/journeys/test_submission.py",
    r"python -m loaders\.waymo_e2e\.submission check .*": "checks what the line above it would have written",
    r"python -m training\.flamingo_sft .*": "trains for long; tests/training/test_fine_tuning.py runs it small",
    r"python -m training\.pretrain_mini.*": "trains for hours; tests/training/test_miniatures.py runs it small",
    r"python -m roadcue\.roadworld\.contact_sheet .*": "draws for long; see tests/roadworld/test_contact_sheet.py",
    r"python benchmarks/picture_pays\.py .*": "takes five minutes; tests/journeys/test_leak.py runs its parts small",
    r"(PARTS=8 )?sbatch .*": "needs a cluster; tests/slurm runs the scripts with srun and python replaced",
    r"apt-get install .*": "installs system packages, as root",
    r"slurm/one_node\.sh (start|stop)": "starts daemons, as root",
    r"export SLURM_CONF=.*": "names the settings of those daemons",
}
"""Pattern of a whole command -> why it is not executed here. The words of all of them are checked all the same."""


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.DOTALL | re.MULTILINE)


def commands() -> list[str]:
    lines = [line.split("   #")[0].strip() for block in blocks("bash") for line in block.splitlines()]
    return [re.sub(r"\s+#.*", "", line) for line in lines if line]


def executed_here() -> list[str]:
    return [one for one in commands() if not any(re.fullmatch(pattern, one) for pattern in NOT_EXECUTED)]


def made_by(target: str) -> str:
    """What `make <target>` would run."""
    said = subprocess.run(["make", "-n", target], cwd=ROOT, env=outside_make(), capture_output=True, text=True)
    assert said.returncode == 0, said.stderr
    return said.stdout


def outside_make() -> dict[str, str]:
    """The environment without what a `make test` around this test has put there."""
    return {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}


@cache
def options_of(program: str, *subcommand: str) -> frozenset[str]:
    """All that the help of a program names: a file of the repository, or a module, or what one of its words does."""
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(io.StringIO()) as said:
        patch.setattr(sys, "argv", [program, *subcommand, "--help"])
        with contextlib.suppress(SystemExit):
            if program.endswith(".py"):
                patch.syspath_prepend(str((ROOT / program).parent))  # as Python itself does
                runpy.run_path(str(ROOT / program), run_name="__main__")
            else:
                runpy.run_module(program, run_name="__main__")
    return frozenset(re.findall(r"--[\w.]+", said.getvalue()))


def test_no_reason_outlives_its_command():
    assert len(commands()) > 15
    for pattern in NOT_EXECUTED:
        assert any(re.fullmatch(pattern, one) for one in commands()), pattern


@pytest.mark.parametrize("command", commands())
def test_every_word_of_a_command_is_known(command: str):
    words = shlex.split(command)
    while "=" in words[0]:
        words = words[1:]
    if words[0] == "make":
        made_by(words[1])
    elif words[0] == "sbatch":
        script = next(word for word in words if word.startswith("slurm/"))
        config = TrainConfig if script.endswith("train_vlm.sh") else ExtractConfig
        parse(config, words[words.index(script) + 1 :])
        assert (ROOT / script).is_file()
    elif words[0] == "python":
        program = words[2] if words[1] == "-m" else words[1]
        subcommand = [word for word in words[3:4] if words[1] == "-m" and word.isalpha()]
        assert {word for word in words if word.startswith("--")} <= options_of(program, *subcommand)
    elif words[0].startswith("slurm/"):
        assert words[1] in (ROOT / words[0]).read_text()
        assert os.access(ROOT / words[0], os.X_OK)
    else:
        assert words[0] in ("apt-get", "export"), command


def test_every_number_is_filled_in():
    assert re.findall(r"\b[A-Z]+_(?:TABLE|RATIO|PARAMETERS)\b", README) == []


def test_every_file_and_option_that_is_named_exists():
    spans = re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", README, flags=re.DOTALL | re.MULTILINE))
    paths = {path for span in spans for path in re.findall(r"(?<![\w./<-])(?:\w+/)+[\w.]*|\b\w+\.py\b", span)}
    assert len(paths) > 30
    made = ("runs/", "worlds/", "my/")
    assert [path for path in sorted(paths) if not path.startswith(made) and not (ROOT / path).exists()] == []
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", README) if "://" not in link]
    assert [link for link in links if not (ROOT / link).exists()] == []
    benchmarks = [span.split() for span in spans if span.startswith("python benchmarks/")]
    for _, script, *words in benchmarks:
        assert {word for word in words if word.startswith("--")} <= options_of(script), script
    others = [span for span in spans if span.split() not in benchmarks]
    options = {option for span in others for option in re.findall(r"(?<!\S)--[\w.]+", span)}
    assert len(options) > 8
    programs = (
        "train.py",
        "eval.py",
        "roadcue.training.extraction",
        "roadcue.training.captions.fine_tuning",
        "roadcue.roadworld",
    )
    assert options <= frozenset().union(*map(options_of, programs))
    for target in re.findall(r"`make (\w+)", README):
        made_by(target)


@pytest.fixture
def place(tmp_path, monkeypatch, one_thread, golden_dir):
    """A folder to type the commands in: DIR and my/ hold data, and the default RoadWorld is a small one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ROADCUE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("roadcue.roadworld.dataset.DEFAULT", SMALL_WORLD)
    monkeypatch.setattr("roadcue.roadworld.sidewalk.dataset.DEFAULT", SMALL_WALKS)
    frames = [(f"{number:032x}-000", number + 1) for number in range(8)]
    (tmp_path / "DIR").mkdir()
    write_shards(tmp_path / "DIR", {"training_x.tfrecord": frames[:5], "val_x.tfrecord": frames[5:]})
    if not udacity_folder().is_dir() and not os.environ.get("CI"):
        pytest.skip("no real photographs to stand for your own data")
    write_udacity_manifest(udacity_folder(), tmp_path / "my", every=20)
    (tmp_path / "SENSATION").symlink_to(golden_dir / "sensation")
    return tmp_path


def execute(command: str) -> int:
    words = shlex.split(command)
    if words[1] == "train.py":
        return exit_code(train.main, *words[2:])
    if words[1] == "eval.py":
        return exit_code(scoring.main, *words[2:])
    assert words[:2] == ["python", "-m"], f"{command}: execute it or say why not"
    small = [SMALL_AMOUNTS.get(option, word) for option, word in pairwise(words)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run([sys.executable, *small], env=environment, check=False).returncode


@pytest.mark.timeout(900)
def test_the_commands_do_as_they_are_written(place: Path):
    demo = [line.removeprefix(".venv/bin/") for line in made_by("demo").splitlines() if "python" in line]
    demo = [line for line in demo if re.match(r"python (train|eval)\.py", line)]
    assert len(demo) == 2
    for command in [*demo, *(one for one in executed_here() if one != "make demo")]:
        assert execute(command) == 0, command
    assert len(list(Path("runs").iterdir())) >= 5
    for block in blocks("python"):
        exec(block, use_as_a_library())


def use_as_a_library() -> dict[str, object]:
    """The names that the README's example takes for granted."""
    return {"picture": Image.new("RGB", (640, 480), "grey"), "past": np.zeros((16, 6), np.float32)}


def test_the_line_of_a_manifest_has_its_keys():
    (block,) = blocks("json")
    line = json.loads(block)
    assert set(REQUIRED) <= line.keys() <= {*REQUIRED, *OPTIONAL}
    assert all(f"`{key}`" in README for key in OPTIONAL if key != "future")


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
