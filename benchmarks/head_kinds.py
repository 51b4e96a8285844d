"""Which head? Every kind of waypoint head, plain and correcting the ego path, on the same stored features.

    python benchmarks/head_kinds.py [--data_dir DIR] [--kinds mlp,gru] [--seeds 0,1,2] [--epochs 20] [--json FILE]

Everything is trained by train.py's own code with train.py's own defaults but for the kind and the residual, and
scored on the validation split. With several seeds every head answers once per seed, and all its answers to a frame
count. Exit code 0, or 2 when it cannot run.
"""

import argparse
import json
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, replace
from itertools import product
from pathlib import Path

import numpy as np
from lightning.pytorch import seed_everything
from rich import box
from rich.console import Console
from rich.table import Table

from heads import DECODERS
from loaders.errors import BadInput
from metrics.bootstrap import Interval, sequence_bootstrap
from metrics.comparison import nan_to_none
from metrics.displacement import displacement, per_frame
from reports.table import COLUMNS
from training.batches import StoredSplit
from training.build import build_run_encoder, open_split
from training.command_line import run
from training.config import HeadOptions, TrainConfig
from training.evaluation import predict_split
from training.extraction import stored_split
from training.fitting import build_model, fit_by_gradient
from training.road_model import BLIND_SUFFIX, RoadModel
from training.run_folder import RunFolder, write_whole

METRICS = ("ade_3s", "ade_5s")
RESIDUALS = ("none", "ego")
RIDGE = "ridge"
Answers = dict[str, np.ndarray]
"""Row of the model -> its paths (n, 20, 2) metres, ego frame."""


@dataclass(frozen=True)
class Row:
    """A line of the table; errors in metres, `seconds` of training a seed, the twin that sees nothing included."""

    kind: str
    residual: str
    sees_image: bool
    errors: dict[str, Interval]
    parameters: int
    seconds: float


def benchmark(options: argparse.Namespace) -> None:
    """Train, score, print the table."""
    config = TrainConfig(data=options.data, data_dir=options.data_dir, device=options.device, encoder=options.encoder)
    config = replace(config, epochs=options.epochs, store_dir=options.store_dir)
    encoder = build_run_encoder(config)
    data = [open_split(config, split) for split in ("train", "val")]
    print(encoder.description, *(part.description for part in data), sep="\n", flush=True)
    train, val = (stored_split(part, encoder, config).with_future() for part in data)
    if not len(train) or not len(val):
        raise BadInput("each of train and val needs a row with features and a logged future: give other data")

    found: list[Row] = []
    for kind, residual in product(options.kinds, RESIDUALS):
        runs = []
        for seed in options.seeds:
            head = HeadOptions(kind=kind, residual=residual)
            print(f"training {kind}, residual {residual}, seed {seed}", flush=True)
            runs.append(trained(replace(config, head=head, seed=seed), encoder, train, val))
        found += rows(kind, residual, runs, val)
    found.append(Row(RIDGE, "", False, scores([runs[0][1][RIDGE]], val), 0, 0.0))
    Console().print(ablation_table(found, len(val), len(options.seeds)))
    if options.json:
        content = {"encoder": encoder.description, "data": [part.description for part in data]}
        content |= {"seeds": options.seeds, "config": asdict(config), "rows": [asdict(row) for row in found]}
        write_whole(Path(options.json), json.dumps(nan_to_none(content), indent=1) + "\n")


def trained(config: TrainConfig, encoder, train: StoredSplit, val: StoredSplit) -> tuple[RoadModel, Answers, float]:
    """The head with its blind twin as train.py trains them, what all rows answer, and the seconds of the training."""
    seed_everything(config.seed, verbose=False)
    started = time.monotonic()
    model = build_model(config, encoder)
    model.fit(train)
    with tempfile.TemporaryDirectory() as folder:
        fit_by_gradient(model, train, val, config, RunFolder(Path(folder)), resuming=False)
    seconds = time.monotonic() - started
    return model, predict_split(model.cpu().eval(), val), seconds


def rows(kind: str, residual: str, runs: list[tuple[RoadModel, Answers, float]], val: StoredSplit) -> list[Row]:
    """The head, and its twin without features where the head has any."""
    model = runs[0][0]
    name = HeadOptions().name
    return [
        Row(
            kind,
            residual,
            row not in model.blind,
            scores([answers[row] for _, answers, _ in runs], val),
            sum(parameter.numel() for parameter in model.heads[row].parameters()),
            float(np.mean([seconds for _, _, seconds in runs])),
        )
        for row in (name, name + BLIND_SUFFIX)
        if row in model.heads
    ]


def scores(answers: list[np.ndarray], val: StoredSplit) -> dict[str, Interval]:
    """Each of `METRICS` over the answers of all seeds, with its interval over resampled sequences."""
    states = val.dataset.states.take(np.tile(val.rows, len(answers)))
    errors = per_frame(displacement(np.concatenate(answers), states.future))
    columns = np.stack([errors[metric] for metric in METRICS], axis=1)
    return dict(zip(METRICS, sequence_bootstrap(columns, states.sequence, resamples=2000, seed=0), strict=True))


def ablation_table(found: list[Row], frames: int, seeds: int) -> Table:
    """Best ADE at 5 s first."""
    title = f"Heads on {frames:,} validation frames, {seeds} seed{'' if seeds == 1 else 's'}; 95 % intervals"
    table = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left", pad_edge=False)
    for name in ("kind", "residual", "image"):
        table.add_column(name, no_wrap=True)
    for name in (*(COLUMNS[metric] for metric in METRICS), "parameters", "seconds"):
        table.add_column(name, no_wrap=True, justify="right")
    for row in sorted(found, key=lambda row: row.errors["ade_5s"].value):
        errors = [f"{error.value:.3f} ({error.low:.3f}–{error.high:.3f})" for error in row.errors.values()]
        sees = "sees" if row.sees_image else "blind"
        table.add_row(row.kind, row.residual, sees, *errors, f"{row.parameters:,}", f"{row.seconds:.0f}")
    return table


def kinds(text: str) -> list[str]:
    """Kinds of head with commas; argparse says which one there is not."""
    unknown = [kind for kind in text.split(",") if kind not in DECODERS]
    if unknown:
        raise argparse.ArgumentTypeError(f"no kind {unknown[0]!r}; there are {', '.join(DECODERS)}")
    return text.split(",")


def numbers(text: str) -> list[int]:
    return [int(number) for number in text.split(",")]


def main() -> int:
    default = TrainConfig()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", choices=["roadworld", "waymo_e2e", "manifest"], default=default.data)
    parser.add_argument("--data_dir", help="folder of the data; default: the RoadWorld that train.py uses")
    parser.add_argument("--store_dir", help="folder of the feature stores, as in train.py")
    parser.add_argument("--encoder", choices=["smol", "none"], default=default.encoder)
    parser.add_argument("--kinds", type=kinds, default=list(DECODERS), help="with commas; default: all")
    parser.add_argument("--seeds", type=numbers, default=[0], help="training seeds, with commas: 0,1,2")
    parser.add_argument("--epochs", type=int, default=default.epochs)
    parser.add_argument("--device", choices=["auto", "cpu", "cuda"], default="auto")
    parser.add_argument("--json", metavar="FILE", help="write all numbers there")
    return run(benchmark, parser.parse_args())


if __name__ == "__main__":
    sys.exit(main())
