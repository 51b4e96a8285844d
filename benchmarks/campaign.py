"""Damage in every file that RoadCue reads, and whole commands that are killed or whose disk fails; what came of each.

    python benchmarks/campaign.py --inputs 20000
    python benchmarks/campaign.py --inputs 0 --kills 100
    python benchmarks/campaign.py --inputs 0 --disks 1 --commands drawing,eval

Damage: of each kind of file and of damage as many inputs. Each is refused with its place, read as before, or skipped
and counted; a file without checksums may give other values. A fault is anything else: a traceback, other values past
a checksum, more than 20 s.

Kills: a command is killed before or after its k-th rename, save or store write, k = 1, 2, ..., or at a moment at
random, and the same command goes on from there. Disks: the n-th thing that the disk is asked fails, n = 1, 2, ...,
for want of room or by a fault of its own, once or from then on, until a command meets none; then it is given again. A
fault is a traceback, a message without its place, a result that is not bit by bit what the command leaves where
nothing disturbs it, half-written files or processes that stay, more than 20 s beyond what it takes, and more than
3 GiB.
"""

import argparse
import errno
import itertools
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from damaged_files import KINDS
from damages import DAMAGES, damaged, outcome
from disturbed import LONGEST_S, Commands, Disturbance
from ratio_lines import print_ratios
from whole_commands import COMMANDS, Trial, prepare

_POINTS = ("rename", "save", "store")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=20_000, help="damaged files, over all kinds")
    parser.add_argument("--kills", type=int, default=0, help="commands that are killed and go on, over all kinds")
    parser.add_argument("--disks", type=int, default=0, help="N: every N-th thing that a disk is asked fails once")
    parser.add_argument("--commands", default=",".join(COMMANDS), help="that are disturbed (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="one input of each kind of file")
    given = parser.parse_args()
    faults, ratios = [], {}
    if given.inputs:
        each = 1 if given.quick else -(-given.inputs // (len(KINDS) * len(DAMAGES)))
        faults += damage_all(each, given.seed)
        ratios["campaign_faults_per_file"] = len(faults) / (each * len(KINDS) * len(DAMAGES))
    if (given.kills or given.disks) and not given.quick:
        found, disturbed = disturb_all(given.commands.split(","), given.kills, given.disks, given.seed)
        faults += found
        ratios["campaign_faults_per_disturbed_command"] = len(found) / disturbed
    for fault in faults[:20]:
        print(f"fault: {fault}")
    print(f"{len(faults)} faults")
    print_ratios("what the whole files say, and what commands leave that nothing disturbs", ratios)
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


def disturb_all(names: list[str], kills: int, disks: int, seed: int) -> tuple[list[str], int]:
    """So many kills over all of these commands, and disks that fail at every `disks`-th thing.

    Returns the faults, and how many commands were disturbed.
    """
    faults: list[str] = []
    total = 0
    with tempfile.TemporaryDirectory() as place, Commands(Path(place) / "cache") as commands:
        prepare(Path(place))
        for name in names:
            trial = Trial.of(name, commands, Path(place))
            disturbed, before = 0, len(faults)
            for found in itertools.chain(killed(trial, -(-kills // len(names)), seed), disks_failed(trial, disks)):
                disturbed += 1
                total += 1
                faults += found
            said = f"{trial.alone.seconds:.1f} s alone, {disturbed} times disturbed"
            print(f"{name}: {said}, {len(faults) - before} faults", flush=True)
    return faults, total


def killed(trial: Trial, times: int, seed: int) -> Iterator[list[str]]:
    """The faults of each kill: two of three at the points that there are, in turn; the third at random."""
    draw, points, turns = random.Random(seed), itertools.cycle(_POINTS), dict.fromkeys(_POINTS, 0)
    for number in range(times):
        point = next((point for point in itertools.islice(points, len(_POINTS)) if point in turns), None)
        if number % 3 == 2 or point is None:
            yield trial.faults(Disturbance(seconds=draw.uniform(0, trial.alone.seconds)))[0]
            continue
        place, after = divmod(turns[point], 2)
        found, met = trial.faults(Disturbance(point, "after" if after else "before", place + 1))
        turns[point] += 1
        if not met:
            del turns[point]
        yield found


def disks_failed(trial: Trial, step: int) -> Iterator[list[str]]:
    """The faults of each disk that fails at the 1st, (1 + `step`)-th, ... thing, until all goes well; none for 0."""
    for number, once in itertools.product((errno.ENOSPC, errno.EIO), (True, False) if step else ()):
        for place in itertools.count(1, step):
            found, met = trial.faults(Disturbance(error=number, once=once, place=place))
            yield found
            if not met:
                break


if __name__ == "__main__":
    main()
