"""Damage in every file that RoadCue reads, and kills of a training at every point where it writes; what came of each.

    python benchmarks/campaign.py --inputs 20000
    python benchmarks/campaign.py --inputs 0 --kills 100 --train "--encoder smol --head waypoint"

Damage: of each kind of file and of damage as many inputs. Each is refused with its place, read as before, or skipped
and counted; a file without checksums may give other values. A fault is anything else: a traceback, other values past
a checksum, more than 20 s.

Kills: a training is killed before or after its k-th write of a file, k = 1, 2, ..., or at a time at random, and the
same command goes on from there. A fault is a run that does not, or whose heads differ in a bit from those of a run
that was left alone, or half-written files that stay.
"""

import argparse
import hashlib
import os
import random
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from damaged_files import KINDS
from damages import DAMAGES, damaged, outcome
from ratio_lines import print_ratios

ROOT = Path(__file__).parents[1]
LONGEST_S = 20.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=20_000, help="damaged files, over all kinds")
    parser.add_argument("--kills", type=int, default=0, help="trainings that are killed and go on")
    parser.add_argument("--train", default="--encoder none --head waypoint --epochs 3", help="options of train.py")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="one input of each kind of file")
    given = parser.parse_args()
    faults, ratios = [], {}
    if given.inputs:
        each = 1 if given.quick else -(-given.inputs // (len(KINDS) * len(DAMAGES)))
        faults += damage_all(each, given.seed)
        ratios["campaign_faults_per_file"] = len(faults) / (each * len(KINDS) * len(DAMAGES))
    if given.kills and not given.quick:
        lost = kill_all(given.kills, shlex.split(given.train), given.seed)
        faults += lost
        ratios["campaign_faults_per_kill"] = len(lost) / given.kills
    for fault in faults[:20]:
        print(f"fault: {fault}")
    print(f"{len(faults)} faults")
    print_ratios("what the whole files say, and the heads of a run that was left alone", ratios)
    sys.exit(bool(faults))


def damage_all(each: int, seed: int) -> list[str]:
    """`each` inputs of every kind of file and damage; returns the faults."""
    faults, ways = [], 0
    for name, kind in KINDS.items():
        outcomes: Counter[str] = Counter()
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            kind.write(folder)
            file = folder / kind.damaged
            content, whole = file.read_bytes(), kind.read(folder)
            for damage in DAMAGES:
                for number in range(seed, seed + each):
                    file.write_bytes(damaged(content, damage, number))
                    start = time.monotonic()
                    try:
                        outcomes[outcome(kind, folder, whole)] += 1
                    except Exception as error:  # which is what is looked for
                        outcomes["fault"] += 1
                        faults.append(f"{name}, {damage}, seed {number}: {type(error).__name__}: {error!s:.200}")
                    if time.monotonic() - start > LONGEST_S:
                        faults.append(f"{name}, {damage}, seed {number}: {time.monotonic() - start:.0f} s")
                    ways += 1
        print(f"{name}: {', '.join(f'{count} {way}' for way, count in outcomes.most_common())}", flush=True)
    print(f"{ways:,} damaged files")
    return faults


def kill_all(kills: int, options: list[str], seed: int) -> list[str]:
    """Train once undisturbed, then once for each kill; returns the faults."""
    faults, draw = [], random.Random(seed)
    with tempfile.TemporaryDirectory() as place:
        start = time.monotonic()
        _trained(Path(place) / "whole", options)
        whole, seconds = _weights(Path(place) / "whole"), time.monotonic() - start
        for number in range(kills):
            run = Path(place) / f"killed{number}"
            point = ("after" if number % 2 else "before", number // 2 + 1) if number < 2 * kills // 3 else None
            died = _trained(run, options, point, draw.uniform(0, seconds))
            _trained(run, options)
            left = [str(path.relative_to(run)) for path in run.rglob("*.partial")] + [*map(str, run.glob("*.lock"))]
            at = f"{point[0]} write {point[1]}" if point else "at a time"
            named = f"kill {number} ({at}, {'died' if died else 'had ended'})"
            if not (run / "run.json").exists() or _weights(run) != whole:
                faults.append(f"{named}: its heads are not those of the run that was left alone")
            if left:
                faults.append(f"{named}: left {', '.join(left)}")
            print(f"{named}: {'gone on' if not faults else len(faults)}", flush=True)
    return faults


def _trained(
    run: Path, options: list[str], point: tuple[str, int] | None = None, seconds: float | None = None
) -> bool:
    """Train in `run`, killed at a point or else after some seconds, where these are given; returns whether it was."""
    kill = f"import campaign; campaign.kill_at{point}; " if point else ""
    code = f"{kill}from roadcue.train import script; script()"
    words = [*options, "--run_dir", str(run), "--resume", "auto"]
    path = os.pathsep.join((str(ROOT), str(ROOT / "benchmarks"), os.environ.get("PYTHONPATH", "")))
    environment = {**os.environ, "PYTHONPATH": path}
    process = subprocess.Popen([sys.executable, "-c", code, *words], env=environment, stdout=subprocess.DEVNULL)
    try:
        process.wait(None if point or seconds is None else seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    return process.returncode == -signal.SIGKILL


def kill_at(when: str, place: int) -> None:
    """The `place`-th file or folder that gets its name from now on is this process's last.

    It dies `when`, "before" that has its name, or "after".
    """
    names = 0

    def counted(rename: Callable[..., Any]) -> Callable[..., Any]:
        def named(*arguments: Any, **options: Any) -> Any:
            nonlocal names
            names += 1
            if names == place and when == "before":
                os.kill(os.getpid(), signal.SIGKILL)
            result = rename(*arguments, **options)
            if names == place:
                os.kill(os.getpid(), signal.SIGKILL)
            return result

        return named

    os.rename, os.replace = counted(os.rename), counted(os.replace)  # type: ignore[assignment]


def _weights(run: Path) -> str:
    """A hash of the heads."""
    digest = hashlib.sha256()
    for file in sorted((run / "model").rglob("*.safetensors")):
        digest.update(file.read_bytes())
    return digest.hexdigest()


if __name__ == "__main__":
    main()
