"""Parts of a data set: whole sequences, which keep together what belongs together, or some frames of each."""

import hashlib
from collections.abc import Sequence
from typing import Literal

import numpy as np

from roadcue.errors import BadInput
from roadcue.loaders.dataset import RoadDataset, Subset
from roadcue.sentences import counted


def split_by_sequence(dataset: RoadDataset, split: Literal["train", "val"], *, val_fraction: float = 0.2) -> Subset:
    """The training or the validation part of a data set, by a hash of each sequence's name.

    A sequence stays on its side when others come or go, except that a side which would be empty gets the one sequence
    nearest to it. BadInput when there are fewer than two sequences or `val_fraction` is not between 0 and 1.
    """
    sequences, sequence_of_row = np.unique(dataset.states.sequence, return_inverse=True)
    if len(sequences) < 2:
        raise BadInput(
            f"{dataset.description}: only {len(sequences)} sequence, so none is left to validate on; give each drive "
            "its own sequence, or cut a long one into blocks with at least 9 s between two of them"
        )
    in_val = in_validation(sequences, val_fraction)
    part = Subset(dataset, np.flatnonzero(in_val[sequence_of_row] == (split == "val")), split)
    part.description += f", parted by sequence, {val_fraction:g} of them for val"
    return part


def in_validation(sequences: Sequence[str] | np.ndarray, val_fraction: float) -> np.ndarray:
    """(n,) bool: which of n different sequences, at least 2, a parting by `val_fraction` keeps for validation."""
    if not 0 < val_fraction < 1:
        raise BadInput(f"val_fraction {val_fraction} must lie between 0 and 1, such as 0.2")
    place = np.array([_place_in_unit(str(name)) for name in sequences])
    chosen: np.ndarray = place < np.clip(val_fraction, np.nextafter(place.min(), 1), place.max())
    return chosen


def every_nth(dataset: RoadDataset, n: int) -> Subset:
    """Every n-th frame of each sequence, from its first one on; BadInput when n < 1."""
    if n < 1:
        raise BadInput(f"every {n}th frame: n must be 1 or more")
    _, first_row, sequence_of_row = np.unique(dataset.states.sequence, return_index=True, return_inverse=True)
    position = np.arange(len(dataset)) - first_row[sequence_of_row]
    return Subset(dataset, np.flatnonzero(position % n == 0), dataset.split)


def spread(dataset: RoadDataset, n: int) -> Subset:
    """`n` rows of a larger data set at even distances, and so of as many of its sequences as there can be."""
    if not 1 <= n < len(dataset):
        raise BadInput(f"{n} of {len(dataset)} rows: n must be 1 or more, and fewer than there are")
    part = Subset(dataset, np.arange(n) * len(dataset) // n, dataset.split)
    part.description += f", spread over {counted(len(np.unique(part.states.sequence)), 'sequence')}"
    return part


def _place_in_unit(name: str) -> float:
    """A name's fixed place in [0, 1): the first 8 bytes of its sha256."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") / 2**64
