"""Whole batches out of the feature store's memory map and the table of states."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from roadcue.errors import BadHead, BadInput
from roadcue.heads.head import Head
from roadcue.heads.multi_head import MultiHeadModel
from roadcue.loaders.dataset import RoadDataset
from roadcue.loaders.feature_store import FeatureStore
from roadcue.schema import HeadTargets, SampleTargets, StoredBatch
from roadcue.training.learnt_from import hash_of, samples
from roadcue.training.steps import InOrder

_LEARNT = {
    "future": "futures",
    "positions": "fields of sidewalk and road",
    "objects": "fields of objects",
    "on_foot": "who walks",
}
"""What people call the keys of `HeadTargets`."""


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
    labels: Mapping[str, Tensor] = field(default_factory=dict)
    """What the run's heads learn besides the future, by its name in `HeadTargets`: (N, ...) of all rows."""

    @classmethod
    def of(
        cls,
        dataset: RoadDataset,
        store: FeatureStore | None,
        frames_back: Sequence[int] = (),
        labels: Mapping[str, Tensor] | None = None,
    ) -> "StoredSplit":
        """Every row of the data set whose features were not skipped, with its frames that many frames earlier.

        `labels` are what `labels_of` makes of its rows.
        """
        rows, labels = np.arange(len(dataset)), labels or {}
        if store is None:
            return cls(dataset, None, rows, rows, labels=labels)
        store_rows = store.rows_of(dataset.states.id)
        usable = store.usable[store_rows]
        if not frames_back:
            return cls(dataset, store, rows[usable], store_rows[usable], labels=labels)
        place_of = np.append(np.where(usable, store_rows, -1), -1)  # and the last, -1, is that of no row
        earlier = np.full((len(store.usable), len(frames_back)), -1)
        earlier[store_rows] = place_of[np.stack([dataset.states.rows_before(back) for back in frames_back], axis=1)]
        return cls(dataset, store, rows[usable], store_rows[usable], earlier, labels)

    def __len__(self) -> int:
        return len(self.rows)

    def with_future(self) -> "StoredSplit":
        """The rows that have a logged future."""
        return self.only(self.rows[~np.isnan(self.dataset.states.future[self.rows]).any(axis=(1, 2))])

    def learnable(self, model: MultiHeadModel, head: str | None = None) -> "StoredSplit":
        """The rows that some head can learn from and be scored on, or that the one named can."""
        return self.only(self.rows[model.known(self.targets, head).numpy()])

    def not_learnt_by(self, model: MultiHeadModel, heads: Iterable[str]) -> dict[str, int]:
        """Head -> how many of the rows it cannot learn from, as they lack what it `needs`."""
        return {head: int((~model.known(self.targets, head)).sum()) for head in heads}

    @property
    def sequence(self) -> np.ndarray:
        """(n,) names of the rows' sequences."""
        return self.dataset.states.sequence[self.rows]

    @property
    def parts(self) -> dict[str, str]:
        """What is learnt from, as `training.learnt_from` has it: pictures, states and what the run's heads learn."""
        states = self.dataset.states
        return {
            "pictures": self.dataset.fingerprint,
            "samples": samples(states, self.rows),
            "past states": hash_of(states.past[self.rows]),
            "intents": hash_of(states.intent[self.rows]),
            **{_LEARNT.get(name, name): hash_of(target.numpy()) for name, target in self.targets.items()},  # type: ignore[attr-defined]
        }

    @cached_property
    def targets(self) -> HeadTargets:
        """Of all rows, in order: small beside their features."""
        return self._targets(self.rows)

    def only(self, rows: np.ndarray) -> "StoredSplit":
        """Those of the (m,) rows of the data set that have features; the others may still be earlier frames."""
        wanted = np.isin(self.rows, rows)
        return replace(self, rows=self.rows[wanted], store_rows=self.store_rows[wanted])

    def batch(self, positions: np.ndarray) -> StoredBatch:
        """The rows at (b,) positions of this split, as tensors on the CPU."""
        states, rows = self.dataset.states, self.rows[positions]
        if self.store is None:
            stored, present = torch.zeros(len(rows), 0, 0, 0), torch.zeros(len(rows), 0, dtype=torch.bool)
            contrast = torch.zeros(len(rows), 0, 0, 0)
        else:
            pictures = self._pictures(self.store, self.store_rows[positions])
            stored, contrast, present = map(torch.from_numpy, pictures)
        return StoredBatch(
            stored=stored,
            contrast=contrast,
            present=present,
            past=torch.from_numpy(states.past[rows]),
            intent=torch.from_numpy(states.intent[rows]),
            targets=self._targets(rows),
        )

    def _targets(self, rows: np.ndarray) -> HeadTargets:
        """Of (b,) rows of the data set."""
        labels = {name: label[rows] for name, label in self.labels.items()}
        return {"future": torch.from_numpy(self.dataset.states.future[rows]), **labels}  # type: ignore[typeddict-item]

    def _pictures(self, store: FeatureStore, places: np.ndarray) -> list[np.ndarray]:
        """(b,) places in the store -> (b, c, k, d) float16, (b, c, 11, 4) float32, (b, c) bool.

        Frame by frame, in each camera by camera.
        """
        arrays = (store.features, store.contrast, store.present)
        if self.earlier is None:
            return [array[places] for array in arrays]
        frames = np.column_stack([places, self.earlier[places]])
        there = frames >= 0
        found = [array[frames * there] for array in arrays]
        for array in found:
            array[~there] = 0
        pictures = frames.shape[1] * store.present.shape[1]
        return [array.reshape(-1, pictures, *array.shape[3:]) for array in found]

    def batches(self, size: int = 1024) -> InOrder[StoredBatch]:
        """All rows in order, `size` at a time, as often as they are asked for."""
        return InOrder(self, size)


def labels_of(
    dataset: RoadDataset, heads: Iterable[Head], targets: Sequence[SampleTargets] | None = None
) -> dict[str, Tensor]:
    """What the heads learn of every row besides its future, (N, ...) by name, as their `encode_target` makes it.

    `targets` of all rows, where they have been read already. BadInput, with the row, for a label that a head cannot
    use.
    """
    encoders, columns = encoding(heads), dict[str, list[Tensor]]()
    for row in range(len(dataset)) if encoders else ():
        target = dataset.targets(row) if targets is None else targets[row]
        for name, label in labels_of_row(target, encoders, dataset.where(row)).items():
            columns.setdefault(name, []).append(label)
    return {name: torch.stack(labels) for name, labels in columns.items()}


def encoding(heads: Iterable[Head]) -> list[Head]:
    """One head of each kind that learns something besides the future."""
    return list({type(head): head for head in heads if type(head).encode_target is not Head.encode_target}.values())


def labels_of_row(target: SampleTargets, encoders: Iterable[Head], where: str) -> dict[str, Tensor]:
    """What heads of `encoding` learn of one row; BadInput, which begins with `where`, for a label that is none."""
    labels: dict[str, Tensor] = {}
    try:
        for head in encoders:
            labels |= head.encode_target(target)
    except BadHead as error:
        raise BadInput(f"{where}: {error}") from error
    return labels
