"""Frozen features for a whole split: decode, encode, pool, write by row.

`python -m roadcue.training.extraction --split train ...` does it without training; `--part 2/8` does the second of
eight row ranges, so that an array job can share the work.
"""

import sys
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from torch import Tensor

from roadcue.cache import cache_root
from roadcue.command_line import parse, run
from roadcue.errors import BadInput, BadRecord
from roadcue.files import user_path
from roadcue.loaders import picture_file
from roadcue.loaders.contrast import CONTRAST_SHAPE
from roadcue.loaders.dataset import RoadDataset
from roadcue.loaders.feature_store import (
    FeatureStore,
    StoreWriter,
    check_room,
    open_finished,
    store_folder,
)
from roadcue.loaders.store_part import store_bytes
from roadcue.loaders.stores_beside import why_not_taken
from roadcue.models.encoder import Encoder
from roadcue.models.pooling import cells_stored, pooling_fingerprint
from roadcue.option_values import part_of_whole
from roadcue.progress import ProgressLine
from roadcue.sentences import counted, say, show
from roadcue.training.build import build_run_encoder, open_split
from roadcue.training.encoded_pictures import encoded_pictures
from roadcue.training.extraction_config import ExtractConfig, ExtractionOptions
from roadcue.training.heads.batches import StoredSplit
from roadcue.training.heads.past_frames import earlier_frames

_MORE_CAMERAS = "; draw a world with more (python -m roadcue.roadworld --out DIR) and name it with --data_dir DIR"


def feature_parts(dataset: RoadDataset, encoder: Encoder, options: ExtractionOptions) -> dict[str, str]:
    """Everything that decides a split's features, by name: the store's fingerprint is made of it."""
    data = {"data": dataset.name, "data_split": dataset.split, "data_files": dataset.fingerprint}
    return {**encoder_parts(encoder, options), **data}


def encoder_parts(encoder: Encoder, options: ExtractionOptions) -> dict[str, str]:
    """The parts that do not depend on the data: encoder, pooling and cameras."""
    pooling = pooling_fingerprint(options.pooling, options.grid)
    cameras = ",".join(options.camera_names)
    return {**encoder.fingerprint, "decoding": picture_file.DECODING, **pooling, "cameras": cameras}


@dataclass(frozen=True)
class StorePlan:
    """The store of a split's features, whether it is there or not."""

    folder: Path
    parts: dict[str, str]
    ids: np.ndarray
    cameras: tuple[str, ...]
    shape: tuple[int, int]

    @classmethod
    def of(cls, dataset: RoadDataset, encoder: Encoder, options: ExtractionOptions) -> "StorePlan":
        """BadInput for cameras that the data set has not."""
        _check_cameras(dataset, options.camera_names)
        root = user_path(options.store_dir) if options.store_dir else cache_root() / "features"
        parts = feature_parts(dataset, encoder, options)
        folder = store_folder(root, f"{dataset.name}-{dataset.split}", encoder.name, parts)
        shape = (cells_stored(options.pooling, options.grid), encoder.width)
        return cls(folder, parts, dataset.states.id, options.camera_names, shape)

    @property
    def bytes(self) -> int:
        """What it takes on the disk."""
        return store_bytes(len(self.ids), len(self.cameras), self.shape)

    @property
    def begun(self) -> bool:
        """Whether it is there, and with it all the room that it takes."""
        return (self.folder / "meta.json").exists()

    def finished(self) -> FeatureStore | None:
        """The store, where no row is left to be encoded."""
        return open_finished(self.folder, self.parts, self.ids)

    def writer(self, part: tuple[int, int]) -> StoreWriter:
        """To make the store or go on with it: the i-th of n row ranges."""
        return StoreWriter(self.folder, self.parts, self.ids, self.cameras, self.shape, part)


def check_room_for(datasets: Sequence[RoadDataset], encoder: Encoder, options: ExtractionOptions) -> None:
    """OSError when the disk has no room for the stores of all of them: before the first takes hours."""
    plans = [StorePlan.of(dataset, encoder, options) for dataset in datasets] if encoder.width else []
    if new := [plan for plan in plans if not plan.begun]:
        check_room(new[0].folder, sum(plan.bytes for plan in new))


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
    plan = StorePlan.of(dataset, encoder, options)
    store = plan.finished()  # it may lie where nothing can be written
    if store is None:
        if not plan.begun and (said := why_not_taken(plan.folder, plan.parts)):
            show(said)
        writer = plan.writer(part)
        rows = writer.todo()
        if len(rows):
            _encode_rows(dataset, encoder, options, writer, rows, on_bad_record)
        if not writer.finish():
            return None
        store = FeatureStore(plan.folder, plan.parts)
    if store.skipped:
        name, reason = next(iter(store.skipped.items()))
        if on_bad_record == "raise":
            raise BadRecord(
                f"{plan.folder}: {counted(len(store.skipped), 'row')} left out when it was made, the first {name}: "
                f"{reason}; --on_bad_record skip goes on without them"
            )
        skipped = counted(len(store.skipped), "row")
        show(f"{skipped} of {dataset.name} {dataset.split} skipped; the first: {name}: {reason}")
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
        show(earlier_frames(dataset, frames_back, rows, options.frame_stride))
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
            f"it has {', '.join(dataset.cameras)}{_MORE_CAMERAS if dataset.name == 'roadworld' else ''}. A training "
            "names which it reads; a run is scored on pictures of the cameras that it was trained on"
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
    with (
        ProgressLine(f"encoding {dataset.name} {dataset.split}", len(rows), "rows") as advance,
        closing(encoded_pictures(dataset, encoder, options, rows)) as batches,
    ):
        for batch_rows, pictures, pooled in batches:
            bad = {picture.row: picture.fault for picture in pictures if picture.fault}
            for row, fault in bad.items():
                if not isinstance(fault, BadRecord):
                    raise fault
                if on_bad_record == "raise":
                    raise BadRecord(f"{fault}; --on_bad_record skip leaves such rows out and counts them") from fault
                writer.skip(row, str(dataset.states.id[row]), str(fault))
            good = [i for i, picture in enumerate(pictures) if picture.row not in bad]
            kept = np.array([row for row in batch_rows if row not in bad], dtype=np.int64)
            features = np.zeros((len(kept), len(options.camera_names), cells, width), dtype=np.float32)
            contrasts = np.zeros((*features.shape[:2], *CONTRAST_SHAPE), dtype=np.float32)
            present = np.zeros((len(kept), len(options.camera_names)), dtype=bool)
            places = np.searchsorted(kept, [pictures[i].row for i in good])
            cameras = [pictures[i].camera for i in good]
            features[places, cameras], present[places, cameras] = pooled[good], True
            contrasts[places, cameras] = np.reshape([pictures[i].contrast for i in good], (-1, *CONTRAST_SHAPE))
            if len(kept):
                writer.write(kept, features, contrasts, present)
            advance(len(batch_rows))


def main(config: ExtractConfig) -> None:
    """Encode one split, or one part of it."""
    if config.dry_run:
        from roadcue.training.dry_run import dry_run  # which stands on this file

        dry_run(config, [config.split])
        return
    dataset = open_split(config, config.split)
    encoder = build_run_encoder(config)
    say(dataset.description, encoder.description)
    part = part_of_whole("part", config.part)
    store = extract(dataset, encoder, config, on_bad_record=config.on_bad_record, part=part)
    show(f"features in {store.folder}" if store else f"part {config.part} is done; other parts are not yet")


if __name__ == "__main__":
    parsed, _ = parse(ExtractConfig)
    sys.exit(run(main, parsed))
