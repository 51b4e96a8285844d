"""Seconds until the library is imported in a fresh process, against what could not be quicker.

    python benchmarks/import_roadcue.py [--repeats N]

`import roadcue` names the library and imports nothing heavy: its reference is Python's own start, `pass`. The rest is
imported by `roadcue.load`; here, what a run of the default encoder and head needs, beside `import torch`.
Library and reference take turns, so that what slows the machine slows both; the first turn is not counted.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

from ratio_lines import print_ratios

NEEDED = ("roadcue.inference.run", "roadcue.models.smol.encoder", "roadcue.heads.waypoint.head")
REFERENCES = {
    "import_roadcue": ("import roadcue", "pass"),
    "import_roadcue_for_load": ("import " + ", ".join(NEEDED), "import torch"),
}
"""The name of a ratio -> what is measured, and what beside it."""


def seconds(code: str) -> float:
    """Wall time of a fresh Python, from its start to its end."""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=11)
    parser.add_argument("--quick", action="store_true", help="small sizes: the numbers then mean nothing")
    options = parser.parse_args()
    if options.quick:
        options.repeats = 1
    ratios = {}
    for name, (code, reference) in REFERENCES.items():
        rounds = [(seconds(code), seconds(reference)) for _ in range(options.repeats + 1)][1:]
        ours, bare = (statistics.median(times) for times in zip(*rounds, strict=True))
        print(f"{code}: {ours:.3f} s, {reference}: {bare:.3f} s, medians of {options.repeats}")
        ratios[name] = ours / bare
    print_ratios("`pass` for the first, `import torch` for the other", ratios)


if __name__ == "__main__":
    main()
