"""What encoding would take, before it is begun: samples, bytes, pictures a second, hours; nothing is written."""

import time
from collections.abc import Sequence

import numpy as np

from roadcue.errors import BadInput
from roadcue.files import size_said
from roadcue.loaders.dataset import RoadDataset
from roadcue.models.encoder import Encoder
from roadcue.sentences import say, show
from roadcue.training.build import build_run_encoder, device_name, limit_said, open_split
from roadcue.training.encoded_pictures import encoded_pictures
from roadcue.training.extraction import StorePlan
from roadcue.training.extraction_config import ExtractionOptions

_MEASURED = 64
"""Pictures that are encoded to measure how fast it goes: four of the default batches."""


def dry_run(options: ExtractionOptions, splits: Sequence[str]) -> None:
    """Say what the splits' features would take; their rate is that of the first split's pictures."""
    encoder = build_run_encoder(options)
    datasets = [open_split(options, split) for split in splits]
    say(limit_said(options), encoder.description)
    if not encoder.width:
        show(f"samples: {_samples(datasets)}; no picture is encoded without an encoder, and nothing is stored")
        return
    plans = [StorePlan.of(dataset, encoder, options) for dataset in datasets]
    done = [plan.finished() is not None for plan in plans]
    pictures = [sum(len(_cameras(dataset, row, options)) for row in range(len(dataset))) for dataset in datasets]
    for dataset, plan, count, there in zip(datasets, plans, pictures, done, strict=True):
        state = "is there already" if there else "is begun, its room is taken" if plan.begun else "would be made"
        cameras = ",".join(options.camera_names)
        show(
            f"{dataset.description}\n  {len(dataset):,} samples, {count:,} pictures of {cameras}\n"
            f"  a store of {size_said(plan.bytes)} {state}: {plan.folder}"
        )
    if not pictures[0]:
        raise BadInput(f"{datasets[0].description}: no sample has a picture of {','.join(options.camera_names)}")
    rate, measured = _pictures_per_second(datasets[0], encoder, options)
    left = sum(count for count, there in zip(pictures, done, strict=True) if not there)
    say(
        f"{rate:.1f} pictures/s, measured on {measured} of them on {device_name(options.device)}: "
        f"{left / rate / 3600:.2f} hours for the {left:,} pictures of the stores that are not finished"
    )


def _samples(datasets: Sequence[RoadDataset]) -> str:
    return ", ".join(f"{len(dataset):,} of {dataset.split}" for dataset in datasets)


def _cameras(dataset: RoadDataset, row: int, options: ExtractionOptions) -> list[str]:
    """Those of the options that a row has."""
    return [camera for camera in options.camera_names if camera in dataset.cameras_of(row)]


def _pictures_per_second(dataset: RoadDataset, encoder: Encoder, options: ExtractionOptions) -> tuple[float, int]:
    """Pictures read, decoded, encoded and pooled per second, and of how many, spread over the split."""
    seen = np.array([row for row in range(len(dataset)) if _cameras(dataset, row, options)])
    count = min(len(seen), max(1, _MEASURED // len(options.camera_names)))
    rows = seen[np.arange(count) * len(seen) // count]
    for _ in encoded_pictures(dataset, encoder, options, rows[: options.encode_batch if options.compile else 1]):
        pass  # what is done once, such as a GPU's start, is not measured
    began = time.monotonic()
    pictures = sum(len(batch) for _, batch, _ in encoded_pictures(dataset, encoder, options, rows))
    return pictures / (time.monotonic() - began), pictures
