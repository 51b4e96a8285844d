"""What a run learns from besides its options: a hash of each part, by name, wherever the files of it lie.

With another of them it is another run: one that was stopped or is finished never goes on with it. These names are
read by people.
"""

import hashlib
from collections.abc import Mapping

import numpy as np

from roadcue.loaders.dataset import StateTable
from roadcue.models.compilation import COMPILED

PROBE = "preprocessing_probe"
"""The part of an encoder's fingerprint that changes with a single level of a single pixel."""
ROUNDING = {PROBE, COMPILED}
"""Parts in which the fingerprints of one encoder may differ, as by a newer torch: no reason to refuse it."""

LEARNT_ROWS = "rows that are learnt"


def hash_of(*columns: np.ndarray) -> str:
    """sha256 over arrays of numbers or of words."""
    digest = hashlib.sha256()
    for column in columns:
        words = column.dtype.kind == "U"
        digest.update("\0".join(column.tolist()).encode("utf-8", "replace") if words else column.tobytes())
    return digest.hexdigest()


def samples(states: StateTable, rows: np.ndarray) -> str:
    """Which moments of which sequences there are, and which (n,) rows of them are learnt."""
    return hash_of(states.id, states.sequence, states.frame, rows.astype(np.int64))


def of_model(parts: Mapping[str, str], what: str = "encoder") -> dict[str, str]:
    """The parts of the fingerprint of an encoder or a captioner, but for rounding."""
    return {f"the {what}'s {name}": part for name, part in parts.items() if name not in ROUNDING}


def differing(before: Mapping[str, str], now: Mapping[str, str]) -> str:
    """The names of what is another now, in words; "" where nothing is."""
    return ", ".join(name for name in {**before, **now} if before.get(name) != now.get(name))
