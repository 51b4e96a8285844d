"""Processes that work for another one end with it, however it ends."""

import os
import subprocess
import sys
import time
from pathlib import Path

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
