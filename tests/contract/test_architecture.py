"""What import-linter cannot say: rooms have one name, and nothing imports TensorFlow."""

import ast
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROOMS = (
    *("models", "heads", "prompts", "loaders", "roadworld", "metrics"),
    *("training", "evaluation", "inference", "reports", "roadcue"),
)


def imported(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name.split(".")[0] for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.split(".")[0]


def test_rooms_are_imported_by_the_one_name_and_tensorflow_is_not():
    files = [path for room in (*ROOMS, "tests", "benchmarks") for path in (ROOT / room).rglob("*.py")]
    assert len(files) > 300
    others = {"train", "eval", "predict", "tensorflow", "waymo_open_dataset", *ROOMS} - {"roadcue"}
    for path in files:
        if path.parent != ROOT / "tests" / "parity":  # which compares with TensorFlow, in a place of its own
            assert not others & set(imported(path)), path


def test_everything_loads_where_tensorflow_cannot():
    code = (
        "import sys; sys.modules['tensorflow'] = None\n"
        "import roadcue, roadcue.training.heads.fitting, roadcue.evaluation.run\n"
        "import roadcue.loaders.waymo_e2e, roadcue.roadworld.dataset"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr


def test_the_slow_protobuf_backend_is_refused_with_the_remedy():
    environment = {**os.environ, "PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION": "python"}
    command = [sys.executable, "train.py", "--data", "waymo_e2e", "--data_dir", "anywhere"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, env=environment)
    assert done.returncode == 2
    assert done.stderr.startswith("error: protobuf runs on its slow 'python' backend")
    assert "Unset the environment variable PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION" in done.stderr
