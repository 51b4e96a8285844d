"""Naming the library costs nothing: what an import of roadcue, its help and its load bring with them."""

import subprocess
import sys
from pathlib import Path

import pytest
from fitted import fit

ROOT = Path(__file__).parents[2]
HEAVY = {
    "torch",
    "numpy",
    "transformers",
    "lightning",
    "torchmetrics",
    "matplotlib",
    "cv2",
    "pyarrow",
    "rich",
    "jinja2",
}


def modules_after(code: str, *words: str) -> set[str]:
    """The top-level modules that are loaded when `code` has run in a new process."""
    script = f"import sys\n{code}\nprint('MODULES', *{{name.split('.')[0] for name in sys.modules}})"
    done = subprocess.run(
        [sys.executable, "-c", script, *words], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.splitlines()[-1].split()[1:])


def test_import_roadcue_brings_nothing_heavy():
    loaded = modules_after("import roadcue\nassert roadcue.__version__ and callable(roadcue.load)")
    assert not HEAVY & loaded


@pytest.mark.parametrize("command", ["train", "eval", "predict"])
def test_help_brings_no_torch(command):
    code = (
        f"from roadcue import {command}\nimport contextlib, io\n"
        f"with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()):\n"
        f"    {command}.main(['--help'])"
    )
    assert not {"torch", "numpy", "transformers", "lightning", "pyarrow"} & modules_after(code)


def test_load_brings_no_training_loop(drawn):
    folder = fit(drawn(head="waypoint,field,cue", epochs=1))
    loaded = modules_after("import roadcue\nroadcue.load(sys.argv[1])", str(folder.path.resolve()))
    assert "torch" in loaded
    assert not {"torchmetrics", "lightning", "matplotlib"} & loaded


def test_an_unknown_name_is_an_attribute_error():
    import roadcue

    with pytest.raises(AttributeError, match="has no attribute 'laod'"):
        roadcue.laod  # noqa: B018
