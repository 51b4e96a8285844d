"""Which training sequences are kept for calibration: whole ones, since neighbouring frames resemble each other."""

import hashlib

import numpy as np

from roadcue.errors import BadInput
from roadcue.training.heads.batches import StoredSplit


def keep_for_calibration(split: StoredSplit, share: float) -> tuple[StoredSplit, StoredSplit]:
    """The split without a `share` of its sequences, and those: at least one on either side.

    They are the first in the order of a hash of their names, another than the one that parts training and
    validation. BadInput when there are fewer than two sequences.
    """
    names = np.unique(split.sequence)
    if len(names) < 2:
        raise BadInput(
            f"{split.dataset.description}: only {len(names)} sequence to train on, so none is left to calibrate on; "
            "give it more, or train with --calibration 0"
        )
    count = min(max(round(share * len(names)), 1), len(names) - 1)
    kept = np.isin(split.sequence, sorted(names, key=_place)[:count])
    return split.only(split.rows[~kept]), split.only(split.rows[kept])


def extent(split: StoredSplit) -> str:
    """How many rows of how many sequences."""
    return f"{len(split):,} rows of {len(np.unique(split.sequence)):,} sequences"


def _place(name: str) -> bytes:
    return hashlib.sha256(f"calibration {name}".encode()).digest()
