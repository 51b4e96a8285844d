"""What import-linter cannot say: no room imports the commands, and nothing imports TensorFlow."""

import ast
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROOMS = ("models", "heads", "loaders", "training", "reports", "metrics")


def imported(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name.split(".")[0] for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.split(".")[0]


def test_no_room_imports_the_commands_or_tensorflow():
    files = [path for room in ROOMS for path in (ROOT / room).rglob("*.py")]
    assert len(files) > 60
    for path in files:
        assert not {"train", "eval", "roadcue", "tensorflow", "waymo_open_dataset"} & set(imported(path)), path


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
