"""Which training sequences are held out, to calibrate or by turns: whole ones, as frames of one are alike."""

import hashlib
from collections.abc import Iterator

import numpy as np

from roadcue.errors import BadInput
from roadcue.sentences import counted
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
    return _without(split, sorted(names, key=lambda name: _place("calibration", name))[:count])


def by_turns(split: StoredSplit, parts: int) -> Iterator[tuple[StoredSplit, StoredSplit]]:
    """The split without each of so many parts of its sequences, and that part: fewer parts where sequences are fewer.

    Which sequence is in which part is a matter of a hash of its name. There must be at least two.
    """
    names = sorted(np.unique(split.sequence), key=lambda name: _place("turns", name))
    return (_without(split, names[first::parts]) for first in range(min(parts, len(names))))


def _without(split: StoredSplit, sequences: list[str]) -> tuple[StoredSplit, StoredSplit]:
    """The rows of all other sequences, and theirs."""
    theirs = np.isin(split.sequence, sequences)
    return split.only(split.rows[~theirs]), split.only(split.rows[theirs])


def extent(split: StoredSplit) -> str:
    """How many rows of how many sequences."""
    return f"{counted(len(split), 'row')} of {counted(len(np.unique(split.sequence)), 'sequence')}"


def _place(purpose: str, name: str) -> bytes:
    return hashlib.sha256(f"{purpose} {name}".encode()).digest()
