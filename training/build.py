"""From options to parts: which data set, which encoder, and what the first lines of a run say about them."""

from dataclasses import replace
from pathlib import Path
from typing import Literal

import torch

from roadcue.errors import BadInput
from roadcue.files import user_path
from roadcue.heads.registry import field_names
from roadcue.loaders.bad_records import faults_by_kind
from roadcue.loaders.dataset import RoadDataset
from roadcue.loaders.json_states import nearest
from roadcue.loaders.registry import DATASETS, open_dataset
from roadcue.loaders.split import every_nth, split_by_sequence, spread
from roadcue.loaders.state_check import state_warning
from roadcue.models.compilation import compiled
from roadcue.models.encoder import Encoder
from roadcue.models.registry import build_encoder
from roadcue.sentences import counted, show
from roadcue.training.config import TrainConfig
from roadcue.training.extraction_config import DataOptions, ExtractionOptions
from roadcue.training.run_checkpoint import check_there
from roadcue.training.run_folder import RunFolder
from roadcue.training.stage_two.config import LORA


def open_split(options: DataOptions, split: str) -> RoadDataset:
    """The data set's split, parted by sequence, thinned and limited as the options say; BadInput when it is empty."""
    folder, images = (user_path(given) if given else None for given in (options.data_dir, options.image_root))
    if options.split_by == "sequence" and split == "test":
        raise BadInput("--split_by sequence parts the data into train and val; it makes no test split")
    whole = DATASETS.find(options.data).whole_split if options.split_by == "sequence" else split
    dataset = open_dataset(options.data, folder, whole, image_root=images, on_bad_record=options.on_bad_record)
    if not DATASETS.find(options.data).fixed_fields:
        _check_fields(dataset)
    if options.split_by == "sequence":
        split_name: Literal["train", "val"] = "train" if split == "train" else "val"
        dataset = split_by_sequence(dataset, split_name, val_fraction=options.val_fraction)
    if options.frame_stride > 1:
        dataset = every_nth(dataset, options.frame_stride)
    if options.limit is not None and options.limit < len(dataset):
        dataset = spread(dataset, options.limit)
    if dataset.skipped:
        said = f"{counted(len(dataset.skipped), 'bad record')} skipped, by what is wrong with them:"
        show(said, *(f"  {fault}" for fault in faults_by_kind(dataset.skipped)), error=True)
    if not len(dataset):
        raise BadInput(f"{options.data} {split}: no samples left")
    if warning := state_warning(dataset):
        show(f"warning: {warning}", error=True)
    return dataset


def limit_said(options: DataOptions) -> str:
    """What everybody has to know of a run with `--limit`; "" without it."""
    if options.limit is None:
        return ""
    return f"a first try: {options.limit:,} samples of each split at most (--limit {options.limit}), not all of them"


def _check_fields(dataset: RoadDataset) -> None:
    """BadInput for the first field that no head reads."""
    known = field_names()
    for row in range(len(dataset)):
        for name in dataset.targets(row).fields:
            if name not in known:
                raise BadInput(
                    f"{dataset.where(row)}: fields[{name!r}] is read by no head{nearest(name, known)}; leave it out, "
                    "or give --plugin the file of a head that names it in `reads`"
                )


def build_run_encoder(options: ExtractionOptions, on: str | None = None, *, adapter: Path | None = None) -> Encoder:
    """The frozen encoder, on the options' device unless another is named; compiled where they say so.

    `adapter` is the folder of one that changes it.
    """
    encoder = build_encoder(
        options.encoder,
        checkpoint=options.checkpoint,
        dtype=options.dtype,
        aspect=options.aspect,
        features=options.encoder_features,
        device=on or device(options.device),
        adapter=adapter,
    )
    return compiled(encoder) if options.compile else encoder


def encoder_of_run(folder: RunFolder, options: TrainConfig, on: str | None = None) -> Encoder:
    """The encoder that the heads of a run go with: frozen, and what a stage two has made of it."""
    sees = options.encoder != "none"
    if sees and options.stage != "full":
        check_there(folder.path, options.checkpoint)
    if options.stage == "full" and sees:
        options = replace(options, checkpoint=str(folder.encoder))
    return build_run_encoder(options, on, adapter=folder.adapter if options.stage == LORA and sees else None)


def device(name: str) -> str:
    """The device that a `--device` means here: auto is cuda or cpu; BadInput for a GPU that is not there."""
    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if name == "auto":
        return "cuda" if gpus else "cpu"
    if name != "cpu" and (torch.device(name).index or 0) >= gpus:
        there = f"the GPUs here are cuda:0 to cuda:{gpus - 1}" if gpus else "this PyTorch sees no CUDA device"
        raise BadInput(f"--device {name}: {there}; use {'one of them' if gpus else '--device cpu'}")
    return name


def device_name(name: str) -> str:
    """What the device of a `--device` is called, for run.json."""
    on = device(name)
    return "cpu" if on == "cpu" else str(torch.cuda.get_device_name(on))
