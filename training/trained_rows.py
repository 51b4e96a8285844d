"""Which rows a run was trained on, so that no sequence of theirs is scored as held out: trained_rows.safetensors."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch

from roadcue.errors import BadCheckpoint
from roadcue.loaders.dataset import RoadDataset
from roadcue.weights import read_safetensors, write_safetensors

TRAINED_ROWS = "trained_rows.safetensors"
"""In a run folder, "rows" (n,) int64: a hash of each row, sorted."""


def write_trained_rows(folder: Path, splits: Iterable[tuple[RoadDataset, np.ndarray]]) -> None:
    """Keep what was trained and calibrated on: data sets with their rows (m,)."""
    hashes = np.unique(np.concatenate([_hashes(dataset, rows) for dataset, rows in splits]))
    write_safetensors(folder / TRAINED_ROWS, {"rows": torch.from_numpy(hashes)})


def trained_sequences(folder: Path, dataset: RoadDataset) -> set[str]:
    """The sequences of a data set of which a run has seen rows; none where the run is older than this file.

    BadCheckpoint when the file is damaged.
    """
    file = folder / TRAINED_ROWS
    if not file.exists():
        return set()
    known = dict(read_safetensors(file)).get("rows")
    if known is None or known.dtype != torch.int64:
        raise BadCheckpoint(f"{file}: does not hold the hashes of rows; train again")
    seen = np.isin(_hashes(dataset, np.arange(len(dataset))), known.numpy())
    return set(dataset.states.sequence[seen].tolist())


def _hashes(dataset: RoadDataset, rows: np.ndarray) -> np.ndarray:
    """(m,) int64 of the rows, whatever the data set is called: a folder can be read under several names.

    Two data sets may both have a sample 0001: place and velocity of its oldest past state tell them apart, to 0.1 m
    and 0.1 m/s, since the same states written with fewer digits are the same.
    """
    states = dataset.states
    oldest = np.round(states.past[:, 0, :4].astype(np.float64), 1) + 0.0  # no minus zero
    return np.array(
        [
            int.from_bytes(
                hashlib.sha256(
                    f"{states.sequence[row]}\0{states.id[row]}\0".encode() + oldest[row].tobytes()
                ).digest()[:8],
                "little",
                signed=True,
            )
            for row in rows.tolist()
        ],
        np.int64,
    )
