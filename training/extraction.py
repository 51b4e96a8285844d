"""Frozen features for a whole split: decode ahead in workers, encode, pool, write by row.

`python -m roadcue.training.extraction --split train ...` does it without training; `--part 2/8` does the second of
eight row ranges, so that an array job can share the work.
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from roadcue.cache import cache_root
from roadcue.command_line import parse, run
from roadcue.errors import BadInput, BadRecord
from roadcue.files import user_path
from roadcue.loaders import picture_file
from roadcue.loaders.dataset import RoadDataset, sample_inputs
from roadcue.loaders.feature_store import FeatureStore, StoreWriter, open_finished, store_folder
from roadcue.models.encoder import Encoder
from roadcue.models.pooling import cells_stored, pool_tokens, pooling_fingerprint
from roadcue.progress import ProgressLine
from roadcue.training.build import build_run_encoder, open_split
from roadcue.training.extraction_config import ExtractConfig, ExtractionOptions
from roadcue.training.heads.batches import StoredSplit
from roadcue.training.heads.past_frames import earlier_frames

_MORE_CAMERAS = "; draw a world with more (python -m roadcue.roadworld --out DIR) and name it with --data_dir DIR"


@dataclass(frozen=True)
class _Picture:
    """One camera of one row, ready for the encoder as `preprocess` gives it, or None and what is wrong with it.

    The fault is handed over, not raised: a DataLoader wraps what its workers raise in their traceback.
    """

    row: int
    camera: int
    pixels: torch.Tensor | None
    fault: BadInput | None = None


class _Pictures(Dataset[_Picture]):
    """Every picture of the given rows that exists; runs in worker processes."""

    def __init__(self, dataset: RoadDataset, rows: np.ndarray, cameras: tuple[str, ...], encoder: Encoder) -> None:
        self.dataset, self.cameras = dataset, cameras
        self.preprocess, self.side = encoder.preprocess, encoder.side
        self.wanted = [
            (int(row), index)
            for row in rows
            for index, camera in enumerate(cameras)
            if camera in dataset.cameras_of(int(row))
        ]

    def __len__(self) -> int:
        return len(self.wanted)

    def __getitem__(self, item: int) -> _Picture:
        row, index = self.wanted[item]
        camera = self.cameras[index]
        try:
            encoded = sample_inputs(self.dataset, row).images[camera]
            picture = picture_file.decode_at_least(encoded, f"{self.dataset.where(row)}: {camera}", self.side)
            return _Picture(row, index, self.preprocess(*picture))
        except BadInput as error:
            return _Picture(row, index, None, error)


def feature_parts(dataset: RoadDataset, encoder: Encoder, options: ExtractionOptions) -> dict[str, str]:
    """Everything that decides a split's features, by name: the store's fingerprint is made of it."""
    data = {"data": dataset.name, "data_split": dataset.split, "data_files": dataset.fingerprint}
    return {**encoder_parts(encoder, options), **data}


def encoder_parts(encoder: Encoder, options: ExtractionOptions) -> dict[str, str]:
    """The parts that do not depend on the data: encoder, pooling and cameras."""
    pooling = pooling_fingerprint(options.pooling, options.grid)
    cameras = ",".join(options.camera_names)
    return {**encoder.fingerprint, "decoding": picture_file.DECODING, **pooling, "cameras": cameras}


def extract(
    dataset: RoadDataset,
    encoder: Encoder,
    options: ExtractionOptions,
    *,
    on_bad_record: str = "raise",
    part: tuple[int, int] = (1, 1),
) -> FeatureStore | None:
    """The split's feature store, encoding whatever is not there yet.

    None when other parts are still to be encoded by other processes. BadRecord for an unreadable picture, unless
    `on_bad_record` is "skip": then its row is skipped and counted.
    """
    _check_cameras(dataset, options.camera_names)
    root = user_path(options.store_dir) if options.store_dir else cache_root() / "features"
    parts = feature_parts(dataset, encoder, options)
    folder = store_folder(root, f"{dataset.name}-{dataset.split}", encoder.name, parts)
    shape = (cells_stored(options.pooling, options.grid), encoder.width)
    store = open_finished(folder, parts, dataset.states.id)  # it may lie where nothing can be written
    if store is None:
        writer = StoreWriter(folder, parts, dataset.states.id, options.camera_names, shape)
        rows = writer.todo(part)
        if len(rows):
            _encode_rows(dataset, encoder, options, writer, rows, on_bad_record)
        if not writer.finish():
            return None
        store = FeatureStore(folder, parts)
    if store.skipped:
        name, reason = next(iter(store.skipped.items()))
        if on_bad_record == "raise":
            raise BadRecord(
                f"{folder}: {len(store.skipped)} rows were skipped when it was made, the first {name}: {reason}; "
                "--on_bad_record skip goes on without them"
            )
        print(f"{len(store.skipped)} rows of {dataset.name} {dataset.split} skipped; the first: {name}: {reason}")
    return store


def stored_split(
    dataset: RoadDataset,
    encoder: Encoder,
    options: ExtractionOptions,
    *,
    frames_back: Sequence[int] = (),
    rows: np.ndarray | None = None,
    labels: Mapping[str, Tensor] | None = None,
) -> StoredSplit:
    """A split with its features, encoded now if they are not there yet.

    Each row is read with its earlier frames, `frames_back` many frames before it. `rows` (m,): the split is only
    these rows of the data set, whose others are there as their earlier frames. `labels` of all rows are what
    `training.heads.batches.labels_of` makes of them.
    BadInput for earlier frames that no row has.
    """
    rows = np.arange(len(dataset)) if rows is None else rows
    if encoder.width == 0:
        return StoredSplit.of(dataset, None, labels=labels).only(rows)
    if frames_back:
        print(earlier_frames(dataset, frames_back, rows, options.frame_stride), flush=True)
    store = extract(dataset, encoder, options, on_bad_record=options.on_bad_record)
    if store is None:
        raise BadInput(f"{dataset.name} {dataset.split}: another process is still encoding; run this again after it")
    return StoredSplit.of(dataset, store, frames_back, labels).only(rows)


def _check_cameras(dataset: RoadDataset, cameras: tuple[str, ...]) -> None:
    unknown = [repr(camera) for camera in cameras if camera not in dataset.cameras]
    if unknown or len(set(cameras)) != len(cameras):
        fault = f"no camera {', '.join(unknown)}" if unknown else "no camera twice"
        raise BadInput(
            f"--cameras {','.join(cameras)}: {dataset.name} {dataset.split} has {fault}; "
            f"it has {', '.join(dataset.cameras)}{_MORE_CAMERAS if dataset.name == 'roadworld' else ''}"
        )


def _encode_rows(
    dataset: RoadDataset,
    encoder: Encoder,
    options: ExtractionOptions,
    writer: StoreWriter,
    rows: np.ndarray,
    on_bad_record: str,
) -> None:
    cells, width = cells_stored(options.pooling, options.grid), encoder.width
    rows_per_batch = max(1, options.encode_batch // len(options.camera_names))
    with ProgressLine(f"encoding {dataset.name} {dataset.split}", len(rows), "rows") as advance:
        for batch_rows, pictures in _by_rows(dataset, encoder, options, rows, rows_per_batch):
            bad = {picture.row: picture.fault for picture in pictures if picture.fault}
            for row, fault in bad.items():
                if not isinstance(fault, BadRecord):
                    raise fault
                if on_bad_record == "raise":
                    raise BadRecord(f"{fault}; --on_bad_record skip leaves such rows out and counts them") from fault
                writer.skip(row, str(dataset.states.id[row]), str(fault))
            good = [picture for picture in pictures if picture.row not in bad]
            kept = np.array([row for row in batch_rows if row not in bad], dtype=np.int64)
            features = np.zeros((len(kept), len(options.camera_names), cells, width), dtype=np.float32)
            present = np.zeros((len(kept), len(options.camera_names)), dtype=bool)
            if good:
                pixels = torch.stack([picture.pixels for picture in good if picture.pixels is not None])
                pooled = pool_tokens(encoder.encode(pixels), options.pooling, options.grid).float().cpu().numpy()
                places = np.searchsorted(kept, [picture.row for picture in good])
                cameras = [picture.camera for picture in good]
                features[places, cameras], present[places, cameras] = pooled, True
            if len(kept):
                writer.write(kept, features, present)
            advance(len(batch_rows))


def _by_rows(
    dataset: RoadDataset, encoder: Encoder, options: ExtractionOptions, rows: np.ndarray, rows_per_batch: int
) -> Iterator[tuple[np.ndarray, list[_Picture]]]:
    """Batches of whole rows with all their pictures, decoded ahead by worker processes, in order."""
    groups = [rows[first : first + rows_per_batch] for first in range(0, len(rows), rows_per_batch)]
    pictures = _Pictures(dataset, rows, options.camera_names, encoder)
    items_of: dict[int, list[int]] = {int(row): [] for row in rows}
    for item, (row, _) in enumerate(pictures.wanted):
        items_of[row].append(item)
    loader = DataLoader(
        pictures,
        batch_sampler=[[item for row in group for item in items_of[int(row)]] for group in groups],
        collate_fn=list,
        num_workers=min(options.workers, len(groups)),
    )
    try:
        yield from zip(groups, loader, strict=True)
    except RuntimeError as error:
        if "DataLoader worker" not in str(error):
            raise
        raise BadInput(
            f"a process that reads pictures has died ({error}); was there too little memory? Try fewer --workers: "
            "what is encoded is kept"
        ) from error


def parse_part(text: str) -> tuple[int, int]:
    """ "2/8" -> (2, 8); BadInput when it is not a part of a whole."""
    index, _, parts = text.partition("/")
    if not (index.isdecimal() and parts.isdecimal() and 1 <= int(index) <= int(parts)):
        raise BadInput(f"--part {text}: expected I/N with 1 <= I <= N, for example 2/8")
    return int(index), int(parts)


def main(config: ExtractConfig) -> None:
    """Encode one split, or one part of it."""
    dataset = open_split(config, config.split)
    encoder = build_run_encoder(config)
    print(dataset.description, encoder.description, sep="\n")
    store = extract(dataset, encoder, config, on_bad_record=config.on_bad_record, part=parse_part(config.part))
    print(f"features in {store.folder}" if store else f"part {config.part} is done; other parts are not yet")


if __name__ == "__main__":
    parsed, _ = parse(ExtractConfig)
    sys.exit(run(main, parsed))
