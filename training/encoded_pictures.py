"""The features of many pictures, in batches of whole rows and in their order.

Processes decode ahead of a GPU. A CPU has nothing to wait for: each of its threads decodes and encodes pictures of
its own, half as fast again as all of them in one operation, where each waits for the others.
"""

from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import dataclass
from threading import Lock

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from roadcue.errors import BadInput
from roadcue.loaders import picture_file
from roadcue.loaders.contrast import CONTRAST_SHAPE, contrast
from roadcue.loaders.dataset import RoadDataset, sample_inputs
from roadcue.models.encoder import Encoder
from roadcue.models.pooling import cells_stored, pool_tokens
from roadcue.preemption import Stopped, asked, held
from roadcue.training.build import device
from roadcue.training.extraction_config import ExtractionOptions


@dataclass(frozen=True)
class Picture:
    """One camera of one row, ready for the encoder as `preprocess` gives it, or None and what is wrong with it.


    The fault is handed over, not raised: a DataLoader wraps what its workers raise in their traceback.
    """

    row: int
    camera: int
    pixels: torch.Tensor | None
    contrast: np.ndarray
    """(4,), zeros where there is none."""
    fault: BadInput | None = None


Batches = Generator[tuple[np.ndarray, list[Picture], np.ndarray], None, None]
"""Some whole rows, all their pictures, and the features (pictures, cells, d) float32; zeros where one has a fault."""


def encoded_pictures(dataset: RoadDataset, encoder: Encoder, options: ExtractionOptions, rows: np.ndarray) -> Batches:
    """All pictures of some rows of a data set that there are; close it to stop before the last.

    Stopped, between batches, when a signal to stop has come.
    """
    by = _by_threads if device(options.device) == "cpu" else _by_workers
    with held(), closing(by(dataset, encoder, options, rows)) as batches:
        for batch in batches:
            yield batch
            if asked():
                raise Stopped


class _Pictures(Dataset[Picture]):
    """Every picture of the given rows that exists, in their order; threads read in turns, under a lock `reading`."""

    def __init__(
        self,
        dataset: RoadDataset,
        rows: np.ndarray,
        cameras: tuple[str, ...],
        encoder: Encoder,
        reading: AbstractContextManager[object] | None = None,
    ) -> None:
        self.dataset, self.cameras, self.reading = dataset, cameras, reading or nullcontext()
        self.preprocess, self.side = encoder.preprocess, encoder.side
        self.wanted = [
            (int(row), index)
            for row in rows
            for index, camera in enumerate(cameras)
            if camera in dataset.cameras_of(int(row))
        ]

    def items(self, groups: Sequence[np.ndarray]) -> list[list[int]]:
        """The pictures of each group of rows."""
        items_of: dict[int, list[int]] = {int(row): [] for group in groups for row in group}
        for item, (row, _) in enumerate(self.wanted):
            items_of[row].append(item)
        return [[item for row in group for item in items_of[int(row)]] for group in groups]

    def __len__(self) -> int:
        return len(self.wanted)

    def __getitem__(self, item: int) -> Picture:
        row, index = self.wanted[item]
        camera = self.cameras[index]
        try:
            with self.reading:
                encoded = sample_inputs(self.dataset, row).images[camera]
            picture = picture_file.decode_at_least(encoded, f"{self.dataset.where(row)}: {camera}", self.side)
            pixels = self.preprocess(*picture)
            return Picture(row, index, pixels, contrast(pixels[None])[0].numpy())
        except BadInput as error:
            return Picture(row, index, None, np.zeros(CONTRAST_SHAPE), error)


def _by_threads(dataset: RoadDataset, encoder: Encoder, options: ExtractionOptions, rows: np.ndarray) -> Batches:
    """On a CPU: each thread has batches and a share of PyTorch's threads; all their pictures are `encode_batch`."""
    available = torch.get_num_threads()
    threads = min(available, max(1, options.encode_batch // len(options.camera_names)))
    pictures = _Pictures(dataset, rows, options.camera_names, encoder, Lock())
    groups = _groups(rows, options.encode_batch // threads, options)

    def encode(items: list[int]) -> tuple[list[Picture], np.ndarray]:
        batch = [pictures[item] for item in items]
        return batch, _features(encoder, options, batch)

    pool = ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(available // threads,))
    try:
        encoded = pool.map(encode, pictures.items(groups))
        yield from ((group, *batch) for group, batch in zip(groups, encoded, strict=True))
    finally:
        pool.shutdown(cancel_futures=True)
        torch.set_num_threads(available)  # a part of it holds for the whole process


def _by_workers(dataset: RoadDataset, encoder: Encoder, options: ExtractionOptions, rows: np.ndarray) -> Batches:
    """On a GPU: pictures are decoded ahead of it by processes."""
    pictures = _Pictures(dataset, rows, options.camera_names, encoder)
    groups = _groups(rows, options.encode_batch, options)
    loader = DataLoader(
        pictures,
        batch_sampler=pictures.items(groups),
        collate_fn=list,
        num_workers=min(options.workers, len(groups)),
    )
    try:
        yield from (
            (group, batch, _features(encoder, options, batch)) for group, batch in zip(groups, loader, strict=True)
        )
    except RuntimeError as error:
        if "DataLoader worker" not in str(error):
            raise
        raise BadInput(
            f"a process that reads pictures has died ({error}); was there too little memory? Try fewer --workers: "
            "what is encoded is kept"
        ) from error


def _groups(rows: np.ndarray, pictures: int, options: ExtractionOptions) -> list[np.ndarray]:
    """The rows in batches of at most so many `pictures`, but of one row at least."""
    each = max(1, pictures // len(options.camera_names))
    return [rows[first : first + each] for first in range(0, len(rows), each)]


def _features(encoder: Encoder, options: ExtractionOptions, pictures: list[Picture]) -> np.ndarray:
    """(pictures, cells, d) float32; zeros where a picture has a fault."""
    features = np.zeros((len(pictures), cells_stored(options.pooling, options.grid), encoder.width), np.float32)
    pixels = {i: picture.pixels for i, picture in enumerate(pictures) if picture.pixels is not None}
    if pixels:
        with torch.no_grad():
            tokens = encoder.encode(torch.stack(list(pixels.values())))
            features[list(pixels)] = pool_tokens(tokens, options.pooling, options.grid).float().cpu().numpy()
    return features
