"""Rows whose pictures are decoded in every step: what a stage two learns from."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from threading import Lock
from typing import TypedDict

import numpy as np
import torch
from torch import Tensor

from roadcue.heads.head import Head
from roadcue.loaders import picture_file
from roadcue.loaders.dataset import RoadDataset
from roadcue.models.encoder import Encoder, Preprocess
from roadcue.schema import HeadTargets, Intent
from roadcue.training.heads.batches import StoredSplit, labels_of_row
from roadcue.training.stage_two.augmentation import Augmentation


class PictureBatch(TypedDict):
    """b rows, c pictures each: those of all cameras now, then of the same cameras in each earlier frame.

    `pixels` (p, 3, S, S), or of t tiles (p, t, 3, S, S), uint8, are the p pictures that are there, row by row;
    `present` (b, c) bool; `past`, `intent` and `targets` as in `roadcue.schema.StoredBatch`.
    """

    pixels: Tensor
    present: Tensor
    past: Tensor
    intent: Tensor
    targets: HeadTargets


@dataclass(frozen=True)
class PictureSplit:
    """The rows of a `StoredSplit` with pictures in the place of features; every row has one picture at least."""

    dataset: RoadDataset
    rows: np.ndarray
    """(n,) rows of the data set."""
    frames: np.ndarray
    """(n, 1 + h) which rows of the data set they show: themselves, then their h earlier frames, -1 where none is."""
    cameras: tuple[str, ...]
    names: tuple[str, ...]
    """Of the c pictures, in order: cameras, then the same cameras in each earlier frame."""
    preprocess: Preprocess
    side: int
    labels: Mapping[str, Tensor]
    """What heads learn besides the future, (N, ...) of all rows of the data set."""
    reading: AbstractContextManager[object] = field(default_factory=Lock)
    """Threads read the data set in turns."""

    @classmethod
    def of(
        cls, split: StoredSplit, encoder: Encoder, cameras: tuple[str, ...], names: tuple[str, ...]
    ) -> "PictureSplit":
        """The same rows as `split`, in the same order, with the pictures that its features are of."""
        return cls(
            split.dataset,
            split.rows,
            _rows_shown(split),
            cameras,
            names,
            encoder.preprocess,
            encoder.side,
            split.labels,
        )

    def __len__(self) -> int:
        return len(self.rows)

    def batch(self, positions: np.ndarray) -> PictureBatch:
        """The rows at (b,) positions as they are; BadRecord for a picture that cannot be read."""
        states, rows = self.dataset.states, self.rows[positions]
        labels = {name: label[rows] for name, label in self.labels.items()}
        return _batch(
            [self._preprocessed(self._decoded(place)) for place in positions.tolist()],
            self.names,
            past=torch.from_numpy(states.past[rows]),
            intent=torch.from_numpy(states.intent[rows]),
            targets={"future": torch.from_numpy(states.future[rows]), **labels},
        )

    def augmented(
        self, epoch: int, positions: np.ndarray, augmentation: Augmentation, heads: Sequence[Head], seed: int
    ) -> PictureBatch:
        """The rows at (b,) positions as they are in an epoch: the same whenever they are asked for.

        `heads` make the labels of what is to be predicted then.
        """
        states, rows = self.dataset.states, self.rows[positions].tolist()
        seen, pasts, intents, futures, labels = [], [], [], [], []
        for place, row in zip(positions.tolist(), rows, strict=True):
            decoded = self._decoded(place)
            changed = augmentation(
                {name: picture for name, (picture, _) in decoded.items()},
                states.past[row],
                Intent(int(states.intent[row])),
                self.dataset.targets(row),
                np.random.default_rng([seed, epoch, row]),
            )
            extents = {picture.shape: extent for picture, extent in decoded.values()}
            seen.append(self._preprocessed({n: (p, extents[p.shape]) for n, p in changed.pictures.items()}))
            pasts.append(changed.past)
            intents.append(int(changed.intent))
            future = changed.targets.future
            futures.append(np.full_like(states.future[row], np.nan) if future is None else future)
            labels.append(labels_of_row(changed.targets, heads, self.dataset.where(row)))
        stacked = {name: torch.stack([each[name] for each in labels]) for name in self.labels}
        return _batch(
            seen,
            self.names,
            past=torch.from_numpy(np.stack(pasts)),
            intent=torch.tensor(intents),
            targets={"future": torch.from_numpy(np.stack(futures)), **stacked},
        )

    def _decoded(self, place: int) -> dict[str, tuple[np.ndarray, tuple[float, float]]]:
        """Name -> (H, W, 3) uint8 and the rows and columns that it stands for, of the pictures that are there."""
        found, names = {}, iter(self.names)
        for row in self.frames[place].tolist():
            for camera in self.cameras:
                name = next(names)
                if row < 0 or camera not in self.dataset.cameras_of(row):
                    continue
                with self.reading:
                    encoded = self.dataset.image(row, camera)
                if encoded is not None:
                    where = f"{self.dataset.where(row)}: {camera}"
                    found[name] = picture_file.decode_at_least(encoded, where, self.side)
        return found

    def _preprocessed(self, pictures: Mapping[str, tuple[np.ndarray, tuple[float, float]]]) -> dict[str, Tensor]:
        return {name: self.preprocess(*picture) for name, picture in pictures.items()}


def _batch(seen: Sequence[Mapping[str, Tensor]], names: Sequence[str], **columns: object) -> PictureBatch:
    """Of the pictures of each row, by name."""
    return PictureBatch(
        pixels=torch.stack([row[name] for row in seen for name in names if name in row]),
        present=torch.tensor([[name in row for name in names] for row in seen]),
        **columns,  # type: ignore[typeddict-item]
    )


def _rows_shown(split: StoredSplit) -> np.ndarray:
    """(n, 1 + h): each row of a split and, by the places of its store, those of its earlier frames."""
    if split.earlier is None or split.store is None:
        return split.rows[:, None]
    places = split.store.rows_of(split.dataset.states.id)
    row_of = np.append(np.full(len(split.store.usable), -1), -1)  # and the last, -1, is that of no row
    row_of[places] = np.arange(len(places))
    return np.column_stack([split.rows, row_of[split.earlier[split.store_rows]]])
