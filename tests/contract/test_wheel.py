"""The wheel puts one name there, roadcue, which works beside somebody's own models/, metrics.py and train.py."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from drawn import DrawnDataset
from fitted import fit

ROOT = Path(__file__).parents[2]
SEES_NOTHING_ELSE = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """The Python of an environment with the wheel in it, which sees this one's dependencies and no clone."""
    place = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(place)], check=True)
    python = place / "bin" / "python"
    command = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*command, str(wheel)], check=True, env={**SEES_NOTHING_ELSE, "PYTHONWARNINGS": "ignore"})
    (packages,) = place.glob("lib/python*/site-packages")
    (dependencies,) = {Path(pytest.__file__).parents[1]}
    (packages / "dependencies.pth").write_text(f"{dependencies}\n")
    return python


@pytest.fixture
def elsewhere(tmp_path):
    """A project of somebody's own, with names that RoadCue's rooms have, too."""
    folder = tmp_path / "project"
    (folder / "models").mkdir(parents=True)
    (folder / "heads").mkdir()
    for file in ("models/__init__.py", "heads/__init__.py", "metrics.py", "train.py", "training.py", "eval.py"):
        (folder / file).write_text("raise ImportError('somebody else's own module was imported')\n")
    return folder


def test_the_wheel_holds_one_name(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0].partition("-")[0] for name in names} == {"roadcue"}
    for needed in (
        "roadcue/py.typed",
        "roadcue/train.py",
        "roadcue/predict.py",
        "roadcue/heads/registry.py",
        "roadcue/models/mini/smol/model.safetensors",
        "roadcue/reports/page.html",
        "roadcue/roadworld/golden.json",
        "roadcue/training/miniatures/smol.md.jinja",
    ):
        assert needed in names, needed
    assert len(names) == len(set(names))
    assert not [name for name in names if "tests/" in name or "__pycache__" in name]


def test_an_installed_roadcue_loads_a_run_and_predicts_beside_other_peoples_modules(installed, elsewhere, drawn):
    folder = fit(drawn(head="field", epochs=1))
    (elsewhere / "picture.jpg").write_bytes(DrawnDataset("val", sequences=1).image(0, "FRONT"))
    code = (
        "import json, sys, roadcue\n"
        "run = roadcue.load(sys.argv[1])\n"
        "answer = run.predict(open('picture.jpg', 'rb').read())['field']\n"
        "print(json.dumps([roadcue.__file__, answer.to_json(), answer.sentence, roadcue.__version__]))\n"
    )
    command = [str(installed), "-c", code, str(folder.path.resolve())]
    done = subprocess.run(command, cwd=elsewhere, capture_output=True, text=True, check=False, env=SEES_NOTHING_ELSE)
    assert done.returncode == 0, done.stderr
    where, answer, sentence, _ = json.loads(done.stdout.splitlines()[-1])
    assert Path(where).is_relative_to(installed.parents[1])
    assert "probabilities" in answer
    assert sentence.startswith("Sidewalk: ")


@pytest.mark.parametrize(
    "command",
    [
        ("roadcue-train", "--help"),
        ("roadcue-eval", "--help"),
        ("roadcue-predict", "--help"),
        ("python", "-m", "roadcue.roadworld", "--help"),
        ("python", "-m", "roadcue.train", "--help"),
    ],
    ids=" ".join,
)
def test_the_installed_commands_say_their_help(installed, elsewhere, command):
    program, *words = command
    done = subprocess.run(
        [str(installed.parent / program), *words],
        cwd=elsewhere,
        capture_output=True,
        text=True,
        check=False,
        env=SEES_NOTHING_ELSE,
    )
    assert done.returncode == 0, done.stderr
    assert "usage:" in done.stdout
