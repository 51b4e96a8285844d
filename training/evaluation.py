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
from loaders.dataset import RoadDataset
from loaders.errors import BadInput
from loaders.sample import Intent
from metrics.comparison import Comparison, compare
from metrics.displacement import displacement
from reports.page import write_report
from reports.scene import Scene
from reports.table import comparison_table, group_table
from training.batches import StoredSplit
from training.build import build_run_encoder, open_split
from training.command_line import parse_file
from training.config import EvalConfig, TrainConfig
from training.extraction import encoder_parts, stored_split
from training.road_model import RoadModel
from training.run_folder import RunFolder, check_same_encoder


def evaluate_run(config: EvalConfig) -> None:
    """Print the comparison table; write metrics.json and report.html."""
    folder = RunFolder.of(config.run)
    options = _options(parse_file(TrainConfig, folder.config), config)
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
    comparison = _compare(predictions, split, reference=options.head.name, config=config)
    sees_image = set(predictions) - model.blind
    out = Path(config.out) if config.out else folder.path
    out.mkdir(parents=True, exist_ok=True)
    heading = _heading(facts, data, encoder.description, options)
    _write_json(out / "metrics.json", comparison, sees_image, heading)
    scenes = _scenes(predictions, split, options.head.name, camera=options.camera_names[0])
    report = write_report(
        out / "report.html", comparison=comparison, sees_image=sees_image, heading=heading, scenes=scenes
    )
    console = Console()
    console.print(comparison_table(comparison, sees_image))
    for kind in comparison.group_sizes:
        console.print(group_table(comparison, sees_image, kind))
    print(f"{out / 'metrics.json'}\n{report}")


def predict_split(model: RoadModel, split: StoredSplit) -> dict[str, np.ndarray]:
    """Every head's waypoints for a split: name -> (n, 20, 2) metres, ego frame."""
    with torch.no_grad():
        parts = [model(batch) for batch in split.batches()]
    return {name: np.concatenate([part[name]["waypoints"].numpy() for part in parts]) for name in parts[0]}


def _options(trained: TrainConfig, config: EvalConfig) -> TrainConfig:
    """The run's options with the data set that eval.py was asked for."""
    if config.data is None and config.data_dir is None:
        return trained
    data = config.data or trained.data
    return replace(trained, data=data, data_dir=config.data_dir, split_by=config.split_by)


def _compare(
    predictions: dict[str, np.ndarray], split: StoredSplit, *, reference: str, config: EvalConfig
) -> Comparison:
    states = split.dataset.states.take(split.rows)
    return compare(
        predictions,
        states.future,
        sequence=states.sequence,
        intent=states.intent,
        speed=np.hypot(states.past[:, -1, 2], states.past[:, -1, 3]),
        reference=reference,
        resamples=config.resamples,
        seed=config.seed,
    )


def _heading(facts: dict[str, Any], data: RoadDataset, encoder: str, options: TrainConfig) -> dict[str, str]:
    skipped = facts["skipped"]
    return {
        "data": data.description,
        "encoder": encoder,
        "head": f"{options.head.name} on {options.pooling} features of {', '.join(options.camera_names)}",
        "training": f"{facts['rows']['train']} rows, {options.epochs} epochs, seed {options.seed}, {facts['device']}",
        "skipped records": f"{skipped['train']} of train, {skipped['val']} of val",
        "trained": facts["date"],
        "scored": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "commands": f"{facts['command']} ; {shlex.join(['python', *sys.argv])}",
        "versions": ", ".join(f"{name} {number}" for name, number in facts["versions"].items()),
    }


def _write_json(path: Path, comparison: Comparison, sees_image: set[str], heading: dict[str, str]) -> None:
    content = {"run": heading, "sees_image": sorted(sees_image), **comparison.to_json()}
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(content, indent=1) + "\n")
    partial.replace(path)


def _scenes(predictions: dict[str, np.ndarray], split: StoredSplit, head: str, camera: str) -> list[Scene]:
    """The frames on which the head is best, middling and worst, by ADE at 5 s against the log."""
    dataset = split.dataset
    future = dataset.states.future[split.rows]
    error = displacement(predictions[head], future).mean(axis=1)
    order = np.argsort(error)
    scenes = []
    for title, position in (("best", order[0]), ("median", order[len(order) // 2]), ("worst", order[-1])):
        row = int(split.rows[position])
        encoded = dataset.image(row, camera)
        paths = {head: predictions[head][position], "logged": future[position]}
        if head != "constant velocity":
            paths["constant velocity"] = predictions["constant velocity"][position]
        scenes.append(
            Scene(
                title=f"{title} ({Intent(int(dataset.states.intent[row])).name.lower().replace('_', ' ')})",
                sample_id=str(dataset.states.id[row]),
                error_m=float(error[position]),
                image=jpeg.decode(encoded, str(dataset.states.id[row])) if encoded else None,
                calibration=dataset.calibration(row, camera),
                past=dataset.states.past[row],
                paths=paths,
            )
        )
    return scenes
