"""Score a run: every head and baseline on the same rows, a table, metrics.json and the report page."""

import json
import shlex
import sys
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from loaders.dataset import RoadDataset, StateTable, Subset
from loaders.errors import BadInput
from loaders.rated import RatedFrames, rated_frames
from metrics.comparison import Comparison, compare, nan_to_none
from metrics.modes import mode_ade, score_modes
from metrics.rated_comparison import RatedComparison, compare_rated
from metrics.raters import Raters
from reports.colours import LOG
from reports.modes_table import HeadModes, modes_table
from reports.page import DRAWN, MINIATURE, write_report
from reports.rated_table import rated_tables
from reports.table import comparison_table, group_table
from training.batches import StoredSplit
from training.build import build_run_encoder, open_split
from training.command_line import parse_file
from training.config import EvalConfig, TrainConfig
from training.extraction import encoder_parts, stored_split
from training.predictions import Predictions, predict
from training.road_model import RoadModel
from training.run_folder import RunFolder, check_same_encoder, write_whole, writing_into
from training.scenes import report_scenes


def evaluate_run(config: EvalConfig) -> None:
    """Print the comparison table; write metrics.json and report.html."""
    folder = RunFolder.of(config.run)
    options = run_options(folder, config)
    facts = folder.read_facts()
    model = RoadModel.from_pretrained(folder.model).eval()
    encoder = build_run_encoder(options)
    check_same_encoder(folder, encoder_parts(encoder, options))
    data = open_split(options, config.split)
    print(data.description, encoder.description, sep="\n", flush=True)

    split = stored_split(data, encoder, options).with_future()
    if not len(split):
        raise BadInput(f"{data.name} {data.split}: no row has both features and a logged future to score against")
    predictions = predict(model, split, modes_of=options.head.name)
    scored = Subset(data, split.rows, data.split)
    rated = rated_frames(scored)
    found = _findings(predictions, scored, rated, options, config)
    sees_image = set(predictions.paths) - model.blind
    _print_tables(found, sees_image)
    heading = _heading(facts, data, encoder.description, options)
    scenes = report_scenes(predictions, scored, rated, options)
    out = Path(config.out) if config.out else folder.path
    with writing_into(out, "free space there, or name another folder with --out"):
        content = {"run": heading, "sees_image": sorted(sees_image), **found.to_json()}
        write_whole(out / "metrics.json", json.dumps(content, indent=1) + "\n")
        report = write_report(
            out / "report.html",
            comparison=found.comparison,
            against_raters=found.against_raters,
            modes=found.modes,
            sees_image=sees_image,
            heading=heading,
            scenes=scenes,
            cautions=_cautions(data, options),
        )
    print(f"{out / 'metrics.json'}\n{report}")


@dataclass(frozen=True)
class Findings:
    """All that a run is scored by: against the log, against raters where there are any, and its head's modes."""

    comparison: Comparison
    against_raters: RatedComparison | None
    modes: HeadModes | None

    def to_json(self) -> dict[str, Any]:
        """The fields of the comparison, and beside them "against_raters" and "modes", None where there are none."""
        return {
            **self.comparison.to_json(),
            "against_raters": self.against_raters.to_json() if self.against_raters else None,
            "modes": nan_to_none(asdict(self.modes)) if self.modes else None,
        }


def predict_split(model: RoadModel, split: StoredSplit) -> dict[str, np.ndarray]:
    """Every head's waypoints for a split: name -> (n, 20, 2) metres, ego frame."""
    return predict(model, split).paths


def run_options(folder: RunFolder, config: EvalConfig) -> TrainConfig:
    """The run's options with those that eval.py was given in their place."""
    trained = parse_file(TrainConfig, folder.config)
    given = {name: getattr(config, name) for name in ("data", "data_dir", "image_root", "split_by", "on_bad_record")}
    if config.data not in (None, trained.data):
        given["data_dir"] = config.data_dir or ""  # the run's folder holds other data
    if given["data_dir"] is not None:
        given["image_root"] = config.image_root or ""
    named = {name: value for name, value in given.items() if value is not None}
    return replace(trained, **named, device=config.device)


def compare_rows(
    predictions: dict[str, np.ndarray],
    states: StateTable,
    *,
    reference: str,
    resamples: int,
    seed: int,
    cluster: np.ndarray | None = None,
) -> Comparison:
    """Methods' paths (n, 20, 2) metres, ego frame, beside the logged ones of the same n rows.

    `cluster` (n,) names the scenario cluster of each row, "" where it has none; None where no row has one.
    """
    return compare(
        predictions,
        states.future,
        sequence=states.sequence,
        intent=states.intent,
        speed=np.hypot(states.past[:, -1, 2], states.past[:, -1, 3]),
        cluster=cluster,
        reference=reference,
        resamples=resamples,
        seed=seed,
    )


def compare_with_raters(
    predictions: dict[str, np.ndarray],
    logged: np.ndarray,
    rated: RatedFrames,
    *,
    reference: str,
    resamples: int,
    seed: int,
) -> RatedComparison | None:
    """Methods' paths and the `logged` ones, (n, 20, 2) metres, ego frame, against raters; None if no row is rated.

    `rated` counts its rows as the paths are: of n rows.
    """
    if not len(rated):
        return None
    return compare_rated(
        {name: paths[rated.row] for name, paths in {**predictions, LOG: logged}.items()},
        Raters.of(rated.rater_xy, rated.rater_length, rated.rater_score),
        speed=rated.speed,
        sequence=rated.sequence,
        cluster=rated.cluster,
        reference=reference,
        resamples=resamples,
        seed=seed,
    )


def _findings(
    predictions: Predictions, scored: RoadDataset, rated: RatedFrames, options: TrainConfig, config: EvalConfig
) -> Findings:
    """Score the predictions of all rows of `scored`; `rated` are those of them that raters scored."""
    states, head = scored.states, options.head.name
    cluster = np.array([scored.targets(row).cluster or "" for row in range(len(scored))], str)
    drawn_alike = {"resamples": config.resamples, "seed": config.seed}
    modes = None
    if predictions.modes is not None and predictions.mode_probabilities is not None:
        error, probability = mode_ade(predictions.modes, states.future), predictions.mode_probabilities
        modes = HeadModes(head, error.shape[1], score_modes(error, probability, states.sequence, **drawn_alike))
    return Findings(
        compare_rows(predictions.paths, states, cluster=cluster, reference=head, **drawn_alike),
        compare_with_raters(predictions.paths, states.future, rated, reference=head, **drawn_alike),
        modes,
    )


def _print_tables(found: Findings, sees_image: set[str]) -> None:
    tables = [
        comparison_table(found.comparison, sees_image),
        *(rated_tables(found.against_raters, sees_image) if found.against_raters else ()),
        *([modes_table(found.modes)] if found.modes else ()),
        *(group_table(found.comparison, sees_image, kind) for kind in found.comparison.group_sizes),
    ]
    console = Console()
    for table in tables:
        console.print(table)
        if table.caption:  # below which rich leaves no room
            console.print()


def _heading(facts: dict[str, Any], data: RoadDataset, encoder: str, options: TrainConfig) -> dict[str, str]:
    return {
        "data": data.description,
        "encoder": encoder,
        "head": f"{options.head.name} on {options.pooling} features of {', '.join(options.picture_names)}",
        "training": f"{facts['rows']['train']} rows, {options.epochs} epochs, seed {options.seed}, {facts['device']}",
        "skipped records": str(facts["skipped"]),
        "trained": facts["date"],
        "scored": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "commands": f"{facts['command']} ; {shlex.join(['python', *sys.argv])}",
        "versions": ", ".join(f"{name} {number}" for name, number in facts["versions"].items()),
    }


def _cautions(data: RoadDataset, options: TrainConfig) -> list[str]:
    miniature = options.encoder != "none" and options.checkpoint == "mini"
    return [caution for caution, applies in ((DRAWN, data.name == "roadworld"), (MINIATURE, miniature)) if applies]
