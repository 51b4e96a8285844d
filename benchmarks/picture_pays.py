"""Does the picture pay? Heads on frozen features against those that see nothing, a leak test, and a linear probe.

    python benchmarks/picture_pays.py [--seeds 0,1,2] [--json FILE]
    python benchmarks/picture_pays.py --quick      on a few small pictures, too few for the claims to hold

Everything is trained by train.py's own code with train.py's own defaults, on RoadWorld's training sequences, and
scored on its validation sequences. With several seeds every method answers once per seed, and all its answers to a
frame count. Exit code 0 when every claim holds, 1 when one does not, 2 when it cannot run.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from ratio_lines import print_ratios
from rich import box
from rich.console import Console
from rich.table import Table

from roadcue.command_line import run
from roadcue.errors import BadInput
from roadcue.evaluation.paths import compare_rows
from roadcue.evaluation.probes import ProbeScores, probe_field, thumbnails
from roadcue.evaluation.shuffled_pictures import with_shuffled_pictures
from roadcue.files import write_atomic
from roadcue.heads.multi_head import BLIND_SUFFIX, MultiHeadModel
from roadcue.heads.waypoint.config import WaypointConfig
from roadcue.loaders.dataset import RoadDataset
from roadcue.metrics.bootstrap import DEFAULT_BOOTSTRAP, Interval
from roadcue.metrics.comparison import Comparison, nan_to_none, relative_gain
from roadcue.metrics.displacement import displacement, per_frame
from roadcue.models.encoder import Encoder
from roadcue.reports.displacement_table import COLUMNS, displacement_table
from roadcue.roadworld.dataset import open_sidewalk
from roadcue.roadworld.sidewalk.spec import SidewalkSpec
from roadcue.roadworld.sidewalk.write import write_sidewalk
from roadcue.roadworld.spec import RoadWorldSpec
from roadcue.roadworld.write import write_roadworld
from roadcue.training.build import build_run_encoder, open_split
from roadcue.training.config import TrainConfig
from roadcue.training.extraction import stored_split
from roadcue.training.heads.batches import StoredSplit
from roadcue.training.heads.fitting import build_model, fit_by_gradient
from roadcue.training.heads.predictions import predict
from roadcue.training.run_folder import RunFolder

HEAD = TrainConfig().head
GRID, MEAN, BLIND, RIDGE = f"{HEAD} on grid features", f"{HEAD} on mean features", HEAD + BLIND_SUFFIX, "ridge"
SHUFFLED, WRONG_PICTURES = "grid trained on shuffled pictures", "grid scored on shuffled pictures"
SEEING = (GRID, MEAN, SHUFFLED, WRONG_PICTURES)
Gain = Callable[[str, str, str], Interval]
"""Metric, method, other method -> the share of the other's error that the method saves."""
NEEDED_GAIN = {"ade_5s": 0.25, "ade_3s": 0.15}
NEEDED_BALANCED_ACCURACY = 0.90
FIELDS = ("sidewalk_pos", "road_pos")
FEW_DRIVES = RoadWorldSpec(12, 6, seconds=8, stride=20, width=160, height=178, cameras=("FRONT",))
FEW_WALKS = SidewalkSpec(160, 40, width=160, height=120)
"""What --quick draws."""


@dataclass(frozen=True)
class Claim:
    """A share that was measured, and whether it is what it has to be."""

    says: str
    measured: Interval
    needed: str
    holds: bool


def benchmark(options: argparse.Namespace, held: list[bool]) -> None:
    """Print the tables; `held` gets one truth value per claim."""
    started = time.monotonic()
    epochs = 1 if options.quick else None
    same = {HEAD: WaypointConfig(residual="none")}  # of every row: what differs is what it sees
    config = TrainConfig(
        data_dir=options.data_dir, grid=options.grid, device=options.device, epochs=epochs, head_options=same
    )
    encoder = build_run_encoder(config)
    print(encoder.description, flush=True)
    console = Console()
    gains, leaks, comparison = waypoint_claims(config, encoder, options.seeds, console)
    console.print(claims_table(f"Share of the error that {GRID!r} saves", gains))
    console.print(claims_table(f"Leak test: share of the error saved, against {BLIND!r} unless said", leaks))
    scores = probe_scores(replace(config, cameras="CHEST"), encoder, options.sidewalk_dir)
    probed = [field_claim(*score) for score in scores]
    title = "Balanced accuracy of a linear probe, frozen grid features of the sidewalk view"
    console.print(claims_table(title, probed))
    claims = [*gains, *leaks, *probed]
    if options.json:
        content = {"encoder": encoder.description, "seeds": options.seeds, "config": asdict(config)}
        content |= {
            "claims": [asdict(claim) for claim in claims],
            "waypoints": comparison.to_json(),
            "probe": [asdict(score) | {"pixels": asdict(pixels)} for score, pixels in scores],
        }
        write_atomic(Path(options.json), json.dumps(nan_to_none(content), indent=1) + "\n")
    held += [claim.holds for claim in claims]
    print(f"{sum(held)} of {len(held)} claims hold; {time.monotonic() - started:.0f} s")
    error = {method.name: method.overall["ade_5s"].value for method in comparison.methods}
    beside = {"picture_pays_without_features": BLIND, "picture_pays_ridge": RIDGE}
    ratios = {name: error[GRID] / error[blind] for name, blind in beside.items()}
    print_ratios(f"what sees nothing, {BLIND!r} and {RIDGE!r}: error at 5 s", ratios)


def waypoint_claims(
    config: TrainConfig, encoder: Encoder, seeds: list[int], console: Console
) -> tuple[list[Claim], list[Claim], Comparison]:
    """Train and score every variant with every seed, print the comparison, judge the gains and the leak test."""
    data = [open_split(config, split) for split in ("train", "val")]
    print(*(split.description for split in data), sep="\n", flush=True)
    shared = set(data[0].states.sequence) & set(data[1].states.sequence)
    if shared:
        raise BadInput(f"{len(shared)} sequences are in both splits, such as {min(shared)}: give other data")
    answers = [variants(replace(config, seed=seed), encoder, data) for seed in seeds]
    val = stored_split(data[1], encoder, config).with_future()
    states = val.dataset.states.take(np.tile(val.rows, len(seeds)))
    predictions = {name: np.concatenate([one[name] for one in answers]) for name in answers[0]}
    comparison = compare_rows(predictions, states, reference=BLIND, bootstrap=DEFAULT_BOOTSTRAP)
    console.print(displacement_table(comparison, SEEING))
    errors = {name: per_frame(displacement(paths, states.future)) for name, paths in predictions.items()}

    def gain(metric: str, name: str, other: str) -> Interval:
        return relative_gain(errors[name][metric], errors[other][metric], states.sequence)

    return gain_claims(gain), leak_claims(gain), comparison


def variants(config: TrainConfig, encoder: Encoder, data: list[RoadDataset]) -> dict[str, np.ndarray]:
    """Every method's answers on the validation rows with one seed: name -> (n, 20, 2) metres, ego frame."""

    def splits(pooling: TrainConfig) -> tuple[StoredSplit, StoredSplit]:
        train, val = (stored_split(split, encoder, pooling).with_future() for split in data)
        return train, val

    train, val = splits(config)
    model = trained("grid features", config, encoder, train, val)
    answers = predict(model, val).paths
    answers = {GRID if name == HEAD else name: paths for name, paths in answers.items()}
    other_val = with_shuffled_pictures(val, config.seed)
    answers[WRONG_PICTURES] = predict(model, other_val).paths[HEAD]
    other_train = with_shuffled_pictures(train, config.seed + 1)
    shuffled = trained("shuffled pictures", config, encoder, other_train, other_val)
    answers[SHUFFLED] = predict(shuffled, other_val).paths[HEAD]
    mean = replace(config, pooling="mean")
    train, val = splits(mean)
    answers[MEAN] = predict(trained("mean features", mean, encoder, train, val), val).paths[HEAD]
    return answers


def trained(what: str, config: TrainConfig, encoder: Encoder, train: StoredSplit, val: StoredSplit) -> MultiHeadModel:
    """The head, its blind twin and the baselines as train.py trains them."""
    from lightning.pytorch import seed_everything  # here, or it would import matplotlib before roadcue has a say

    print(f"training on {what}, seed {config.seed}", flush=True)
    seed_everything(config.seed, verbose=False)
    model = build_model(config, encoder)
    model.fit(train.batches())
    with tempfile.TemporaryDirectory() as folder:
        fit_by_gradient(model, train, val, config, RunFolder(Path(folder)), resuming=False)
    return model.cpu().eval()


def gain_claims(gain: Gain) -> list[Claim]:
    """The head on grid features saves a stated share of the error of each method that sees nothing."""
    claims = []
    for metric, needed in NEEDED_GAIN.items():
        for blind in (BLIND, RIDGE):
            saved = gain(metric, GRID, blind)
            holds = saved.value >= needed and saved.low > 0
            claims.append(Claim(f"{ade(metric)}, against {blind}", saved, f"≥ {needed:.0%}, above 0", holds))
    return claims


def leak_claims(gain: Gain) -> list[Claim]:
    """With the pictures of other drives the gain is gone, so it came from the pictures."""
    claims = []
    for metric in NEEDED_GAIN:
        for shuffled in (SHUFFLED, WRONG_PICTURES):
            saved = gain(metric, shuffled, BLIND)
            claims.append(Claim(f"{ade(metric)}, {shuffled}", saved, "not above 0", not saved.low > 0))
        saved = gain(metric, GRID, WRONG_PICTURES)
        says = f"{ade(metric)}, own pictures against others'"
        claims.append(Claim(says, saved, "above 0", saved.low > 0))
    return claims


def ade(metric: str) -> str:
    return COLUMNS[metric].removesuffix(" (m)")


def probe_scores(
    config: TrainConfig, encoder: Encoder, sidewalk_dir: str | None
) -> list[tuple[ProbeScores, Interval]]:
    """For each of `FIELDS` a probe of the features, from the sidewalk view's training walks to its validation walks,
    and the balanced accuracy of the same probe on tiny pictures, without an encoder."""
    folder = Path(sidewalk_dir) if sidewalk_dir else None
    data = [open_sidewalk(folder, split) for split in ("train", "val")]
    print(*(split.description for split in data), sep="\n", flush=True)
    train, val = (stored_split(split, encoder, config) for split in data)
    tiny = {id(split): thumbnails(split) for split in (train, val)}
    scores = []
    for field in FIELDS:
        print(f"probing {field}", flush=True)
        pixels = probe_field(field, train, val, features=lambda split: tiny[id(split)])
        scores.append((probe_field(field, train, val), pixels.probe))
    return scores


def field_claim(score: ProbeScores, pixels: Interval) -> Claim:
    """The probe tells the field."""
    says = f"{score.field}; majority class {score.majority.value:.1%}, probe of 16 x 16 pixels {pixels.value:.1%}"
    needed = f"≥ {NEEDED_BALANCED_ACCURACY:.0%}"
    return Claim(says, score.probe, needed, score.probe.value >= NEEDED_BALANCED_ACCURACY)


def claims_table(title: str, claims: list[Claim]) -> Table:
    table = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left", pad_edge=False)
    for name in ("", "measured (95 %)", "needed", "verdict"):
        table.add_column(name, no_wrap=bool(name), justify="right" if "measured" in name else "left")
    for claim in claims:
        share = claim.measured
        low, high = f"{100 * share.low:.1f}", f"{100 * share.high:.1f}"
        measured = f"{share.value:.1%} ({low}…{high})".replace("-", "−")
        table.add_row(claim.says, measured, claim.needed, "holds" if claim.holds else "[bold]does not hold")
    return table


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=numbers, default=[0], help="training seeds, with commas: 0,1,2")
    parser.add_argument("--grid", type=int, default=TrainConfig().grid, help="regions per side of the grid features")
    parser.add_argument("--data_dir", help="folder of a RoadWorld; default: the one that train.py uses")
    parser.add_argument("--sidewalk_dir", help="folder of a sidewalk view; default: the one in the cache")
    parser.add_argument("--device", choices=["auto", "cpu", "cuda"], default="auto")
    parser.add_argument("--json", metavar="FILE", help="write all numbers there")
    parser.add_argument("--quick", action="store_true", help="small sizes: the numbers then mean nothing")
    options = parser.parse_args()
    held: list[bool] = []
    with tempfile.TemporaryDirectory() as folder:
        if options.quick:
            options.seeds, options.data_dir, options.sidewalk_dir = [0], *draw_small(Path(folder))
        code = run(benchmark, options, held)
    return code or int(not all(held))


def draw_small(folder: Path) -> tuple[str, str]:
    """Few drives and few walks, drawn into two folders inside, where their features are kept too."""
    os.environ["ROADCUE_CACHE"] = str(folder / "cache")
    # One worker: each is a process that imports this file anew, which takes longer than it draws.
    write_roadworld(FEW_DRIVES, folder / "drives", workers=1)
    write_sidewalk(FEW_WALKS, folder / "walks", workers=1)
    return str(folder / "drives"), str(folder / "walks")


def numbers(text: str) -> list[int]:
    return [int(number) for number in text.split(",")]


if __name__ == "__main__":
    sys.exit(main())
