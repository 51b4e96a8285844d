"""Whole batches out of the feature store's memory map and the table of states."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Generic, Protocol, TypedDict, TypeVar

import numpy as np
import torch
from torch import Tensor

from roadcue.errors import BadHead, BadInput
from roadcue.heads.field.labels import encode_fields, no_fields
from roadcue.loaders.dataset import RoadDataset
from roadcue.loaders.feature_store import FeatureStore
from roadcue.schema import HeadTargets


class StoredBatch(TypedDict):
    """Rows of a split. b rows, c pictures, k stored vectors per picture, d wide.

    The pictures are those of the cameras now, then of the same cameras in each earlier frame that the run reads.
    `stored` (b, c, k, d) float16, `present` (b, c) bool; past, intent, targets as in `roadcue.schema`.
    """

    stored: Tensor
    present: Tensor
    past: Tensor
    intent: Tensor
    future: Tensor
    positions: Tensor
    objects: Tensor


def targets_of(batch: StoredBatch) -> HeadTargets:
    """What heads are trained towards, of a batch."""
    return HeadTargets(future=batch["future"], positions=batch["positions"], objects=batch["objects"])


@dataclass(frozen=True)
class StoredSplit:
    """One split: its data set and its features (None without an encoder)."""

    dataset: RoadDataset
    store: FeatureStore | None
    rows: np.ndarray
    """(n,) rows of the data set that have features."""
    store_rows: np.ndarray
    """(n,) the same rows' places in the store."""
    earlier: np.ndarray | None = None
    """(store's rows, h) places in the store of each place's h earlier frames, -1 where one is not there. By place
    and not by row, so that whoever deals the pictures out anew moves a picture together with its own past."""
    fields: tuple[Tensor, Tensor] | None = None
    """The pedestrian's labels of every row of the data set, (N, 2) and (N, 2, 9, 3); None where no row has any."""

    @classmethod
    def of(cls, dataset: RoadDataset, store: FeatureStore | None, frames_back: Sequence[int] = ()) -> "StoredSplit":
        """Every row of the data set whose features were not skipped, with its frames that many frames earlier."""
        rows, fields = np.arange(len(dataset)), _read_fields(dataset)
        if store is None:
            return cls(dataset, None, rows, rows, fields=fields)
        store_rows = store.rows_of(dataset.states.id)
        usable = store.usable[store_rows]
        if not frames_back:
            return cls(dataset, store, rows[usable], store_rows[usable], fields=fields)
        place_of = np.append(np.where(usable, store_rows, -1), -1)  # and the last, -1, is that of no row
        earlier = np.full((len(store.usable), len(frames_back)), -1)
        earlier[store_rows] = place_of[np.stack([dataset.states.rows_before(back) for back in frames_back], axis=1)]
        return cls(dataset, store, rows[usable], store_rows[usable], earlier, fields)

    def __len__(self) -> int:
        return len(self.rows)

    def with_future(self) -> "StoredSplit":
        """The rows that have a logged future: the ones to train on and to score."""
        known = ~np.isnan(self.dataset.states.future[self.rows]).any(axis=(1, 2))
        return replace(self, rows=self.rows[known], store_rows=self.store_rows[known])

    @property
    def sequence(self) -> np.ndarray:
        """(n,) names of the rows' sequences."""
        return self.dataset.states.sequence[self.rows]

    def targets(self) -> HeadTargets:
        """Of all rows, in order: small beside their features."""
        future = torch.from_numpy(self.dataset.states.future[self.rows])
        positions, objects = self._fields(self.rows)
        return HeadTargets(future=future, positions=positions, objects=objects)

    def only(self, rows: np.ndarray) -> "StoredSplit":
        """Those of the (m,) rows of the data set that have features; the others may still be earlier frames."""
        wanted = np.isin(self.rows, rows)
        return replace(self, rows=self.rows[wanted], store_rows=self.store_rows[wanted])

    def batch(self, positions: np.ndarray) -> StoredBatch:
        """The rows at (b,) positions of this split, as tensors on the CPU."""
        states, rows = self.dataset.states, self.rows[positions]
        if self.store is None:
            stored, present = torch.zeros(len(rows), 0, 0, 0), torch.zeros(len(rows), 0, dtype=torch.bool)
        else:
            stored, present = map(torch.from_numpy, self._pictures(self.store, self.store_rows[positions]))
        sidewalk_and_road, objects = self._fields(rows)
        return StoredBatch(
            stored=stored,
            present=present,
            past=torch.from_numpy(states.past[rows]),
            intent=torch.from_numpy(states.intent[rows]),
            future=torch.from_numpy(states.future[rows]),
            positions=sidewalk_and_road,
            objects=objects,
        )

    def _fields(self, rows: np.ndarray) -> tuple[Tensor, Tensor]:
        """(b,) rows of the data set -> their labels, (b, 2) and (b, 2, 9, 3)."""
        if self.fields is None:
            return no_fields(len(rows))
        positions, objects = self.fields
        return positions[rows], objects[rows]

    def _pictures(self, store: FeatureStore, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(b,) places in the store -> (b, c, k, d) float16, (b, c) bool: frame by frame, in each camera by camera."""
        if self.earlier is None:
            return store.features[places], store.present[places]
        frames = np.column_stack([places, self.earlier[places]])
        there = frames >= 0
        stored, present = store.features[frames * there], store.present[frames * there]
        stored[~there], present[~there] = 0, False
        pictures = present.shape[1] * present.shape[2]
        return stored.reshape(-1, pictures, *stored.shape[3:]), present.reshape(-1, pictures)

    def batches(self, size: int = 1024) -> "OrderedBatches":
        """All rows in order, `size` at a time, as often as they are asked for."""
        return OrderedBatches(self, size)


@dataclass(frozen=True)
class OrderedBatches:
    """Every row of a split once, in order."""

    split: StoredSplit
    size: int

    def __len__(self) -> int:
        return -(-len(self.split) // self.size)

    def __iter__(self) -> Iterator[StoredBatch]:
        for first in range(0, len(self.split), self.size):
            yield self.split.batch(np.arange(first, min(first + self.size, len(self.split))))


def _read_fields(dataset: RoadDataset) -> tuple[Tensor, Tensor] | None:
    """The labels of every row, None where no row has any; BadInput, with the row, when one is none that there is."""
    rows = [dataset.targets(row).fields for row in range(len(dataset))]
    if not any(rows):
        return None
    positions, objects = no_fields(len(rows))
    for row, fields in enumerate(rows):
        try:
            positions[row], objects[row] = encode_fields(fields)
        except BadHead as error:
            raise BadInput(f"{dataset.where(row)}: {error}") from error
    return positions, objects


Batch = TypeVar("Batch", covariant=True)


class Rows(Protocol[Batch]):
    """Anything that gives batches of its rows by their positions."""

    def __len__(self) -> int: ...

    def batch(self, positions: np.ndarray) -> Batch:
        """The rows at (b,) positions."""
        ...


class TrainingSteps(Generic[Batch]):
    """A run's batches from the first optimizer step to the last: epoch after epoch, each in its own order.

    The order depends on (seed, epoch) alone and the position can be saved and set, so a resumed run sees the very
    batches that it would have seen.
    """

    def __init__(self, split: Rows[Batch], *, batch_size: int, epochs: int, seed: int) -> None:
        """`batch_size` rows per step; the last batch of an epoch may be smaller."""
        self.split, self.batch_size, self.seed = split, min(batch_size, len(split)), seed
        self.per_epoch = -(-len(split) // self.batch_size)
        self._steps, self._step = self.per_epoch * epochs, 0

    def __len__(self) -> int:
        return self._steps

    def __iter__(self) -> Iterator[Batch]:
        order, epoch = np.empty(0, dtype=np.int64), -1
        while self._step < self._steps:
            if self._step // self.per_epoch != epoch:
                epoch = self._step // self.per_epoch
                order = np.random.default_rng([self.seed, epoch]).permutation(len(self.split))
            first = self._step % self.per_epoch * self.batch_size
            # Ascending rows: neighbours on the disk are read together, and a sum does not care.
            rows = np.sort(order[first : first + self.batch_size])
            self._step += 1
            yield self.split.batch(rows)

    def state_dict(self) -> dict[str, int]:
        """The position: steps already given out."""
        return {"step": self._step}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Go on from a saved position."""
        self._step = state["step"]
