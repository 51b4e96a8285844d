"""Every benchmark runs to its end, in small, and ends with its ratios: what nobody runs breaks unseen."""

import math
import os
import re
import resource
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from lacking import lacking
from ratio_lines import AGAINST, read_ratios
from two_nodes import missing_daemons

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "benchmarks").glob("*.py"))
COMMANDS = [path for path in FILES if '__name__ == "__main__"' in path.read_text() and path.stem != "record_tables"]
"""All but the one that measures nothing, and writes what these have measured: test_record_tables.py."""
A_RESULT_TOO = {"picture_pays": 1, "unlike_pictures": 1, "heads_against_captions": 1}
"""The exit status that says of a benchmark's claims that they do not hold: on small data they need not."""
ON_SLURM = {"preemptions"}
"""Those that `make test-slurm` runs, as they start a Slurm and take a minute of it."""
NEEDS = {
    "caption_metrics": "pycocoevalcap",
    "preemptions": "slurm",
    "real_photographs": "udacity",
    "ridge_floor": "udacity",
}
"""The fixture that a benchmark cannot do without."""
LONGEST_S = 60
"""Seconds of a processor that one may take: all together are to take two cores at most three minutes."""


def test_the_commands_are_found():
    assert len(COMMANDS) >= 23


def test_a_file_is_a_command_or_a_part_of_others():
    """What is neither would be run by nobody."""
    sources = [*FILES, *(ROOT / "tests").rglob("*.py")]
    imported = {
        name for path in sources for name in re.findall(r"^from (\w+) import", path.read_text(), re.MULTILINE)
    }
    assert {path.stem for path in FILES if '__name__ == "__main__"' not in path.read_text()} <= imported


@pytest.fixture
def slurm() -> None:
    if missing := missing_daemons():
        lacking(f"{', '.join(missing)}: not installed (Debian: apt-get install slurm-wlm munge)")


@pytest.fixture
def pycocoevalcap() -> None:
    if find_spec("pycocoevalcap") is None:
        lacking("pycocoevalcap is not installed: pip install -e '.[captions]'")


@pytest.mark.parametrize(
    "command",
    [pytest.param(path, id=path.stem, marks=[pytest.mark.slurm] * (path.stem in ON_SLURM)) for path in COMMANDS],
)
def test_it_runs_and_ends_with_its_ratios(command, tmp_path, request):
    if command.stem in NEEDS:
        request.getfixturevalue(NEEDS[command.stem])
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "HF_HUB_OFFLINE": "1",
        "ROADCUE_CACHE": str(tmp_path / "cache"),
    }
    before = _seconds_of_children()
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
    assert_ends_with_ratios(command.stem, done.stdout)
    assert _seconds_of_children() - before < LONGEST_S, "make its --quick smaller"


def assert_ends_with_ratios(benchmark: str, output: str) -> None:
    """Each `ratio NAME VALUE` once, behind a line that says against what, and nothing behind them."""
    lines, ratios = output.splitlines(), read_ratios(output)
    assert ratios, output
    assert all(re.fullmatch(rf"{benchmark}(_\w+)?", name) for name in ratios), ratios
    assert all(math.isfinite(value) for value in ratios.values()), ratios
    assert [line.split()[1] for line in lines[-len(ratios) :] if line.startswith("ratio ")] == [*ratios], output
    assert [line.startswith("ratio") for line in lines].count(True) == len(ratios) + 1, output
    assert re.fullmatch(rf"{AGAINST}\S.*:", lines[-len(ratios) - 1]), output


def _seconds_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


GOOD = "12 rows/s\nratios against the bare loop:\nratio rows 0.851\nratio rows_of_two 1.2\n"


@pytest.mark.parametrize(
    "output",
    [
        "",
        "ratio 0.85\n",
        GOOD.replace("ratios against the bare loop:\n", ""),
        GOOD.replace("the bare loop", ""),
        GOOD.replace("ratio rows 0.851", "ratio frames 0.851"),
        GOOD.replace("0.851", "nan"),
        GOOD + "done\n",
        GOOD + "ratio rows 0.9\n",
        GOOD.replace("12 rows/s", "ratio 3.1"),
    ],
)
def test_another_end_is_noticed(output):
    assert_ends_with_ratios("rows", GOOD)
    with pytest.raises(AssertionError):
        assert_ends_with_ratios("rows", output)
