"""Does unfreezing pay? LoRA and full fine-tuning of the miniature's tower beside stage one and beside its controls.

    python benchmarks/unfreezing.py [--out runs/unfreezing] [--processes 2]     goes on where it was stopped
    python benchmarks/unfreezing.py --quick      few pictures and one setting: the numbers then mean nothing

Where the miniature has something to learn: drives through a narrower camera 0.6 m lower than the one that it has
learnt from (waypoint), and walks, whose far objects it tells badly (field); and texts of walks (captions). Settings
are ranks 8 and 32 in the last block and in all, all of the tower, and rank 8 with augmented pictures; controls are
stage one trained for as many more steps, as many more augmented pictures, and a bigger head. Every training is a
command of train.py by itself; intervals are over three seeds and sequences. Then it is measured again which pictures
stage one, the adapter and the whole tower take for unlike: on the two lists of benchmarks/unlike_pictures.py, another
seed of the world among them. Needs the packages of the extra lora.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from roadcue import eval as scoring
from roadcue import train
from roadcue.command_line import run
from roadcue.errors import BadInput
from roadcue.files import user_path
from roadcue.roadworld.sidewalk.spec import SidewalkSpec
from roadcue.roadworld.sidewalk.write import write_sidewalk
from roadcue.roadworld.spec import RoadWorldSpec
from roadcue.roadworld.write import write_roadworld
from roadcue.training.run_folder import RunFolder
from roadcue.training.sweep.stage_two import StageOne, conclude, scored_run

ROOT = Path(__file__).parents[1]
OTHER_CAMERA = RoadWorldSpec(430, 90, cameras=("FRONT",), field_of_view=40.0, camera_height=1.3)
"""3,010 training pictures, 7 of a drive; the miniature has learnt from 50 degrees at 1.9 m."""
WALKS = SidewalkSpec(3000, 800)
FEW_WALKS = SidewalkSpec(24, 12, width=160, height=120)
HEADS = {
    "waypoint": ("roadworld", ("--waypoint.hidden", "1024")),
    "field": ("sidewalk", ("--field.hidden", "512")),
}
"""Task -> data set, and what makes a bigger head of its head."""
ADAPTERS = [("--lora.rank", rank, "--lora.last", last) for rank in ("8", "32") for last in ("1", "all")]
AUGMENTED = ("--augment", "0.5")
CAPTIONS = ("--encoder", "smol", "--head", "caption", "--precision", "fp32", "--caption.val_texts", "0")
ALIKE = "one", "lora.rank=8,lora.last=all-seed0", "full-seed0"
"""The runs of which it is measured again which pictures they take for unlike."""


@dataclass(frozen=True)
class Training:
    """A command of train.py; `settings` are what the table of `training.sweep.stage_two` knows it by."""

    name: str
    words: tuple[str, ...]
    settings: dict[str, str]


def trainings(one: Path, seeds: int, epochs: int, bigger: Sequence[str], *, quick: bool) -> list[Training]:
    """All that stands beside a stage one: controls first."""
    on = ("--from", str(one), "--epochs", str(epochs))
    kinds: list[tuple[str, tuple[str, ...], dict[str, str]]] = [("longer", on, {"stage": "heads"})]
    for words in ADAPTERS[:1] if quick else ADAPTERS:
        settings = {"lora.rank": words[1], "lora.last": words[3]}
        named = ",".join(f"{option}={value}" for option, value in settings.items())
        kinds.append((named, (*on, "--stage", "lora", *words), settings))
    if not quick:
        kinds.append(("full", (*on, "--stage", "full"), {"stage": "full"}))
        kinds.append(("bigger", tuple(bigger), {"stage": "a bigger head"}))
        augmented = {"augment": AUGMENTED[1]}
        kinds.append(("longer,augmented", (*on, *AUGMENTED), {"stage": "heads", **augmented}))
        lora = (*on, "--stage", "lora", *ADAPTERS[1], *AUGMENTED)
        kinds.append(("lora,augmented", lora, {"lora.rank": "8", "lora.last": "all", **augmented}))
    return [
        Training(f"{name}-seed{seed}", (*words, "--seed", str(seed)), settings)
        for name, words, settings in kinds
        for seed in range(seeds)
    ]


def benchmark(options: argparse.Namespace) -> None:
    """Draw, train, compare, task by task."""
    began, out = time.monotonic(), user_path(options.out)
    drives, walks = out / "drives", out / "walks"
    if not options.quick:
        write_roadworld(OTHER_CAMERA, drives, workers=max(1, options.processes))
    write_sidewalk(FEW_WALKS if options.quick else WALKS, walks, workers=max(1, options.processes))
    places = {"roadworld": drives, "sidewalk": walks}
    count = 0
    for task, (data, bigger) in HEADS.items():
        if options.quick and task != "field":
            continue
        words = ("--data", data, "--data_dir", str(places[data]), "--head", task)
        count += heads(options, out / task, words, bigger)
    count += captions(options, out / "caption", ("--data", "sidewalk", "--data_dir", str(walks)))
    print("The world is drawn, and the tower is a miniature: nothing here is said of real roads.")
    print(f"{count} trainings; {time.monotonic() - began:.0f} s")


def heads(options: argparse.Namespace, out: Path, data: Sequence[str], bigger: Sequence[str]) -> int:
    """The tables of a task, and which pictures are unlike; the number of trainings."""
    one = out / "one"
    trained([Training("one", tuple(data), {})], out, options)
    beside = trainings(one, options.seeds, options.epochs, (*data, *bigger), quick=options.quick)
    trained(beside, out, options)
    first = StageOne.of(str(one), [])
    runs = [(folder, scored_run(folder, each.name, each.settings, "")[0])
            for each in beside for folder in [RunFolder(out / each.name)]]  # fmt: skip
    conclude(first, runs, out)
    if not options.quick:
        unlike(out, options.pictures)
    return 1 + len(beside)


def captions(options: argparse.Namespace, out: Path, data: Sequence[str]) -> int:
    """Texts of the miniature as it is, with adapters, and fine-tuned as its family is; the number of trainings."""
    few = ("--limit", str(options.texts), *CAPTIONS, *data)
    more = ("--epochs", "1", "--lr", "1e-3", "--batch_size", "16")
    kinds = {"fine_tuned": more}
    for words in ADAPTERS[:1] if options.quick else ADAPTERS:
        kinds[f"rank{words[1]}_last_{words[3]}"] = (*more, "--stage", "lora", *words)
    tried = [Training("as_it_is", (*few, "--epochs", "0"), {})]
    tried += [
        Training(f"{name}-seed{seed}", (*few, *words, "--seed", str(seed)), {})
        for name, words in kinds.items()
        for seed in range(options.seeds)
    ]
    trained(tried, out, options)
    runs = [word for each in tried for word in ("--run", str(out / each.name))]
    _done(scoring.main([*runs, *data, "--out", str(out)]), "eval.py")
    return len(tried)


def trained(wanted: Sequence[Training], out: Path, options: argparse.Namespace) -> None:
    """Train all that is not trained yet, `--processes` at a time, each in one thread; 0: in this process."""

    def train_one(each: Training) -> None:
        folder = out / each.name
        words = [*each.words, "--run_dir", str(folder), "--resume", "auto", "--device", options.device]
        if RunFolder(folder).facts.exists():
            return
        if not options.processes:
            _done(train.main(words), "train.py")
            return
        folder.mkdir(parents=True, exist_ok=True)
        began = time.monotonic()
        with open(folder / "output.txt", "a") as output:
            alone = {**os.environ, "OMP_NUM_THREADS": "1"}
            command = [sys.executable, str(ROOT / "train.py"), *words]
            code = subprocess.run(command, stdout=output, stderr=output, env=alone, check=False).returncode
        _done(code, f"train.py ({folder / 'output.txt'} has what it said)")
        print(f"{out.name} {each.name}: {time.monotonic() - began:.0f} s", flush=True)

    if not options.processes:
        for each in wanted:
            train_one(each)
        return
    with ThreadPoolExecutor(options.processes) as pool:
        list(pool.map(train_one, wanted))


def unlike(out: Path, pictures: int) -> None:
    """Of each of `ALIKE` which pictures it takes for unlike, by benchmarks/unlike_pictures.py: means of its lists."""
    for name in ALIKE:
        file = out / f"unlike-{name}.json"
        if not file.exists():
            command = [sys.executable, str(ROOT / "benchmarks/unlike_pictures.py"), "--run", str(out / name)]
            words = ["--pictures", str(pictures), "--json", str(file)]
            done = subprocess.run([*command, *words], capture_output=True, text=True, check=False)
            if not file.exists():
                raise BadInput(f"unlike_pictures.py has ended with {done.returncode}: {done.stderr[-500:]}")
        found = json.loads(file.read_text())
        means = {
            part: float(np.mean([figures["unlike"]["value"] for figures in found[part].values()]))
            for part in ("unlike", "like")
        }
        anew = found["like"].get("another seed", {}).get("unlike", {}).get("value", float("nan"))
        print(
            f"{out.name} {name}: of pictures that show nothing sure {means['unlike']:.1%} are unlike, of those that "
            f"can still be read {means['like']:.1%}, of another seed {anew:.1%}"
        )


def _done(code: int, command: str) -> None:
    if code:
        raise BadInput(f"{command} has ended with {code}")


def main() -> int:
    """Parse, measure; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", help="folder of all runs (default: runs/unfreezing, or one that is removed)")
    parser.add_argument("--seeds", type=int, default=3, help="of every setting (default: %(default)s)")
    parser.add_argument("--epochs", type=int, default=2, help="of a stage two (default: %(default)s)")
    parser.add_argument("--texts", type=int, default=600, help="pictures of captions (default: %(default)s)")
    parser.add_argument("--pictures", type=int, default=100, help="of each unlike kind (default: %(default)s)")
    parser.add_argument("--processes", type=int, default=2, help="trainings side by side; 0: in this process")
    parser.add_argument("--device", default="cpu", help="auto, cpu or cuda (default: %(default)s)")
    parser.add_argument("--quick", action="store_true", help="few pictures, one setting and seed")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if options.quick:
            options.out, options.seeds, options.epochs, options.texts = options.out or folder, 1, 1, 4
            options.processes = 0
            os.environ["ROADCUE_CACHE"] = str(Path(folder) / "cache")
        options.out = options.out or "runs/unfreezing"
        return run(benchmark, options)


if __name__ == "__main__":
    sys.exit(main())
