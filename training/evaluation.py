"""Score a run: every head and baseline on the same rows, a table, metrics.json and the report page."""

import json
import shlex
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console

from loaders import jpeg
from loaders.dataset import RoadDataset, StateTable
from loaders.errors import BadInput, BadRecord
from loaders.sample import Intent
from metrics.comparison import Comparison, compare
from metrics.displacement import displacement
from reports.page import DRAWN, MINIATURE, write_report
from reports.scene import Scene
from reports.table import comparison_table, group_table
from training.batches import StoredSplit
from training.build import build_run_encoder, open_split
from training.command_line import parse_file
from training.config import EvalConfig, TrainConfig
from training.extraction import encoder_parts, stored_split
from training.road_model import RoadModel
from training.run_folder import RunFolder, check_same_encoder, write_whole, writing_into


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
    predictions = predict_split(model, split)
    comparison = compare_rows(
        predictions,
        data.states.take(split.rows),
        reference=options.head.name,
        resamples=config.resamples,
        seed=config.seed,
    )
    sees_image = set(predictions) - model.blind
    console = Console()
    console.print(comparison_table(comparison, sees_image))
    for kind in comparison.group_sizes:
        console.print(group_table(comparison, sees_image, kind))
    heading = _heading(facts, data, encoder.description, options)
    scenes = _scenes(predictions, split, options)
    out = Path(config.out) if config.out else folder.path
    with writing_into(out, "free space there, or name another folder with --out"):
        content = {"run": heading, "sees_image": sorted(sees_image), **comparison.to_json()}
        write_whole(out / "metrics.json", json.dumps(content, indent=1) + "\n")
        report = write_report(
            out / "report.html",
            comparison=comparison,
            sees_image=sees_image,
            heading=heading,
            scenes=scenes,
            cautions=_cautions(data, options),
        )
    print(f"{out / 'metrics.json'}\n{report}")


def predict_split(model: RoadModel, split: StoredSplit) -> dict[str, np.ndarray]:
    """Every head's waypoints for a split: name -> (n, 20, 2) metres, ego frame."""
    with torch.no_grad():
        parts = [model(batch) for batch in split.batches()]
    return {name: np.concatenate([part[name]["waypoints"].numpy() for part in parts]) for name in parts[0]}


def run_options(folder: RunFolder, config: EvalConfig) -> TrainConfig:
    """The run's options with those that eval.py was given in their place."""
    trained = parse_file(TrainConfig, folder.config)
    given = {name: getattr(config, name) for name in ("data", "data_dir", "split_by", "on_bad_record")}
    if config.data not in (None, trained.data):
        given["data_dir"] = config.data_dir or ""  # the run's folder holds other data
    named = {name: value for name, value in given.items() if value is not None}
    return replace(trained, **named, device=config.device)


def compare_rows(
    predictions: dict[str, np.ndarray], states: StateTable, *, reference: str, resamples: int, seed: int
) -> Comparison:
    """Methods' paths (n, 20, 2) metres, ego frame, beside the logged ones of the same n rows."""
    return compare(
        predictions,
        states.future,
        sequence=states.sequence,
        intent=states.intent,
        speed=np.hypot(states.past[:, -1, 2], states.past[:, -1, 3]),
        reference=reference,
        resamples=resamples,
        seed=seed,
    )


def _heading(facts: dict[str, Any], data: RoadDataset, encoder: str, options: TrainConfig) -> dict[str, str]:
    return {
        "data": data.description,
        "encoder": encoder,
        "head": f"{options.head.name} on {options.pooling} features of {', '.join(options.camera_names)}",
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


def _scenes(predictions: dict[str, np.ndarray], split: StoredSplit, options: TrainConfig) -> list[Scene]:
    """The frames on which the head is best, middling and worst, by ADE at 5 s against the log."""
    dataset, head = split.dataset, options.head.name
    camera = "FRONT" if "FRONT" in dataset.cameras else options.camera_names[0]
    future = dataset.states.future[split.rows]
    error = displacement(predictions[head], future).mean(axis=1)
    order = np.argsort(error)
    scenes = []
    for title, position in (("best", order[0]), ("median", order[len(order) // 2]), ("worst", order[-1])):
        row = int(split.rows[position])
        paths = {head: predictions[head][position], "logged": future[position]}
        if head != "constant velocity":
            paths["constant velocity"] = predictions["constant velocity"][position]
        scenes.append(
            Scene(
                title=f"{title} ({Intent(int(dataset.states.intent[row])).name.lower().replace('_', ' ')})",
                sample_id=str(dataset.states.id[row]),
                error_m=float(error[position]),
                image=_picture(dataset, row, camera, options.on_bad_record),
                camera=camera,
                calibration=dataset.calibration(row, camera),
                past=dataset.states.past[row],
                paths=paths,
            )
        )
    return scenes


def _picture(dataset: RoadDataset, row: int, camera: str, on_bad_record: str) -> np.ndarray | None:
    """(H, W, 3) uint8 RGB, or None where there is none: a run without an encoder has not read it before."""
    try:
        encoded = dataset.image(row, camera)
        return jpeg.decode(encoded, f"{dataset.where(row)}: {camera}") if encoded else None
    except BadRecord:
        if on_bad_record == "raise":
            raise
        return None
