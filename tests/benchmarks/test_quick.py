"""Every benchmark runs to its end, in small: what nobody runs breaks with the next change of what it calls."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from lacking import lacking
from two_nodes import missing_daemons

ROOT = Path(__file__).parents[2]
COMMANDS = sorted(path for path in (ROOT / "benchmarks").glob("*.py") if "__main__" in path.read_text())
A_RESULT_TOO = {"picture_pays": 1, "unlike_pictures": 1, "heads_against_captions": 1}
"""The exit status that says of a benchmark's claims that they do not hold: on small data they need not."""
ON_SLURM = {"preemptions"}
"""Those that `make test-slurm` runs, as they start a Slurm and take a minute of it."""
NEEDS = {"preemptions": "slurm", "real_photographs": "udacity", "ridge_floor": "udacity"}
"""The fixture that a benchmark cannot do without."""


def test_the_commands_are_found():
    assert len(COMMANDS) >= 12


@pytest.fixture
def slurm() -> None:
    if missing := missing_daemons():
        lacking(f"{', '.join(missing)}: not installed (Debian: apt-get install slurm-wlm munge)")


@pytest.mark.parametrize(
    "command",
    [pytest.param(path, id=path.stem, marks=[pytest.mark.slurm] * (path.stem in ON_SLURM)) for path in COMMANDS],
)
def test_it_runs_and_ends_with_a_number(command, tmp_path, request):
    if command.stem in NEEDS:
        request.getfixturevalue(NEEDS[command.stem])
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "HF_HUB_OFFLINE": "1",
        "ROADCUE_CACHE": str(tmp_path / "cache"),
    }
    done = subprocess.run(
        [sys.executable, command, "--quick"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    assert done.returncode in {0, A_RESULT_TOO.get(command.stem, 0)}, done.stdout + done.stderr
    assert re.search(r"\d", done.stdout.splitlines()[-1])
