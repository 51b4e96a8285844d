"""Pairs: one moment drawn twice, with and without one thing, listed in `pairs.jsonl` beside ordinary files.

The halves of a pair are alike in every pixel that the thing does not touch, and in every past state. In a reason pair
it is a reason to drive or walk otherwise, so the futures differ; in a null pair it must not matter, and they do not.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from roadcue.errors import BadInput
from roadcue.files import write_atomic
from roadcue.registry import nearest

PAIRS = "pairs.jsonl"
"""The file of the pairs, in the folder that is drawn."""
ALL = "all"
"""Every kind of a view, in `--kinds`."""


@dataclass(frozen=True)
class PairedFrame:
    """One half of a pair: a line of `PAIRS`."""

    frame: str
    """The frame's name in the shards, or the picture's file name."""
    pair: int
    half: Literal["without", "with"]
    kind: str
    reason: str
    """What the half with it shows, and the other does not, in words."""
    boxes: Mapping[str, Sequence[int]]
    """Camera -> [left, top, right, bottom] of what is seen of it, of both halves; empty where no camera sees it, or
    where it has no place (the sun)."""


def write_pairs(folder: Path, frames: Iterable[PairedFrame]) -> Path:
    """Write `PAIRS`, a line for each half, the half without before the half with; returns it."""
    write_atomic(folder / PAIRS, "".join(json.dumps(asdict(frame)) + "\n" for frame in frames))
    return folder / PAIRS


def chosen_kinds(given: str, known: Sequence[str], view: str) -> tuple[str, ...]:
    """The kinds that `--kinds` names, with commas, or all of a view; BadInput for one that the view does not have."""
    if given == ALL:
        return tuple(known)
    kinds = tuple(given.split(","))
    for kind in kinds:
        if kind not in known:
            raise BadInput(
                f"--kinds {given}: {view} has no pairs of {kind!r}, but {', '.join(known)}{nearest(kind, known)}"
            )
    if len(set(kinds)) < len(kinds):
        raise BadInput(f"--kinds {given}: names a kind twice")
    return kinds
