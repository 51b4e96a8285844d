"""Heads or captions? The heads beside caption models that are asked the same, on drawn walks and drives.

    python benchmarks/heads_against_captions.py --out runs/captions [--pictures 400]      what `make captions` runs
    python benchmarks/heads_against_captions.py --out runs/captions --part drives         walks or drives alone
    python benchmarks/heads_against_captions.py --quick      a few small ones and rows: the numbers then mean nothing

Everything is done by train.py and eval.py. Walks: heads on frozen features of all training walks; both miniatures as
they are, asked free, with a grammar, few-shot, behind texts alone, about grey, spoilt and other pictures; SmolVLM2's
miniature trained further, behind demonstrations too, with the pictures' own pixels and with those of other walks,
which is its blind twin; and one that learns to write paths. Captioners have `--pictures` of each split, evenly
spread, those that are trained further four times as many, and all rows are compared on what all have answered.
Drives: the waypoint head, and SmolVLM2's miniature that learns to write paths from the picture, and from eight of the
last 3.5 s; these also shuffled, the last alone, and those of another drive; and one that has learnt to read
demonstrations, behind them and behind their texts alone. A run that stops goes on with the same command.
Exit code 0 when what the miniature has to be able to do holds, 1 when not, 2 when it cannot run.
"""

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from ratio_lines import print_ratios

from roadcue import eval as scoring
from roadcue import train
from roadcue.command_line import run
from roadcue.errors import BadInput
from roadcue.evaluation.answer_comparison import COMPARISON
from roadcue.evaluation.shuffled_pictures import permutation_across_sequences
from roadcue.files import user_path
from roadcue.loaders.sensation import open_sensation
from roadcue.loaders.sensation.captions import IMAGE_FOLDERS
from roadcue.roadworld import dataset
from roadcue.roadworld.drawing import drawn_once
from roadcue.roadworld.sidewalk.spec import SidewalkSpec
from roadcue.roadworld.sidewalk.write import write_sidewalk
from roadcue.roadworld.spec import RoadWorldSpec
from roadcue.roadworld.write import write_roadworld

FAMILIES = ("smol", "flamingo")
CONDITIONS = "free,grammar,few_shot,text_only+grey,grey,others,blur,grain,half_black,upside_down"
TUNED = ("--epochs", "4", "--batch_size", "16", "--lr", "1e-3", "--precision", "fp32", "--caption.val_texts", "0")
"""How a miniature is trained further: long enough that the twin forgets to look, as far as it does."""
QUICK = ("--epochs", "1", *TUNED[2:])
FEW_SHOT = ("--caption.few_shot", "0.3")
"""The miniatures have never learnt to read demonstrations."""
TUNED_CONDITIONS = "free,few_shot,text_only+grey"
NEEDED = {
    ("Form of the bvpi texts", "caption", "valid"): 0.95,
    ("Positions, balanced accuracy", "caption", "sidewalk"): 0.85,
    ("Positions, balanced accuracy", "caption", "road"): 0.85,
    ("Near objects, macro F1", "caption", "presence"): 0.6,
}
"""(Table, row, figure) of SmolVLM2's miniature as it is, asked free -> what it has to reach."""
QUICK_WALKS = SidewalkSpec(24, 8, width=160, height=120)
DRIVES = RoadWorldSpec(32, 20, seconds=12.0, stride=5, width=243, height=270, cameras=("FRONT",))
"""A frame each 0.5 s, drawn for nothing else: 768 to learn from and 480 others."""
QUICK_DRIVES = RoadWorldSpec(4, 2, seconds=2.0, stride=5, width=96, height=96, cameras=("FRONT",))
EIGHT = "5,10,15,20,25,30,35"
CLIP_CONDITIONS = "free,one_frame,shuffled,others"
PARTS = ("walks", "drives")
OF_HEADS = {
    "sidewalk": ("walks", "Positions, balanced accuracy", "sidewalk", "field of heads", "smol"),
    "road": ("walks", "Positions, balanced accuracy", "road", "field of heads", "smol"),
    "path": ("drives", "Paths at 1, 2, 3, 4 and 5 s", "ade", "heads", "one_frame"),
    "path_of_clips": ("drives", "Paths at 1, 2, 3, 4 and 5 s", "ade", "heads", "eight_frames"),
}
"""A ratio -> the part, table and figure that it is of, the head's row, and that of the text beside it."""


def benchmark(options: argparse.Namespace, held: list[bool]) -> None:
    """Both parts, or the one that is asked for; `held` gets one truth value per demand."""
    began, out = time.monotonic(), user_path(options.out)
    if options.part != "drives":
        held += _on_walks(options, out)
        print(f"{sum(held)} of {len(held)} demands hold; {time.monotonic() - began:.0f} s; {out / COMPARISON[1]}")
    if options.part != "walks":
        _on_drives(options, out / "drives")
        print(f"{time.monotonic() - began:.0f} s; {out / 'drives' / COMPARISON[1]}")
    places = {"walks": out, "drives": out / "drives"}
    done = {part: places[part] for part in (PARTS if options.part is None else (options.part,))}
    print_ratios(
        "SmolVLM2's texts: the heads' balanced accuracies on walks, and errors of paths on drives", _ratios(done)
    )


def _ratios(places: Mapping[str, Path]) -> dict[str, float]:
    """Those of the parts that have been compared, each in its folder."""
    found = {}
    for part, place in places.items():
        answers = json.loads((place / COMPARISON[0]).read_text())["answers"]
        tables = {each["title"]: each["methods"] for each in answers}
        for name, (of, title, figure, *rows) in OF_HEADS.items():
            if of == part:
                head, text = (tables[title][row][figure]["value"] for row in rows)
                found[f"heads_against_captions_{name}"] = head / text
    return found


def _on_walks(options: argparse.Namespace, out: Path) -> list[bool]:
    """Train, write, compare; whether each demand holds."""
    walks = _walks(options, out)
    data = ["--data", "sidewalk", "--data_dir", str(walks), "--device", options.device]
    pictures = ["--limit", str(options.pictures)]
    families, conditions = (FAMILIES[:1], "free,grammar") if options.quick else (FAMILIES, CONDITIONS)
    seconds, names = {}, ["heads"]
    quick = ["--epochs", "1"] if options.quick else []
    heads = ["--encoder", "smol", "--head", "field,cue,waypoint", *quick]
    seconds["heads"] = _train(heads + data, out / "heads") + _score([], data, out / "heads")
    for family in families:
        words = ["--encoder", family, "--head", "caption", "--epochs", "0", *pictures, *data]
        seconds[family] = _train(words, out / family) + _score(["--conditions", conditions], data, out / family)
        names.append(family)
    dealt = ["--data", "sensation", "--data_dir", str(_dealt(walks, out / "dealt")), "--device", options.device]
    tuned = ["--encoder", "smol", "--head", "caption", *TUNED, "--limit", str(4 * options.pictures)]
    of_runs = {
        "tuned": ([*data, *FEW_SHOT], ["--conditions", TUNED_CONDITIONS]),
        "tuned_on_other_pictures": ([*dealt, *FEW_SHOT], []),
        "path": ([*data, "--caption.target", "path"], []),
    }
    for name, (given, asked) in ({} if options.quick else of_runs).items():
        seconds[name] = _train(tuned + given, out / name) + _score(asked, data, out / name)
        names.append(name)
    _compare(names, seconds, data, out)
    return _demands(json.loads((out / families[0] / "metrics.json").read_text()))


def _on_drives(options: argparse.Namespace, out: Path) -> None:
    """The waypoint head beside paths as text, of one frame and of eight."""
    folder = out / "drawn"
    if options.quick:
        write_roadworld(QUICK_DRIVES, folder, workers=1)
    else:
        folder = drawn_once("roadworld", DRIVES, write_roadworld)
    data = ["--data", "roadworld", "--data_dir", str(folder), "--device", options.device]
    heads = ["--encoder", "smol", "--head", "waypoint", *data, *(["--epochs", "1"] if options.quick else [])]
    seconds = {"heads": _train(heads, out / "heads")}
    seconds["heads"] += _score([], data, out / "heads")
    tuned = ["--encoder", "smol", "--head", "caption", "--caption.target", "path", *data]
    tuned += QUICK if options.quick else TUNED
    clips = ["--past_frames", EIGHT] if not options.quick else ["--past_frames", "5,10"]
    of_runs = {
        "one_frame": ([], []),
        "eight_frames": (clips, ["--conditions", CLIP_CONDITIONS]),
        "demonstrations": (FEW_SHOT, ["--conditions", TUNED_CONDITIONS]),
    }
    if options.quick:
        del of_runs["demonstrations"]
    for name, (given, asked) in of_runs.items():
        seconds[name] = _train([*tuned, *given], out / name) + _score(asked, data, out / name)
    _compare(["heads", *of_runs], seconds, data, out)


def _compare(names: Sequence[str], seconds: Mapping[str, float], data: Sequence[str], out: Path) -> None:
    """All runs in one table, and what each took."""
    runs = [word for name in names for word in ("--run", str(out / name))]
    _done(scoring.main([*runs, *data, "--out", str(out)]), "eval.py")
    for name, spent in seconds.items():
        print(f"{name}: {spent:.0f} s to train and to score")


def _walks(options: argparse.Namespace, out: Path) -> Path:
    """The folder of drawn walks."""
    if not options.quick:
        return drawn_once("sidewalk", dataset.DEFAULT_SIDEWALK, write_sidewalk)
    write_sidewalk(QUICK_WALKS, out / "walks", workers=1)
    return out / "walks"


def _dealt(walks: Path, folder: Path) -> Path:
    """A copy of the walks, in which each training picture is that of another walk, drawn by seed 0."""
    if (folder / "DONE").exists():
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    for name in IMAGE_FOLDERS.values():
        (folder / name).mkdir(parents=True, exist_ok=True)
    for file in walks.iterdir():
        if file.is_file():
            shutil.copy(file, folder)
    for split in ("train", "val"):
        states = open_sensation(walks, split).states
        taken = permutation_across_sequences(states.sequence, 0) if split == "train" else np.arange(len(states))
        images = walks / IMAGE_FOLDERS[split]
        for id, other in zip(states.id.tolist(), states.id[taken].tolist(), strict=True):
            shutil.copy(images / f"{other}.jpg", folder / IMAGE_FOLDERS[split] / f"{id}.jpg")
    (folder / "DONE").touch()
    return folder


def _train(words: Sequence[str], folder: Path) -> float:
    """Seconds that a training took, of one that is done no more than a look."""
    return _timed(train.main, [*words, "--run_dir", str(folder), "--resume", "auto"], "train.py")


def _score(words: Sequence[str], data: Sequence[str], folder: Path) -> float:
    return _timed(scoring.main, ["--run", str(folder), *data, *words], "eval.py")


def _timed(command, words: list[str], name: str) -> float:  # type: ignore[no-untyped-def]
    began = time.monotonic()
    _done(command(words), name)
    return time.monotonic() - began


def _done(code: int, command: str) -> None:
    if code:
        raise BadInput(f"{command} has ended with {code}; see above")


def _demands(metrics: dict) -> list[bool]:  # type: ignore[type-arg]
    """Say of each of `NEEDED` whether it holds."""
    tables = {table["title"]: table["methods"] for table in metrics["answers"]}
    held = []
    for (title, row, figure), least in NEEDED.items():
        value = tables.get(title, {}).get(row, {}).get(figure, {}).get("value", 0.0)
        held.append(value >= least)
        print(f"{title}, {figure}: {value:.1%}, at least {least:.0%} {'holds' if held[-1] else 'does not hold'}")
    return held


def main() -> int:
    """Parse, measure; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", help="folder of all runs (default: runs/captions, with --quick one that is removed)")
    parser.add_argument(
        "--pictures", type=int, default=400, help="pictures of walks of each split (default: %(default)s)"
    )
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda (default: %(default)s)")
    parser.add_argument("--part", choices=PARTS, help="walks or drives alone (default: both)")
    parser.add_argument("--quick", action="store_true", help="few walks and rows: the numbers then mean nothing")
    options = parser.parse_args()
    held: list[bool] = []
    with tempfile.TemporaryDirectory() as folder:
        if options.quick:
            options.out, options.pictures = options.out or folder, 8
        options.out = options.out or "runs/captions"
        code = run(lambda given: benchmark(given, held), options)
    return code or int(not all(held))


if __name__ == "__main__":
    sys.exit(main())
