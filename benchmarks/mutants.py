"""How many one-line faults the tests catch: each is planted alone in a copy of the checkout, and the tests of its own
room must fail.

    python benchmarks/mutants.py                     all of mutants.yaml, some 20 minutes on two idle cores
    python benchmarks/mutants.py --only heads,loaders
    python benchmarks/mutants.py --quick             that each can be planted; the first of all is run

Mutation testing (DeMillo, Lipton and Sayward 1978) by hand: faults of the kind that people make, in words, instead of
all that a machine can think of. The reference is the copy without a fault, in which the same tests pass. Exits with 1
when less than nine tenths are caught.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import yaml
from ratio_lines import print_ratios

ROOT = Path(__file__).parents[1]
WANTED = 0.9
_LIMIT_S = 300


@dataclass(frozen=True)
class Mutant:
    """A fault in words: in `file`, `was` (which stands there once) becomes `now`; `tests` should catch it."""

    words: str
    file: str
    was: str
    now: str
    tests: tuple[str, ...]

    @property
    def room(self) -> str:
        """The folder at the top that the file is in."""
        return self.file.partition("/")[0]

    def planted(self, text: str) -> str:
        """The file's text with the fault; ValueError when its place is not there, or there twice."""
        if (times := text.count(self.was)) != 1:
            raise ValueError(f"{self.words}: {self.was!r} stands {times} times in {self.file}; mend mutants.yaml")
        return text.replace(self.was, self.now)


def mutants(only: Sequence[str] = ()) -> list[Mutant]:
    """The list of mutants.yaml, or the part of it that is in the rooms `only`."""
    entries = yaml.safe_load((ROOT / "benchmarks/mutants.yaml").read_text())
    listed = [Mutant(each["words"], each["file"], each["was"], each["is"], tuple(each["tests"])) for each in entries]
    return [mutant for mutant in listed if not only or mutant.room in only]


def main(only: str, quick: bool, processes: int) -> int:
    """Plant the faults and say which were caught; the exit status."""
    chosen = mutants([room for room in only.split(",") if room])
    for mutant in chosen:
        mutant.planted((ROOT / mutant.file).read_text())
    print(f"{len(chosen)} faults in {len({mutant.room for mutant in chosen})} rooms, each in its place", flush=True)
    if quick:
        chosen = chosen[:1]
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(processes) as pool:
        copies = [copy_of_checkout(Path(folder) / f"copy{i}") for i in range(processes)]
        tests = sorted({test for mutant in chosen for test in mutant.tests})
        shares = [tests[i::processes] for i in range(processes)]
        if failing := "\n".join(filter(None, pool.map(tests_fail, copies, shares))):
            print(f"without a fault these fail already:\n{failing}", file=sys.stderr)
            return 2
        parts = [chosen[i::processes] for i in range(processes)]
        caught = sum(sum(share) for share in pool.map(_try_all, copies, parts))
    share = caught / len(chosen)
    print(f"caught {caught} of {len(chosen)}: {share:.0%} (wanted {WANTED:.0%})")
    print_ratios("all that were planted; without a fault the same tests pass", {"mutants_caught": share})
    return int(share < WANTED)


def copy_of_checkout(folder: Path) -> Path:
    """The files that git knows, without what is built."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    return folder


def tests_fail(copy: Path, tests: Sequence[str]) -> str:
    """The first test that fails in a copy, or how else they ended; empty when all pass."""
    alone = {
        "OMP_NUM_THREADS": "1",
        "PYTHONDONTWRITEBYTECODE": "1",  # a planted line of the same length in the same second would not be seen
        "GOLDEN_DIR": os.environ.get("GOLDEN_DIR", str(ROOT.parent / "shared/golden")),
    }
    limit_s = _LIMIT_S * len(tests)
    if not tests:
        return ""
    pytest = [sys.executable, "-m", "pytest", "-x", "-q", "--tb=no", "-p", "no:cacheprovider", *tests]
    try:
        done = subprocess.run(
            pytest, cwd=copy, env={**os.environ, **alone}, capture_output=True, text=True, timeout=limit_s
        )
    except subprocess.TimeoutExpired:
        return f"still running after {limit_s} s"
    if done.returncode == 0:
        return ""
    failed = [line for line in done.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
    return failed[0].partition(" - ")[0] if failed else done.stdout[-300:] + done.stderr[-300:]


def _try_all(copy: Path, chosen: Sequence[Mutant]) -> list[bool]:
    return [_caught(copy, mutant) for mutant in chosen]


def _caught(copy: Path, mutant: Mutant) -> bool:
    """Plant one fault in the copy, run its tests, put the file back."""
    file = copy / mutant.file
    before = file.read_text()
    file.write_text(mutant.planted(before))
    try:
        failing = tests_fail(copy, mutant.tests)
    finally:
        file.write_text(before)
    print(f"{'caught  ' if failing else 'SURVIVED'} {mutant.room:<11} {mutant.words}  {failing}", flush=True)
    return bool(failing)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="rooms, separated by commas; all when empty")
    parser.add_argument("--quick", action="store_true", help="plant all, run the first")
    parser.add_argument("--processes", type=int, default=2, help="faults tried side by side, each in its own copy")
    sys.exit(main(**vars(parser.parse_args())))
