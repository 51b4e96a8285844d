"""Does unfreezing pay? LoRA and full fine-tuning of the miniature's tower beside stage one and beside its controls.

    python benchmarks/unfreezing.py [--out runs/unfreezing] [--processes 2]     goes on where it was stopped
    python benchmarks/unfreezing.py --quick      few pictures and one setting: the numbers then mean nothing

Where the miniature has something to learn: drives through a narrower camera 0.6 m lower than the one that it has
learnt from (waypoint), and walks, whose far objects it tells badly (field); and texts of walks (captions). Settings
are ranks 8 and 32 in the last block and in all, all of the tower, and rank 8 with augmented pictures; controls are
stage one trained for as many more steps, as many more augmented pictures, and a bigger head that is trained for as
many steps in all. Every training is a command of train.py by itself; intervals are over three seeds and sequences.
Then it is measured again which pictures stage one, the adapter and the whole tower of each seed take for unlike: on
the two lists of benchmarks/unlike_pictures.py, with the world drawn anew among them. Needs the packages of the extra
lora. What is drawn lies in the cache of RoadCue.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from ratio_lines import print_ratios
from rich.console import Console
from unlike_pictures import ANOTHER_SEED, CLEAN, FLAGGED, demanded
from unlike_tables import seeds_table

from roadcue import eval as scoring
from roadcue import train
from roadcue.command_line import run
from roadcue.errors import BadInput
from roadcue.files import user_path
from roadcue.metrics.bootstrap import Interval
from roadcue.roadworld.drawing import drawn_once
from roadcue.roadworld.sidewalk.spec import SidewalkSpec
from roadcue.roadworld.sidewalk.write import write_sidewalk
from roadcue.roadworld.spec import RoadWorldSpec
from roadcue.roadworld.write import write_roadworld
from roadcue.training.run_folder import RunFolder
from roadcue.training.sweep.stage_two import UNFREEZING, StageOne, conclude, scored_run

Item = TypeVar("Item")
ROOT = Path(__file__).parents[1]
OTHER_CAMERA = RoadWorldSpec(430, 70, cameras=("FRONT",), field_of_view=40.0, camera_height=1.3)
"""3,010 training pictures, 7 of a drive; the miniature has learnt from 50 degrees at 1.9 m."""
WALKS = SidewalkSpec(3000, 600)
FEW_WALKS = SidewalkSpec(24, 12, width=160, height=120)
HEADS = {
    "waypoint": ("roadworld", ("--waypoint.hidden", "1024")),
    "field": ("sidewalk", ("--field.hidden", "512")),
}
"""Task -> data set, and what makes a bigger head of its head."""
ADAPTERS = [("--lora.rank", rank, "--lora.last", last) for rank in ("8", "32") for last in ("1", "all")]
AUGMENTED = ("--augment", "0.5")
CAPTIONS = ("--encoder", "smol", "--head", "caption", "--precision", "fp32", "--caption.val_texts", "0")
WEATHER = "--caption.weather", "0.5"
ALIKE = {"adapter, rank 8 in all blocks": "lora.rank=8,lora.last=all", "all of the tower": "full"}
"""Of these it is measured again which pictures they take for unlike, as of stage one: words -> name of the runs."""


@dataclass(frozen=True)
class Training:
    """A command of train.py; `settings` are what the table of `training.sweep.stage_two` knows it by."""

    name: str
    words: tuple[str, ...]
    settings: dict[str, str]


def trainings(one: Path, seeds: int, epochs: int, bigger: Path | None) -> list[Training]:
    """All that stands beside stage one, its control first; `bigger`: one with a bigger head; None: few kinds."""

    def on(run: Path) -> tuple[str, ...]:
        return "--from", str(run), "--epochs", str(epochs)

    kinds: list[tuple[str, tuple[str, ...], dict[str, str]]] = [("longer", on(one), {"stage": "heads"})]
    for words in ADAPTERS if bigger else ADAPTERS[1:2]:
        settings = {"lora.rank": words[1], "lora.last": words[3]}
        named = ",".join(f"{option}={value}" for option, value in settings.items())
        kinds.append((named, (*on(one), "--stage", "lora", *words), settings))
    if bigger:
        kinds.append(("full", (*on(one), "--stage", "full"), {"stage": "full"}))
        kinds.append(("bigger", on(bigger), {"stage": "a bigger head"}))
        augmented = {"augment": AUGMENTED[1]}
        kinds.append(("longer,augmented", (*on(one), *AUGMENTED), {"stage": "heads", **augmented}))
        lora = (*on(one), "--stage", "lora", *ADAPTERS[1], *AUGMENTED)
        kinds.append(("lora,augmented", lora, {"lora.rank": "8", "lora.last": "all", **augmented}))
    return [
        Training(f"{name}-seed{seed}", (*words, "--seed", str(seed)), settings)
        for name, words, settings in kinds
        for seed in range(seeds)
    ]


def benchmark(options: argparse.Namespace) -> None:
    """Draw, train, compare, task by task."""
    began, out = time.monotonic(), user_path(options.out)
    places = {"sidewalk": drawn_once("sidewalk", FEW_WALKS if options.quick else WALKS, write_sidewalk)}
    if not options.quick:
        places["roadworld"] = drawn_once("roadworld", OTHER_CAMERA, write_roadworld)
    count = 0
    for task, (data, bigger) in HEADS.items():
        if data in places:
            words = ("--data", data, "--data_dir", str(places[data]), "--head", task)
            count += heads(options, out / task, words, bigger)
    walks = ("--data", "sidewalk", "--data_dir", str(places["sidewalk"]))
    count += captions(options, out / "caption", walks)
    print("The world is drawn, and the tower is a miniature: nothing here is said of real roads.")
    print(f"{count} trainings; {time.monotonic() - began:.0f} s")
    ratios = {name: ratio for task in HEADS if (out / task).is_dir() for name, ratio in over_control(out / task)}
    print_ratios("stage one trained for as many more steps: figures with rank 8 in all blocks", ratios)


def over_control(out: Path) -> Iterator[tuple[str, float]]:
    """A ratio for each figure of a task, of which its control has some: of metres below 1 is better, else above."""
    for table in json.loads((out / UNFREEZING).read_text())["figures"]:
        values = {line["name"]: line["figure"]["value"] for line in table["lines"]}
        if not table["settings"] and values["control"]:
            name = re.sub(r"\W+", "_", f"unfreezing {out.name} {table['figure'].lower()}").strip("_")
            yield name, values["lora.rank=8\nlora.last=all"] / values["control"]


def heads(options: argparse.Namespace, out: Path, data: Sequence[str], bigger: Sequence[str]) -> int:
    """The tables of a task, and which pictures are unlike; the number of trainings."""
    ones = [Training("one", tuple(data), {})]
    if not options.quick:
        ones.append(Training("bigger", (*data, *bigger), {}))
    trained(ones, out, options)
    beside = trainings(out / "one", options.seeds, options.epochs, None if options.quick else out / "bigger")
    trained(beside, out, options)
    first = StageOne.of(str(out / "one"), [])
    runs = [(folder, scored_run(folder, each.name, each.settings, "")[0])
            for each in beside for folder in [RunFolder(out / each.name)]]  # fmt: skip
    conclude(first, runs, out)
    if not options.quick:
        unlike(out, options)
    return len(ones) + len(beside)


def captions(options: argparse.Namespace, out: Path, data: Sequence[str]) -> int:
    """Texts of the miniature as it is, with adapters, and fine-tuned as its family is; the number of trainings."""
    few = ("--limit", str(options.texts), *CAPTIONS, *data)
    more = ("--epochs", "1", "--lr", "1e-3", "--batch_size", "16")
    kinds = {"fine_tuned": more}
    for words in ADAPTERS[1:2] if options.quick else ADAPTERS:
        kinds[f"rank{words[1]}_last_{words[3]}"] = (*more, "--stage", "lora", *words)
    if not options.quick:
        kinds["fine_tuned_in_weather"] = (*more, *WEATHER)
        kinds["rank8_last_all_in_weather"] = (*kinds["rank8_last_all"], *WEATHER)
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

    side_by_side(train_one, wanted, options.processes)


def side_by_side(do: Callable[[Item], None], each: Sequence[Item], processes: int) -> None:
    """So many at a time, in threads that start a process each; 0: one after the other, in this one."""
    if not processes:
        for one in each:
            do(one)
        return
    with ThreadPoolExecutor(processes) as pool:
        list(pool.map(do, each))


def unlike(out: Path, options: argparse.Namespace) -> None:
    """Which pictures stage one and `ALIKE` take for unlike, by benchmarks/unlike_pictures.py, as a table."""
    kinds = {"stage one": ["one"]}
    kinds |= {words: [f"{name}-seed{seed}" for seed in range(options.seeds)] for words, name in ALIKE.items()}

    def look(name: str) -> None:
        file = _unlike_file(out, name)
        if file.exists():
            return
        command = [sys.executable, str(ROOT / "benchmarks/unlike_pictures.py"), "--run", str(out / name)]
        words = ["--pictures", str(options.pictures), "--json", str(file)]
        alone = {**os.environ, "OMP_NUM_THREADS": "1"}
        done = subprocess.run([*command, *words], capture_output=True, text=True, env=alone, check=False)
        if not file.exists():
            raise BadInput(f"unlike_pictures.py has ended with {done.returncode}: {done.stderr[-500:]}")

    side_by_side(look, [name for names in kinds.values() for name in names], options.processes)
    found = {
        words: [shares_unlike(json.loads(_unlike_file(out, name).read_text())) for name in names]
        for words, names in kinds.items()
    }
    Console().print(seeds_table(f"{out.name}: pictures that are taken for unlike", found))


def shares_unlike(found: Mapping[str, Any]) -> dict[str, float]:
    """What a run takes for unlike, of the file that benchmarks/unlike_pictures.py writes.

    Of its two lists, of which the second has the world drawn anew; and the share of its demands that do not hold.
    """
    unlike, like = (
        {kind: {FLAGGED: Interval(**figures[FLAGGED])} for kind, figures in found[part].items()}
        for part in ("unlike", "like")
    )
    nothing_sure, readable = ([figures[FLAGGED].value for figures in part.values()] for part in (unlike, like))
    missed = [not holds for _, holds in demanded(unlike, like)]
    return {
        "nothing sure, mean": sum(nothing_sure) / len(nothing_sure),
        "least": min(nothing_sure),
        "still told, mean": sum(readable) / len(readable),
        "most": max(readable),
        "as they are": like[CLEAN][FLAGGED].value,
        ANOTHER_SEED: like[ANOTHER_SEED][FLAGGED].value,
        "demands missed": sum(missed) / len(missed),
    }


def _unlike_file(out: Path, name: str) -> Path:
    return out / f"unlike-{name}.json"


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
    parser.add_argument("--pictures", type=int, default=60, help="of each unlike kind (default: %(default)s)")
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
