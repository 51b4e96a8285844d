"""benchmarks/record.sh: sound shell, commands that exist, and steps that are done once."""

import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from lacking import lacking
from pages import ROOT, unknown_options

SCRIPT = ROOT / "benchmarks" / "record.sh"
# runpy warns of a module that is imported already; the help of one is the same then.
pytestmark = pytest.mark.filterwarnings("ignore:.*found in sys.modules:RuntimeWarning")


@pytest.fixture
def record(tmp_path: Path):
    """Runs the script with a Python that only says what it is given; it fails when a word of its matches FAIL."""
    fake = tmp_path / "python"
    fake.write_text(
        f'#!/bin/bash\n[[ -n ${{FAIL:-}} && "$*" == *$FAIL* ]] && exit 3\necho "python $*" >> "{tmp_path}/said"\n'
        '[[ " $* " == *" --sweep "* ]] && mkdir -p "${@: -1}"/waypoint.kind={unicycle,mlp,modes},'
        "waypoint.residual={none,ego}-seed0\nexit 0\n"
    )
    fake.chmod(0o755)

    def run(*words: str, **environment: str) -> tuple[int, list[str]]:
        (tmp_path / "said").write_text("")
        settings = {"RECORD_DIR": str(tmp_path / "record"), "PYTHON": str(fake)}
        settings |= {"SENSATION_DIR": "texts", "REAL_DIR": "photographs"}
        done = subprocess.run([SCRIPT, *words], env={**os.environ, **settings, **environment}, capture_output=True)
        return done.returncode, (tmp_path / "said").read_text().splitlines()

    return run


def test_bash_parses_it_and_shellcheck_finds_nothing():
    subprocess.run(["bash", "-n", SCRIPT], check=True)
    if shutil.which("shellcheck") is None:
        lacking("shellcheck is not installed (Debian: apt-get install shellcheck)")
    done = subprocess.run(["shellcheck", "-x", SCRIPT], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("words", [(), ("--quick",)])
def test_every_command_is_one_that_there_is(record, words):
    code, commands = record(*words)
    assert code == 0
    assert len(commands) > 20
    for command in commands:
        assert unknown_options(shlex.split(command)) == set(), command


def test_quick_takes_the_same_steps(record, tmp_path):
    steps = []
    for words in ((), ("--quick",)):
        folder = tmp_path / f"record{len(words)}"
        record(*words, RECORD_DIR=str(folder))
        steps.append({stamp.stem for stamp in folder.glob("*.done")})
    assert steps[0] - steps[1] == set()
    assert all(step.startswith("quick-") for step in steps[1] - steps[0])


def test_it_stops_where_a_step_fails_and_goes_on_there(record, tmp_path):
    code, first = record("--quick", FAIL="--head field,cue")
    assert code == 3
    assert not (tmp_path / "record" / "walk.done").exists()
    code, second = record("--quick")
    assert code == 0
    assert re.search(r"train\.py .*--head field,cue", second[0])
    code, third = record("--quick")
    assert (code, third) == (0, [])
    assert first


def test_a_loop_within_a_step_stops_it_too(record, tmp_path):
    code, _ = record("--quick", FAIL="residual=none-seed0")
    assert code == 3
    assert not (tmp_path / "record" / "heads-raters.done").exists()


def test_other_words_are_refused(record):
    assert record("--fast") == (2, [])
