"""Which rows a run was trained on, so that nothing of their sequences is scored as held out: trained_rows.npy."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from roadcue.errors import BadInput
from roadcue.files import atomic_file
from roadcue.loaders.dataset import RoadDataset

TRAINED_ROWS = "trained_rows.npy"
"""(n,) uint64 in a run folder: a hash of each row, sorted."""


def write_trained_rows(folder: Path, splits: Iterable[tuple[RoadDataset, np.ndarray]]) -> None:
    """Keep what was trained and calibrated on: data sets with their rows (m,)."""
    hashes = np.unique(np.concatenate([_hashes(dataset, rows) for dataset, rows in splits]))
    with atomic_file(folder / TRAINED_ROWS) as partial, open(partial, "wb") as file:
        np.save(file, hashes, allow_pickle=False)


def trained_sequences(folder: Path, dataset: RoadDataset) -> set[str]:
    """The sequences of a data set of which a run has seen rows; none where the run is older than this file.

    BadInput when the file is damaged.
    """
    file = folder / TRAINED_ROWS
    if not file.exists():
        return set()
    try:
        known = np.load(file, allow_pickle=False)
        if known.dtype != np.uint64 or known.ndim != 1:
            raise ValueError(f"holds {known.dtype} of shape {known.shape}")
    except (OSError, ValueError, EOFError) as error:
        raise BadInput(f"{file}: is damaged ({error}); train again") from error
    seen = np.isin(_hashes(dataset, np.arange(len(dataset))), known)
    return set(dataset.states.sequence[seen].tolist())


def _hashes(dataset: RoadDataset, rows: np.ndarray) -> np.ndarray:
    """(m,) uint64 of the rows. Two data sets may both have a sample 0001: its past states tell them apart."""
    states, name = dataset.states, dataset.name
    return np.array(
        [
            int.from_bytes(
                hashlib.sha256(
                    f"{name}\0{states.sequence[row]}\0{states.id[row]}\0".encode() + states.past[row].tobytes()
                ).digest()[:8],
                "little",
            )
            for row in rows.tolist()
        ],
        np.uint64,
    )
