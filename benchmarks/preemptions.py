"""Does a job lose anything that is preempted again and again, at random moments of its life?

    python benchmarks/preemptions.py            20 interruptions of a training on two nodes, some 15 minutes
    python benchmarks/preemptions.py --quick    one, a killed slurmd

It starts a Slurm of two nodes on this machine (slurm/two_nodes.sh) and trains on both, once undisturbed and once
interrupted: by USR1, by `scontrol requeue`, by a job of more weight, and by the death of a node's slurmd, which
comes back when its node has been given up. Moments are even over half as long again as the undisturbed run took to
its first epoch, so that a job is met while it imports, reads, trains and leaves. A job that fails is requeued by
hand, and counted: it should not. Exits with 1 when one has failed, or the weights at the end differ in a bit.
"""

import argparse
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from ratio_lines import print_ratios
from safetensors.torch import load_file
from two_nodes import Cluster, started

from roadcue.roadworld import RoadWorldSpec
from roadcue.roadworld.write import write_roadworld

WORLD = RoadWorldSpec(8, 4, seconds=2, stride=5, width=160, height=178, cameras=("FRONT",))


def told(cluster: Cluster, job: str) -> None:
    """By its user."""
    cluster.do("scancel", "--signal=USR1", job)


def requeued(cluster: Cluster, job: str) -> None:
    """By the administrator."""
    cluster.do("scontrol", "requeue", job)


def preempted(cluster: Cluster, job: str) -> None:
    """By a job that wants both nodes."""
    urgent = cluster.submit("--partition=urgent", "--nodes=2", "--exclusive", "--wrap", "sleep 1")
    cluster.ended(urgent, seconds=300)


def slurmd_killed(cluster: Cluster, job: str) -> None:
    """And started again when the node is taken for dead."""
    os.kill(int((cluster.folder / "node1.pid").read_text()), signal.SIGKILL)
    cluster.wait(job, lambda: "down" in cluster.do("sinfo", "--noheader", "--nodes=node1", "--format=%T"), 120)
    cluster.do("slurmd", "-N", "node1", PATH=f"{os.environ['PATH']}:/usr/sbin")


def state(cluster: Cluster, job: str) -> str:
    """Of a job, as Slurm says it now."""
    return cluster.field(job, "JobState")


def seconds_to_first_epoch(cluster: Cluster, job: str) -> float:
    """From a job's start on."""
    cluster.wait(job, lambda: state(cluster, job) == "RUNNING", 300)
    begin = time.monotonic()
    cluster.wait(job, lambda: "\nepoch " in cluster.log(job), 600)
    return time.monotonic() - begin


def campaign(
    cluster: Cluster,
    job: str,
    kinds: list[Callable[[Cluster, str], None]],
    moments: Callable[[], float],
) -> Counter[str]:
    """Interrupt the job in these ways, one after the other, each so many seconds after a start.

    Returns how often each was done, and how often it `failed`.
    """
    done: Counter[str] = Counter()
    for kind in kinds:
        cluster.wait(job, lambda: state(cluster, job) not in ("PENDING", "COMPLETING"), 300)
        if state(cluster, job) == "COMPLETED":
            break
        if state(cluster, job) != "RUNNING":
            done["failed"] += 1
            cluster.do("scontrol", "requeue", job)
            cluster.wait(job, lambda: state(cluster, job) == "RUNNING", 300)
        moment = moments()
        time.sleep(moment)
        if state(cluster, job) == "RUNNING":
            before = int(cluster.field(job, "Restarts"))
            kind(cluster, job)
            done[kind.__name__] += 1
            print(f"{kind.__name__} {moment:.1f} s after start {before + 1}", flush=True)
            time.sleep(3)  # until its states are those of after it
    return done


def same(one: Path, other: Path) -> bool:
    """Whether all saved weights of two runs are equal to the bit."""
    names = sorted(file.relative_to(one) for file in one.glob("model/**/*.safetensors"))
    pairs = ((load_file(one / name), load_file(other / name)) for name in names)
    return bool(names) and all(mine[key].equal(others[key]) for mine, others in pairs for key in mine)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--interruptions", type=int, default=20)
    parser.add_argument("--epochs", type=int, default=800)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="one interruption of a short training")
    asked = parser.parse_args()
    rng = random.Random(asked.seed)
    kinds = [slurmd_killed, *rng.choices([told, requeued, preempted], k=asked.interruptions - 1)]
    rng.shuffle(kinds)
    kinds, epochs = ([slurmd_killed], 40) if asked.quick else (kinds, asked.epochs)
    with tempfile.TemporaryDirectory() as place, started() as cluster:
        folder = Path(place)
        write_roadworld(WORLD, folder / "world", workers=1)
        options = {"encoder": "none", "data": "waymo_e2e", "data_dir": folder / "world", "epochs": epochs}
        options |= {"batch_size": 4, "waypoint.residual": "none", "waypoint.dropout": 0.2}
        words = [str(word) for name, value in options.items() for word in (f"--{name}", value)]
        runs = folder / "whole", folder / "interrupted"
        nodes = ["--nodes=2", "--cpus-per-task=1", "slurm/train_vlm.sh", *words]
        undisturbed = cluster.submit(*nodes, RUN_DIR=runs[0])
        longest = 1.5 * seconds_to_first_epoch(cluster, undisturbed)
        cluster.ended(undisturbed, seconds=3600)
        job = cluster.submit(*nodes, RUN_DIR=runs[1])
        done = campaign(cluster, job, kinds, lambda: rng.uniform(0, longest / 3 if asked.quick else longest))
        cluster.ended(job, seconds=3600)
        equal, starts = same(*runs), int(cluster.field(job, "Restarts")) + 1
    print(", ".join(f"{kind} {count}" for kind, count in sorted(done.items())))
    print(
        f"{sum(done.values()) - done['failed']} interruptions, {starts} starts, {done['failed']} failures; "
        f"the weights are {'equal to the bit' if equal else 'NOT the same'} (1 run)"
    )
    lost = (done["failed"] + (not equal)) / max(1, sum(done.values()) - done["failed"])
    print_ratios("the undisturbed run: failures and other weights, per interruption", {"preemptions_lost": lost})
    return 0 if equal and not done["failed"] else 1


if __name__ == "__main__":
    sys.exit(main())
