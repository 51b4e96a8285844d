"""Figures are drawn into files, whatever a notebook has set for its own."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
DRAWS = """
import roadcue
from matplotlib.figure import Figure
import matplotlib.pyplot, os
import roadcue.reports.figure as figure
drawn = figure.svg(Figure(), "name", "words")
assert drawn.startswith("<svg"), drawn
print("backend", os.environ.get("MPLBACKEND"))
"""


def backend(inherited: str) -> str:
    """What is left of a backend in a new process that imports roadcue, and draws."""
    done = subprocess.run(
        [sys.executable, "-c", DRAWS],
        env={"MPLBACKEND": inherited, "PATH": "", "HOME": "/nowhere", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()[-1]


def test_a_notebooks_backend_that_is_not_installed_here_stops_no_command():
    """MPLBACKEND=module://matplotlib_inline.backend_inline, which a notebook's commands inherit."""
    backend("module://matplotlib_inline.backend_inline")
    assert backend("module://no_such_package_here.backend") == "None"


def test_a_backend_that_is_there_stays():
    assert backend("module://matplotlib.backends.backend_svg") == "module://matplotlib.backends.backend_svg"
