"""Which of the things that a pair differs in does an encoder tell? A linear probe for each kind of RoadWorld's pairs.

    python benchmarks/pair_probe.py [--view drives|walks] [--encoder smol] [--pairs 60] [--json FILE]
    python benchmarks/pair_probe.py --quick      few pairs: the numbers then mean nothing

Of each kind so many pairs are drawn: one moment with and without one thing. A probe (`roadcue.evaluation.probes`) has
to say of a single picture which half it is; it is fitted on the pairs of four folds and scored on those of the fifth.
Half of the pictures have the thing, so that chance is 50 %. The reference is the same probe of 16 x 16 pixels.
"""

import argparse
import json
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from ratio_lines import print_ratios
from rich.console import Console

from roadcue.command_line import run
from roadcue.errors import BadInput
from roadcue.evaluation.probes import fit_probe, stored_features, thumbnails
from roadcue.files import user_path, write_atomic
from roadcue.loaders.registry import open_dataset
from roadcue.metrics.bootstrap import Interval
from roadcue.metrics.classification import balanced_accuracy_interval
from roadcue.models.pooling import pool_tokens
from roadcue.models.registry import build_encoder
from roadcue.reports.table import add_numbers, bare_table
from roadcue.roadworld import spec as drives
from roadcue.roadworld.pairs import PAIRS
from roadcue.roadworld.sidewalk import spec as walks
from roadcue.roadworld.sidewalk.write import write_sidewalk
from roadcue.roadworld.write import write_roadworld
from roadcue.training.build import device
from roadcue.training.extraction import stored_split
from roadcue.training.extraction_config import ExtractionOptions
from roadcue.training.heads.batches import StoredSplit

FOLDS = 5
PIXELS = "16 x 16 pixels"
_QUICK_PAIRS = 5
_KINDS = {"drives": drives.KINDS, "walks": walks.KINDS}
_REASONS = {"drives": drives.REASONS, "walks": walks.REASONS}
_DATA = {"drives": "roadworld", "walks": "sidewalk"}


def benchmark(options: argparse.Namespace) -> None:
    """Print the table, and write the JSON file when one is named."""
    started = time.monotonic()
    if options.pairs < FOLDS:
        raise BadInput(f"--pairs {options.pairs}: must be at least {FOLDS}, one for each fold")
    if options.json and not user_path(options.json).parent.is_dir():
        raise BadInput(f"--json {options.json}: there is no such folder")
    encoder = build_encoder(options.encoder, checkpoint=options.checkpoint, device=device(options.device))
    pool_tokens(torch.zeros(1, *encoder.grid, 1), "grid", options.grid)  # what does not fit is said before drawing
    kinds = _KINDS[options.view][-1:] if options.quick else _KINDS[options.view]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pairs = (_QUICK_PAIRS if options.quick else options.pairs) * len(kinds)
        workers = 1 if options.quick else None  # a process takes longer to begin than a few pairs to draw
        draw_pairs(options.view, pairs, kinds, options.seed, folder / "pairs", workers)
        data = open_dataset(_DATA[options.view], folder / "pairs", "val")
        print(encoder.description, flush=True)
        config = ExtractionOptions(
            data=_DATA[options.view], encoder=options.encoder, grid=options.grid, store_dir=str(folder / "store")
        )
        split = stored_split(data, encoder, config)
        kind, half = labels(split, folder / "pairs")
        methods = {options.encoder: stored_features(split), PIXELS: thumbnails(split)}
    scores = {
        one: {
            name: told_apart(features[kind == one], half[kind == one], split.sequence[kind == one])
            for name, features in methods.items()
        }
        for one in kinds
    }
    table = bare_table(f"Balanced accuracy of a probe of one picture: with the thing or without, {pairs} pairs")
    table.add_column("kind")
    cells = {one: [_percent(interval) for interval in by_method.values()] for one, by_method in scores.items()}
    for method, column in zip(methods, zip(*cells.values(), strict=True), strict=True):
        add_numbers(table, method, column)
    for one, row in cells.items():
        table.add_row(one if one in _REASONS[options.view] else f"{one} (must not matter)", *row)
    Console().print(table)
    print("95 % over pairs; chance is 50 %. The world is drawn: nothing here is said of real roads.")
    if options.json:
        content = {"options": vars(options), "scores": {k: _as_json(v) for k, v in scores.items()}}
        write_atomic(user_path(options.json), json.dumps(content, indent=1) + "\n")
    print(f"{time.monotonic() - started:.0f} s")
    told = [one for one in kinds if one in _REASONS[options.view]] or kinds
    ours, bare = (np.mean([scores[one][name].value for one in told]) for name in (options.encoder, PIXELS))
    reference = f"the same probe of {PIXELS}, mean accuracy over kinds that matter"
    print_ratios(reference, {f"pair_probe_{options.view}": ours / bare})


def draw_pairs(
    view: str, pairs: int, kinds: tuple[str, ...], seed: int, folder: Path, workers: int | None = None
) -> None:
    """Draw so many pairs in all, kind after kind, into a folder; `workers` None: one per processor."""
    if view == "drives":
        spec = drives.RoadWorldSpec(
            train_sequences=0, val_sequences=0, pairs=pairs, kinds=kinds, seed=seed, cameras=("FRONT",)
        )
        write_roadworld(spec, folder, workers)
    else:
        spec_of_walks = walks.SidewalkSpec(train=0, val=0, pairs=pairs, kinds=kinds, seed=seed)
        write_sidewalk(spec_of_walks, folder, workers)


def labels(split: StoredSplit, folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """(n,) the kind of each row's pair, and (n,) its half, "with" or "without", in the split's order."""
    lines = [json.loads(line) for line in (folder / PAIRS).read_text().splitlines()]
    by_frame = {line["frame"].removesuffix(".jpg"): line for line in lines}
    rows = [by_frame[name] for name in split.dataset.states.id[split.rows].tolist()]
    return np.array([row["kind"] for row in rows]), np.array([row["half"] for row in rows])


def told_apart(features: np.ndarray, half: np.ndarray, pair: np.ndarray) -> Interval:
    """Balanced accuracy of probes of (n, ...) features that tell the (n,) halves apart, each scored on other pairs.

    `pair` (n,) names each row's; both halves are always on the same side.
    """
    _, number = np.unique(pair, return_inverse=True)
    fold, predicted = number % FOLDS, np.empty(len(half), half.dtype)
    for one in range(FOLDS):
        fitted, scored = fold != one, fold == one
        held_out = fold[fitted] == (one + 1) % FOLDS  # where the penalty is chosen
        predicted[scored] = fit_probe(features[fitted], half[fitted], held_out).predict(features[scored])
    return balanced_accuracy_interval(predicted, half, pair)


def _percent(interval: Interval) -> str:
    return f"{100 * interval.value:.0f} % ({100 * interval.low:.0f}–{100 * interval.high:.0f})"


def _as_json(scores: dict[str, Interval]) -> dict[str, object]:
    return {name: asdict(interval) for name, interval in scores.items()}


def main() -> int:
    """Parse, measure; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--view", choices=list(_KINDS), default="drives", help="of which view (default: %(default)s)")
    parser.add_argument("--encoder", default="smol", help="frozen encoder (default: %(default)s)")
    parser.add_argument("--checkpoint", default="mini", help="its weights (default: %(default)s)")
    parser.add_argument("--grid", type=int, default=4, help="regions per side (default: %(default)s)")
    parser.add_argument("--pairs", type=int, default=60, help="of each kind (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="another seed draws other pairs (default: %(default)s)")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda (default: %(default)s)")
    parser.add_argument("--json", help="file for the figures")
    parser.add_argument("--quick", action="store_true", help="few pairs of one kind")
    return run(benchmark, parser.parse_args())


if __name__ == "__main__":
    sys.exit(main())
