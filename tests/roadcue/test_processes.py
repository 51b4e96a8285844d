"""Processes that work for another one end with it, however it ends."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = """
import os, sys, time
from pathlib import Path
from roadcue.processes import in_processes

def sleep(folder):
    (Path(folder) / str(os.getpid())).touch()
    time.sleep(120)

if __name__ == "__main__":
    list(in_processes(sleep, [(sys.argv[1],)] * 2, 2))
"""


def is_running(pid: int) -> bool:
    """Whether there is such a process that has not ended: nobody may have collected one that has."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def test_they_end_when_the_one_that_started_them_is_killed(tmp_path):
    script, begun = tmp_path / "script.py", tmp_path / "begun"
    script.write_text(SCRIPT)
    begun.mkdir()
    parent = subprocess.Popen([sys.executable, script, begun], env={**os.environ, "PYTHONPATH": str(ROOT)})
    deadline = time.monotonic() + 60
    while len(list(begun.iterdir())) < 2 and time.monotonic() < deadline:
        time.sleep(0.1)
    workers = [int(file.name) for file in begun.iterdir()]
    assert len(workers) == 2
    parent.kill()
    parent.wait()
    while any(map(is_running, workers)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not any(map(is_running, workers))


COUNTED = """
import signal, sys, time
from pathlib import Path
from roadcue.errors import exit_code
from roadcue.roadworld.drawing import Job, draw_missing

signal.signal(signal.SIGINT, signal.default_int_handler)  # what a shell runs behind itself ignores it

def draw(folder, number):
    time.sleep(0.1)
    (Path(folder) / str(number)).touch()
    if sys.argv[2] == "fails" and number == 0:
        raise ValueError("the first one")

if __name__ == "__main__":
    jobs = [Job(Path(sys.argv[1]) / str(number), 1, (sys.argv[1], number)) for number in range(400)]
    sys.exit(exit_code(lambda: draw_missing("drawing", draw, jobs, 2)))
"""


def started(tmp_path, how):
    """A process that has 400 files made by two others, and the folder that they go to."""
    script, made = tmp_path / "script.py", tmp_path / "made"
    script.write_text(COUNTED)
    made.mkdir()
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    words = [sys.executable, script, made, how]
    return subprocess.Popen(
        words, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ), made


def test_after_an_error_the_jobs_that_wait_are_dropped(tmp_path):
    running, made = started(tmp_path, "fails")
    _, error = running.communicate(timeout=120)
    assert "ValueError: the first one" in error
    assert len(list(made.iterdir())) < 20


@pytest.mark.parametrize("kill", [os.killpg, os.kill], ids=["as a terminal does", "the first process alone"])
def test_ctrl_c_ends_all_of_them_with_a_sentence(tmp_path, kill):
    running, made = started(tmp_path, "")
    deadline = time.monotonic() + 60
    while len(list(made.iterdir())) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    kill(running.pid, signal.SIGINT)
    _, error = running.communicate(timeout=60)
    assert running.returncode == 130
    assert error.strip().endswith("error: stopped; what is drawn is kept, the same command goes on from there")
    assert "Traceback" not in error
    assert len(list(made.iterdir())) < 100
