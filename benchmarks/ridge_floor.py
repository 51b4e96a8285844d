"""Does the waypoint head lose to its own ridge on a small first data set? ADE at 5 s of head / ridge, on real film.

    python benchmarks/ridge_floor.py [--real DIR] [--json FILE]
    python benchmarks/ridge_floor.py --quick      few photographs, one seed: the numbers then mean nothing

The photographs are of one drive, cut into blocks of 15 s with 9 s between two of them. Each block is left out by
turns, and heads are trained on the others as train.py trains them, with `--waypoint.residual` auto, none and ego. A
ratio is that of the means over all photographs, the head's averaged over its seeds; its interval is over blocks. The
paths beside these photographs are derived by visual odometry and smoothed: ratios tell heads apart, and the metres
are no accuracy.
"""

import argparse
import io
import json
import sys
import tempfile
import time
from contextlib import redirect_stdout
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
from ratio_lines import print_ratios
from rich.console import Console
from rich.table import Table
from udacity_drive import QUICK_EVERY, open_udacity_drive

from roadcue.command_line import run
from roadcue.errors import BadInput
from roadcue.files import user_path, write_atomic
from roadcue.heads.baselines.waypoint import Ridge
from roadcue.heads.multi_head import BLIND_SUFFIX, MultiHeadModel
from roadcue.heads.registry import WAYPOINT
from roadcue.heads.waypoint.config import WaypointConfig
from roadcue.metrics.bootstrap import Interval
from roadcue.metrics.comparison import nan_to_none
from roadcue.metrics.displacement import displacement, per_frame
from roadcue.metrics.resampling import bootstrap_of
from roadcue.options_as_text import as_yaml
from roadcue.reports.table import add_numbers, bare_table
from roadcue.training.build import build_run_encoder
from roadcue.training.config import TrainConfig
from roadcue.training.extraction import encoder_parts, stored_split
from roadcue.training.heads.batches import StoredSplit
from roadcue.training.heads.fitting import train_heads
from roadcue.training.heads.predictions import predict
from roadcue.training.heads.residual_choice import ResidualChoice
from roadcue.training.heads.splits import EncoderFacts, StoredSplits
from roadcue.training.run_folder import RunFolder

RESIDUALS = ("auto", "none", "ego")
ROWS = (WAYPOINT, WAYPOINT + BLIND_SUFFIX)
_QUICK_BLOCKS = 2
Errors = dict[tuple[str, str], np.ndarray]
"""(value of --waypoint.residual, row of the table) -> (n,) ADE at 5 s in metres, a mean over seeds."""


def benchmark(options: argparse.Namespace) -> None:
    """Print the table, and write the JSON file when one is named."""
    started = time.monotonic()
    if options.json and not user_path(options.json).parent.is_dir():
        raise BadInput(f"--json {options.json}: there is no such folder")
    with tempfile.TemporaryDirectory() as folder:
        drive = open_udacity_drive(options.real, Path(folder), every=QUICK_EVERY if options.quick else 1)
        epochs = 1 if options.quick else None
        config = TrainConfig(data="manifest", workers=0, store_dir=folder, device=options.device, epochs=epochs)
        encoder = build_run_encoder(config)
        split = stored_split(drive, encoder, config)
        facts = EncoderFacts(encoder.width, encoder.grid, encoder.description, encoder_parts(encoder, config))
        blocks = np.unique(split.sequence)[: _QUICK_BLOCKS if options.quick else None]
        parts = [left_out(split, block, facts, config, options.seeds, Path(folder) / block) for block in blocks]
    errors = {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
    block = np.repeat(blocks, [len(next(iter(part.values()))) for part in parts])
    ratios = {key: ratio(errors[key], errors["auto", Ridge.name], block) for key in errors if key[1] != Ridge.name}
    Console().print(table(errors, ratios))
    print("The paths are derived from the photographs: the metres are no accuracy of anything.")
    if options.json:
        content = {"data": drive.description, "blocks": len(blocks), "options": vars(options)}
        content["head / ridge"] = {", ".join(key): asdict(interval) for key, interval in ratios.items()}
        content["ade_5s_m"] = {", ".join(key): float(error.mean()) for key, error in errors.items()}
        write_atomic(user_path(options.json), json.dumps(nan_to_none(content), indent=1) + "\n")
    print(f"{len(block)} photographs in {len(blocks)} blocks, {time.monotonic() - started:.0f} s")
    heads = {f"ridge_floor_{residual}": ratios[residual, WAYPOINT].value for residual in RESIDUALS}
    print_ratios("the ridge: ADE at 5 s of the head that sees", heads)


def left_out(
    split: StoredSplit, block: str, encoder: EncoderFacts, config: TrainConfig, seeds: list[int], folder: Path
) -> Errors:
    """Of the photographs of one block, by heads that were trained on the others."""
    theirs = split.sequence == block
    splits = StoredSplits(encoder, split.only(split.rows[~theirs]), split.only(split.rows[theirs]), {}, {})
    errors: Errors = {}
    for residual in RESIDUALS:
        asked = WaypointConfig(residual=residual)
        runs = [errors_of(asked, seeds[0], config, splits, folder / residual)]
        options = dict.fromkeys(ROWS, asked)
        if residual == "auto":
            chosen = RunFolder(folder / residual).read_facts()["residual"]
            choices = {head: ResidualChoice.from_json(content, asked) for head, content in chosen.items()}
            for head, choice in choices.items():
                print(f"{block} left out: {choice.said(head)}", flush=True)
            options = {head: choice.options for head, choice in choices.items()}  # as with every other seed
        for seed in seeds[1:]:
            run: dict[str, np.ndarray] = {}
            for number, each in enumerate(dict.fromkeys(options.values())):
                trained = errors_of(each, seed, config, splits, folder / f"{residual}-{seed}-{number}")
                run |= {row: error for row, error in trained.items() if options.get(row, each) == each}
            runs.append(run)
        errors |= {(residual, row): np.mean([run[row] for run in runs], axis=0) for row in runs[0]}
    return errors


def errors_of(
    options: WaypointConfig, seed: int, config: TrainConfig, splits: StoredSplits, path: Path
) -> dict[str, np.ndarray]:
    """Row of the table -> (n,) ADE at 5 s on the validation rows, metres."""
    config = replace(config, seed=seed, head_options={WAYPOINT: options}, run_dir=str(path))
    folder = RunFolder(path)
    with redirect_stdout(io.StringIO()):
        train_heads(config, as_yaml(config), folder, splits, "")
    paths = predict(MultiHeadModel.from_pretrained(folder.model), splits.val).paths
    logged = splits.val.targets["future"].numpy()
    return {row: per_frame(displacement(paths[row], logged))["ade_5s"] for row in (*ROWS, Ridge.name)}


def ratio(error: np.ndarray, ridge: np.ndarray, block: np.ndarray) -> Interval:
    """The mean of (n,) errors over that of the ridge's, with its interval over blocks: below 1 the head wins."""
    return bootstrap_of(lambda means: means[:, 0] / means[:, 1], np.stack([error, ridge], axis=1), block)


def table(errors: Errors, ratios: dict[tuple[str, str], Interval]) -> Table:
    """A line per head and residual."""
    lines = bare_table("ADE at 5 s of head / ridge (95 % over blocks): 1 or less is no worse than the ridge")
    lines.add_column("", overflow="fold")
    names = [*(f"{residual}: {row}" for residual, row in ratios), Ridge.name]
    figures = [*(f"{each.value:.3f} ({each.low:.3f}…{each.high:.3f})" for each in ratios.values()), "1"]
    metres = [f"{errors[key].mean():.2f}" for key in (*ratios, ("auto", Ridge.name))]
    add_numbers(lines, "head / ridge", figures)
    add_numbers(lines, "ADE (m)", metres)
    for line in zip(names, figures, metres, strict=True):
        lines.add_row(*line)
    return lines


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--real", metavar="DIR", help="holds udacity_hmb3; default: $REAL_DIR or shared/real")
    parser.add_argument("--seeds", type=numbers, default=[0, 1, 2], help="of the trainings, with commas")
    parser.add_argument("--device", choices=["auto", "cpu", "cuda"], default="auto")
    parser.add_argument("--json", metavar="FILE", help="write all numbers there")
    parser.add_argument("--quick", action="store_true", help="few photographs, one seed: the numbers mean nothing")
    options = parser.parse_args()
    if options.quick:
        options.seeds = [0]
    return run(benchmark, options)


def numbers(text: str) -> list[int]:
    return [int(number) for number in text.split(",")]


if __name__ == "__main__":
    sys.exit(main())
