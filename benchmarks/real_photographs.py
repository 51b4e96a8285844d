"""What does each encoder tell of real photographs, by the picture alone? R2 of a ridge from features to the drive.

    python benchmarks/real_photographs.py [--real DIR] [--json FILE]
    python benchmarks/real_photographs.py --encoder smol --checkpoint FOLDER
    python benchmarks/real_photographs.py --quick      on few photographs: the numbers then mean nothing

The photographs are of one drive, cut into blocks of 15 s with 9 s between two of them. Each block is predicted by
probes that were fitted, and chosen, on the others (`roadcue.evaluation.ridge_probe`), from features pooled as heads
read them: the car's lateral place 2 and 5 s on, and its speed. R2 is 1 - SSE / SST over all blocks, SST about the
mean of the blocks that were fitted on, so that this mean has R2 0; intervals are over blocks. The paths beside these
photographs are derived by visual odometry and smoothed: the figures compare features, and are no accuracy.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from efficientnet_lite0 import PACKAGE, VERSION, EfficientNetLite0
from ratio_lines import print_ratios
from rich.console import Console
from rich.table import Table
from udacity_drive import QUICK_EVERY, open_udacity_drive

from roadcue.command_line import run
from roadcue.errors import BadInput
from roadcue.evaluation.probes import stored_features, thumbnails
from roadcue.evaluation.ridge_probe import predict_by_block
from roadcue.files import user_path, write_atomic
from roadcue.loaders.dataset import RoadDataset
from roadcue.metrics.bootstrap import Interval
from roadcue.metrics.comparison import nan_to_none
from roadcue.metrics.r2 import r2, r2_difference
from roadcue.models.encoder import Encoder
from roadcue.models.flamingo.encoder import FlamingoEncoder
from roadcue.models.mini.miniature import draw_initial_weights
from roadcue.models.registry import build_encoder
from roadcue.models.smol.encoder import SmolEncoder
from roadcue.reports.table import add_numbers, bare_table
from roadcue.schema import STEP_S
from roadcue.training.build import device
from roadcue.training.extraction import stored_split
from roadcue.training.extraction_config import ExtractionOptions
from roadcue.training.heads.batches import StoredSplit

TARGETS = ("lateral place, 2 s", "lateral place, 5 s", "speed")
MEAN, PIXELS, IMAGENET = "mean of the other blocks", "16 x 16 pixels", "ImageNet network"
ENCODERS = ("smol", "flamingo")


@dataclass(frozen=True)
class Method:
    """What a row of the table says of the n photographs, averaged over its seeds."""

    features: int
    """Numbers of one picture."""
    squared_error: np.ndarray
    """(n, 3) in the order of `TARGETS`: m², m², (m/s)²."""
    components: list[list[int]]
    """The principal components chosen of the first seed's features: for each block, for each target."""


def benchmark(options: argparse.Namespace) -> None:
    """Print both tables, and write the JSON file when one is named."""
    started = time.monotonic()
    if options.json and not user_path(options.json).parent.is_dir():
        raise BadInput(f"--json {options.json}: there is no such folder")
    with tempfile.TemporaryDirectory() as folder:
        drive = open_udacity_drive(options.real, Path(folder), every=QUICK_EVERY if options.quick else 1)
        methods = scored_methods(drive, Path(folder), options)
    block, from_mean = drive.states.sequence, methods[MEAN].squared_error
    figures = {
        name: [r2(*errors, block) for errors in zip(method.squared_error.T, from_mean.T, strict=True)]
        for name, method in methods.items()
    }
    differences = {}
    for name, other in compared(methods):
        errors = zip(methods[name].squared_error.T, methods[other].squared_error.T, from_mean.T, strict=True)
        differences[f"{name}, minus {other}"] = [r2_difference(*three, block) for three in errors]
    console = Console()
    lines = table("R2 of a ridge from the features of one photograph (95 % over blocks)", figures, "")
    if IMAGENET not in methods:
        lines.add_row(f"{IMAGENET}: not installed", *("–" for _ in TARGETS))
    console.print(lines)
    console.print(table("R2 minus that of another row, in pairs", differences, "+"))
    if IMAGENET not in methods:
        print(f"The {IMAGENET} has a row after: pip install {PACKAGE}=={VERSION}")
    print("The paths are derived from the photographs: the figures compare features and are no accuracy of anything.")
    if options.json:
        content = {"data": drive.description, "blocks": len(np.unique(block)), "options": vars(options)}
        content |= {"targets": TARGETS, "r2": as_json(figures), "differences": as_json(differences)}
        content |= {"components": {name: method.components for name, method in methods.items()}}
        write_atomic(user_path(options.json), json.dumps(nan_to_none(content), indent=1) + "\n")
    print(f"{len(drive)} photographs in {len(np.unique(block))} blocks, {time.monotonic() - started:.0f} s")
    ratios = {}
    for name, other in compared(methods):
        if other != IMAGENET:
            learnt, drawn = (methods[each].squared_error[:, 0].mean() for each in (name, other))
            ratios[f"real_photographs_{name.partition(',')[0]}"] = learnt / drawn
    print_ratios(f"the same network with random weights: squared error of the {TARGETS[0]}", ratios)


def scored_methods(drive: RoadDataset, folder: Path, options: argparse.Namespace) -> dict[str, Method]:
    """All rows of the table; stores of features go into `folder`."""
    config = ExtractionOptions(data="manifest", grid=options.grid, workers=0, store_dir=str(folder))
    truth = targets(drive)
    answers = predict_by_block(np.zeros((len(drive), 1)), truth, drive.states.sequence)
    methods = {MEAN: Method(0, np.square(answers.mean - truth), [])}
    methods[PIXELS] = scored([thumbnails(StoredSplit.of(drive, None))], drive)
    for name, encoders in named_encoders(options):
        print(*(encoder.description for encoder in encoders), sep="\n", flush=True)
        methods[name] = scored([stored_features(stored_split(drive, each, config)) for each in encoders], drive)
    return methods


def targets(drive: RoadDataset) -> np.ndarray:
    """(n, 3) in the order of `TARGETS`: metres to the left of the car at t0, m/s."""
    left, velocity = drive.states.future[:, :, 1], drive.states.past[:, -1, 2:4]
    return np.stack([*(left[:, round(seconds / STEP_S) - 1] for seconds in (2, 5)), np.hypot(*velocity.T)], axis=1)


def named_encoders(options: argparse.Namespace) -> Iterator[tuple[str, list[Encoder]]]:
    """The name of a row, and its encoder, with random weights one for each seed."""
    where = device(options.device)
    for name in options.encoder:
        trained = build_encoder(name, checkpoint=options.checkpoint, device=where)
        yield f"{name}, {options.checkpoint}", [trained]
        yield (
            random_twin(f"{name}, {options.checkpoint}"),
            [with_random_weights(trained, seed).to(where) for seed in options.seeds],
        )
    pretrained = EfficientNetLite0.from_package()
    if pretrained is not None:
        yield IMAGENET, [pretrained.to(where)]


def random_twin(name: str) -> str:
    """The name of the row that has the same network before it has learnt anything."""
    return f"{name.partition(',')[0]}, random weights"


def with_random_weights(encoder: SmolEncoder | FlamingoEncoder, seed: int) -> Encoder:
    """The same network as it is before any training, drawn as the miniatures are."""
    torch.manual_seed(seed)
    tower = type(encoder.tower)(encoder.tower.config)
    draw_initial_weights(tower)
    origin = f"random weights of seed {seed}"
    if isinstance(encoder, FlamingoEncoder):
        return FlamingoEncoder(tower, None, encoder.preprocess, dtype="fp32", origin=origin)
    return SmolEncoder(tower, encoder.preprocess, dtype="fp32", origin=origin)


def scored(features: list[np.ndarray], drive: RoadDataset) -> Method:
    """Of one encoder's features (n, ...), or of those of each seed."""
    truth = targets(drive)
    answers = [predict_by_block(each, truth, drive.states.sequence) for each in features]
    errors = np.mean([np.square(each.predicted - truth) for each in answers], axis=0)
    return Method(features[0][0].size, errors, answers[0].components.tolist())


def compared(methods: dict[str, Method]) -> Iterator[tuple[str, str]]:
    """Each encoder with its random twin, and with the network that has learnt ImageNet."""
    for name in methods:
        if random_twin(name) in methods and random_twin(name) != name:
            yield name, random_twin(name)
            if IMAGENET in methods:
                yield name, IMAGENET


def table(title: str, rows: dict[str, list[Interval]], sign: str) -> Table:
    """A line per name with the figures of `TARGETS`; `sign` is "+" for differences."""
    lines = bare_table(title)
    lines.add_column("", overflow="fold")
    for number, target in enumerate(TARGETS):
        add_numbers(lines, target, [figure(intervals[number], sign) for intervals in rows.values()])
    for name, intervals in rows.items():
        lines.add_row(name, *(figure(interval, sign) for interval in intervals))
    return lines


def figure(interval: Interval, sign: str) -> str:
    """Such as 0.37 (0.21…0.48)."""
    value, low, high = (f"{number:{sign}.2f}" for number in (interval.value, interval.low, interval.high))
    return f"{value} ({low}…{high})".replace("-", "−")


def as_json(rows: dict[str, list[Interval]]) -> dict[str, dict[str, dict[str, float]]]:
    """Name -> target -> value, low, high."""
    return {name: dict(zip(TARGETS, map(asdict, intervals), strict=True)) for name, intervals in rows.items()}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--real", metavar="DIR", help="holds udacity_hmb3; default: $REAL_DIR or shared/real")
    parser.add_argument("--encoder", type=names, default=list(ENCODERS), help="smol, flamingo, or both with a comma")
    parser.add_argument("--checkpoint", default="mini", help="weights of the encoder: mini, full, a hub id, a folder")
    parser.add_argument("--seeds", type=numbers, default=[0, 1, 2], help="of the random weights, with commas")
    parser.add_argument("--grid", type=int, default=ExtractionOptions().grid, help="regions per side of the features")
    parser.add_argument("--device", choices=["auto", "cpu", "cuda"], default="auto")
    parser.add_argument("--json", metavar="FILE", help="write all numbers there")
    parser.add_argument("--quick", action="store_true", help="few photographs: the numbers then mean nothing")
    options = parser.parse_args()
    if options.quick:
        options.seeds = [0]
    return run(benchmark, options)


def names(text: str) -> list[str]:
    if unknown := [name for name in text.split(",") if name not in ENCODERS]:
        raise argparse.ArgumentTypeError(f"{', '.join(unknown)} is none of {', '.join(ENCODERS)}")
    return text.split(",")


def numbers(text: str) -> list[int]:
    return [int(number) for number in text.split(",")]


if __name__ == "__main__":
    sys.exit(main())
