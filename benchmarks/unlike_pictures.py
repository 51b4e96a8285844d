"""Which pictures does a run take for unlike those that it has learnt from, and which should it?

    python benchmarks/unlike_pictures.py --run RUN [--pictures 200] [--real DIR] [--json FILE]
    python benchmarks/unlike_pictures.py --quick      a run of a few walks: the numbers then mean nothing

Three tables of a run with one camera. Which distance: the area under the ROC curve of each candidate between
validation pictures and spoilt ones, on kinds of spoiling by which one is chosen and on those of the second table.
What is flagged: the share of pictures that the run takes for unlike, and beside it how often its heads are right; of
pictures of which nothing sure may be said, and of pictures of which it still can, among them the run's own world
drawn anew. Photographs: a detector fitted on one half of a film, asked for the other. Exit code 0 when every demand
on the shares holds, 1 when one does not, 2 when it cannot run. Needs the development packages.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
from drawn_anew import ANOTHER_SEED, drawn_anew
from ood_candidates import candidates
from ratio_lines import print_ratios
from rich.console import Console
from torchmetrics.functional.classification import binary_auroc
from udacity_drive import udacity_folder, write_udacity_manifest
from unlike_tables import auroc_ratio, auroc_table, share_table

from roadcue import train
from roadcue.command_line import parse_file, run
from roadcue.errors import BadInput
from roadcue.evaluation.spoilt_pictures import CHOOSING, STILL_RIGHT, UNLIKE, SpoiltPictures
from roadcue.files import user_path, write_atomic
from roadcue.heads.multi_head import MultiHeadModel
from roadcue.heads.ood_detector import OODDetector, StoredPictures
from roadcue.heads.registry import WAYPOINT
from roadcue.loaders.dataset import RoadDataset
from roadcue.loaders.manifest.dataset import open_manifest
from roadcue.metrics.bootstrap import DEFAULT_BOOTSTRAP, Interval
from roadcue.metrics.comparison import nan_to_none
from roadcue.metrics.displacement import displacement, per_frame
from roadcue.metrics.resampling import sequence_bootstrap
from roadcue.models.encoder import Encoder
from roadcue.roadworld.sidewalk.spec import SidewalkSpec
from roadcue.roadworld.sidewalk.write import write_sidewalk
from roadcue.training.build import encoder_of_run, open_split
from roadcue.training.config import TrainConfig
from roadcue.training.extraction import encoder_parts, stored_split
from roadcue.training.heads.batches import StoredSplit, labels_of
from roadcue.training.heads.detector import pictures_of
from roadcue.training.heads.predictions import predict
from roadcue.training.run_folder import RunFolder, check_same_encoder

CLEAN, PHOTOGRAPHS, FLAGGED = "validation pictures as they are", "real photographs", "unlike"
LEAST, MOST, MOST_OTHERWISE = 0.95, {CLEAN: 0.03, ANOTHER_SEED: 0.05}, 0.10
"""The shares that should be unlike: of what shows nothing sure, and of what a head can still read."""
_EVERY, _QUICK_EVERY = 2, 40
"""Which of the film's photographs are looked at."""


@dataclass(frozen=True)
class Trained:
    """A run, its encoder, its options, and a folder for what is drawn and stored for this benchmark."""

    model: MultiHeadModel
    detector: OODDetector
    encoder: Encoder
    options: TrainConfig
    folder: Path

    @classmethod
    def of(cls, run_folder: str, folder: Path) -> "Trained":
        """BadInput for a run that tells no pictures apart, or reads several of a moment."""
        run_of = RunFolder.of(run_folder)
        options = parse_file(TrainConfig, run_of.config)
        model, encoder = MultiHeadModel.from_pretrained(run_of.model).eval(), encoder_of_run(run_of, options)
        check_same_encoder(run_of, encoder_parts(encoder, options))
        if model.detector is None or len(options.picture_names) != 1:
            raise BadInput(f"{run_folder}: needs a run that sees one picture of each moment and tells unlike ones")
        return cls(model, model.detector, encoder, options, folder)

    def split(self, data: RoadDataset, /, **changed: str) -> StoredSplit:
        """The features of a data set, stored where the run's are, with its labels for the run's heads."""
        options = replace(self.options, **changed)
        return stored_split(data, self.encoder, options, labels=labels_of(data, self.model.heads.values()))

    def made(self, data: RoadDataset, /, **changed: str) -> StoredSplit:
        """The same of pictures that are made for this benchmark alone."""
        return self.split(data, store_dir=str(self.folder / "store"), **changed)

    def scored(self, split: StoredSplit) -> dict[str, Interval]:
        """The share of a split's rows that is unlike, the heads' accuracies, and of paths their ADE in metres."""
        split = split.learnable(self.model)
        said, sequence = predict(self.model, split), split.sequence
        (flagged,) = sequence_bootstrap(_column(said.unlike), sequence)
        figures = {FLAGGED: flagged}
        if WAYPOINT in said.paths:
            errors = per_frame(displacement(said.paths[WAYPOINT], split.targets["future"].numpy()))["ade_5s"]
            (figures["ADE at 5 s (m)"],) = sequence_bootstrap(_column(errors), sequence)
        for name in self.options.head_names:
            answers = {name: said.answers[name]} if name in said.answers else {}
            for table in self.model.heads[name].score(answers, split.targets, sequence, DEFAULT_BOOTSTRAP):
                if "accuracy" in table.columns and not table.curves and name in table.methods:
                    figures[table.title] = table.methods[name]["accuracy"]
        return figures


def benchmark(options: argparse.Namespace, held: list[bool]) -> None:
    """Print the tables, and write the JSON file when one is named; `held` gets one truth value per demand."""
    started = time.monotonic()
    if options.json and not user_path(options.json).parent.is_dir():
        raise BadInput(f"--json {options.json}: there is no such folder")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        trained = Trained.of(options.run or quick_run(folder), folder)
        print(trained.encoder.description, flush=True)
        val = open_split(trained.options, "val")
        rows = np.unique(np.linspace(0, len(val) - 1, min(options.pictures, len(val))).round().astype(int))
        clean = trained.split(val)
        spoilt = {
            kind: trained.made(SpoiltPictures(val, rows, kind, spoil))
            for kind, spoil in {**CHOOSING, **UNLIKE, **STILL_RIGHT}.items()
        }
        film = film_of(options, trained)
        aurocs = auroc_by_candidate(trained, clean, spoilt)
        unlike = {kind: trained.scored(spoilt[kind]) for kind in UNLIKE}
        if film is not None:
            unlike[PHOTOGRAPHS] = {FLAGGED: flagged_of(trained.detector, pictures_of(film))}
        like = {CLEAN: trained.scored(clean)} | {kind: trained.scored(spoilt[kind]) for kind in STILL_RIGHT}
        like |= {
            kind: trained.scored(trained.made(data))
            for kind, data in drawn_anew(trained.options, val, options.pictures, folder)
        }
        halves = {} if film is None else film_halves(pictures_of(film))
    console = Console()
    console.print(auroc_table(aurocs))
    console.print(share_table("Of these nothing sure may be said", unlike))
    console.print(share_table("Of these a head can still be right", like))
    for half, share in halves.items():
        bounds = f"{share.low:.0%} to {share.high:.0%}"
        print(f"{PHOTOGRAPHS}: fitted on the {half} half, unlike in the other: {share.value:.1%} ({bounds})")
    if not halves:
        print(f"{PHOTOGRAPHS}: none; --real or REAL_DIR names their folder")
    demands = list(demanded(unlike, like))
    print(*(f"not so: {says}" for says, holds in demands if not holds), sep="\n")
    print("The world is drawn, and so is what is spoilt of it: nothing here is said of real roads.")
    if options.json:
        content = {"options": vars(options), "data": val.description, "auroc": aurocs}
        content |= {"unlike": _as_json(unlike), "like": _as_json(like), "film": _as_json({"halves": halves})}
        write_atomic(user_path(options.json), json.dumps(nan_to_none(content), indent=1) + "\n")
    held += [holds for _, holds in demands]
    print(
        f"{sum(held)} of {len(held)} demands hold; {len(rows)} pictures of a kind; {time.monotonic() - started:.0f} s"
    )
    best, ratio = auroc_ratio(aurocs)
    reference = f"the best published distance, {best}: areas under the ROC curve on kinds that chose nothing"
    print_ratios(reference, {"unlike_pictures_auroc": ratio})


def demanded(
    unlike: Mapping[str, Mapping[str, Interval]], like: Mapping[str, Mapping[str, Interval]]
) -> Iterator[tuple[str, bool]]:
    """What is asked of the shares that are unlike, and whether each is so."""
    for kind, figures in unlike.items():
        share = figures[FLAGGED].value
        yield f"{kind}: {share:.1%} are unlike, at least {LEAST:.0%} are asked for", share >= LEAST
    for kind, figures in like.items():
        share, most = figures[FLAGGED].value, MOST.get(kind, MOST_OTHERWISE)
        yield f"{kind}: {share:.1%} are unlike, at most {most:.0%} are asked for", share <= most


def auroc_by_candidate(
    trained: Trained, clean: StoredSplit, spoilt: Mapping[str, StoredSplit]
) -> dict[str, dict[str, float]]:
    """Candidate -> kind -> the area under the ROC curve between validation pictures and those of the kind."""
    train_pictures = pictures_of(trained.split(open_split(trained.options, "train")))
    usual = pictures_of(clean)
    kinds = {kind: pictures_of(spoilt[kind]) for kind in (*CHOOSING, *UNLIKE)}
    with torch.no_grad():
        return {
            name: {kind: auroc(distance(usual), distance(pictures)) for kind, pictures in kinds.items()}
            for name, distance in candidates(train_pictures, trained.detector).items()
        }


def auroc(usual: torch.Tensor, unlike: torch.Tensor) -> float:
    """How often one of (m,) distances of unlike pictures is above one of (n,) usual ones; equal counts half."""
    values = torch.cat([usual, unlike]).double()
    rank = values.unique(return_inverse=True)[1] / len(values)  # between 0 and 1, as torchmetrics wants them
    return float(binary_auroc(rank, torch.cat([torch.zeros(len(usual)), torch.ones(len(unlike))]).long()))


def flagged_of(detector: OODDetector, pictures: StoredPictures) -> Interval:
    """The share of pictures that a detector takes for unlike."""
    unlike = detector(pictures.stored, pictures.contrast, pictures.present) > 1
    (share,) = sequence_bootstrap(_column(unlike.numpy()), pictures.sequence)
    return share


def film_of(options: argparse.Namespace, trained: Trained) -> StoredSplit | None:
    """A film as the run's encoder sees it; None where there is none, unless --real names it."""
    try:
        source = udacity_folder(user_path(options.real) if options.real else None)
    except BadInput:
        if options.real:
            raise
        return None
    every = _QUICK_EVERY if options.quick else _EVERY
    film = open_manifest(write_udacity_manifest(source, trained.folder / "film", every=every), "all")
    print(film.description, flush=True)
    return trained.made(film, data="manifest", cameras="FRONT")


def film_halves(film: StoredPictures) -> dict[str, Interval]:
    """Which half of a film a detector is fitted on -> the share of the other half that is unlike to it."""
    blocks = np.unique(film.sequence)
    first = np.isin(film.sequence, blocks[: len(blocks) // 2])
    return {
        name: flagged_of(OODDetector.fitted(film.at(half)), film.at(~half))
        for name, half in {"first": first, "second": ~first}.items()
    }


def quick_run(folder: Path) -> str:
    """A run of the cue and field heads on so few walks that it takes seconds."""
    write_sidewalk(SidewalkSpec(80, 40, width=160, height=120), folder / "walks", workers=1)
    os.environ["ROADCUE_CACHE"] = str(folder / "cache")
    walks = ["--data", "sidewalk", "--data_dir", str(folder / "walks"), "--head", "cue,field", "--cameras", "CHEST"]
    if code := train.main([*walks, "--workers", "0", "--epochs", "1", "--run_dir", str(folder / "run")]):
        sys.exit(code)
    return str(folder / "run")


def _column(values: np.ndarray | None) -> np.ndarray:
    return np.asarray(values, dtype=np.float64)[:, None]


def _as_json(rows: Mapping[str, Mapping[str, Interval]]) -> dict[str, dict[str, dict[str, float]]]:
    return {kind: {name: asdict(interval) for name, interval in figures.items()} for kind, figures in rows.items()}


def main() -> int:
    """Parse, measure; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", help="run folder that train.py made; may be left out with --quick")
    parser.add_argument("--pictures", type=int, default=200, help="of each kind (default: %(default)s)")
    parser.add_argument("--real", metavar="DIR", help="holds udacity_hmb3; default: $REAL_DIR or shared/real")
    parser.add_argument("--json", metavar="FILE", help="write all numbers there")
    parser.add_argument("--quick", action="store_true", help="few pictures of a small run")
    options = parser.parse_args()
    if not (options.run or options.quick):
        parser.error("--run is needed: a run folder that train.py made")
    if options.quick:
        options.pictures = 8
    held: list[bool] = []
    return run(benchmark, options, held) or int(not all(held))


if __name__ == "__main__":
    sys.exit(main())
