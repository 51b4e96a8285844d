"""Pairs: one moment drawn twice, with and without one thing, listed in `pairs.jsonl` beside ordinary files.

The halves of a pair are alike in every pixel that the thing does not touch, and in every past state. In a reason pair
it is a reason to drive or walk otherwise, so the futures differ; in a null pair it must not matter, and they do not.
"""

import argparse
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from roadcue.errors import BadInput
from roadcue.files import read_text, unreadable, write_atomic
from roadcue.registry import nearest
from roadcue.sentences import say

PAIRS = "pairs.jsonl"
"""The file of the pairs, in the folder that is drawn."""
PAIRS_VERSION = "2"
"""Raised with every change of which pairs are drawn, or how they are named, where the worlds' own versions stay."""
APART = 500
"""Frames from the half without the thing to the half with it: no sequence of WOD-E2E is so long, so that nobody who
asks for earlier pictures takes the one half for an earlier picture of the other."""
PAIRS_SPLITS = {"val": "pairs", "train": "train_pairs"}
"""What pairs can be, to be scored or to be learnt from -> their range in `spec.FIRST_NUMBER`."""
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


def read_pairs(folder: Path) -> list[PairedFrame]:
    """The halves that a folder lists; BadInput when the list cannot be read."""
    try:
        lines = [PairedFrame(**json.loads(line)) for line in read_text(folder / PAIRS).splitlines()]
        if any(not isinstance(line.frame, str) or not isinstance(line.pair, int) for line in lines):
            raise ValueError("a frame is no name, or a pair no number")
    except OSError as error:
        raise unreadable(folder / PAIRS, error) from error
    except (ValueError, TypeError, RecursionError) as error:
        raise BadInput(f"{folder / PAIRS}: is no list of pairs ({error}). Draw the folder again.") from error
    return lines


def add_pairs_split(parser: argparse.ArgumentParser) -> None:
    """--pairs_split, of both views."""
    parser.add_argument(
        "--pairs_split",
        choices=list(PAIRS_SPLITS),
        default="val",
        help="what the pairs are: val to be scored; train, others of them, to be learnt from (default: %(default)s)",
    )


def asked_pairs(pairs: int | None, kinds: str | None) -> int:
    """How many pairs `--pairs` asks for, 0 without it; BadInput below 1, and for `--kinds` without it."""
    if pairs is not None and pairs < 1:
        raise BadInput(f"--pairs {pairs}: must be at least 1; leave it out for a world of its own")
    if kinds is not None and pairs is None:
        raise BadInput(f"--kinds {kinds!r}: belongs to --pairs N, which says how many pairs are drawn; give both")
    return pairs or 0


def chosen_kinds(given: str | None, known: Sequence[str], view: str) -> tuple[str, ...]:
    """The kinds that `--kinds` names, with commas, or without it all of a view; BadInput for one that it has not."""
    if given is None or given == ALL:
        return tuple(known)
    kinds = tuple(word.strip() for word in given.split(","))
    for kind in kinds:
        if not kind:
            raise BadInput(f"--kinds {given!r}: one is without a name; name {ALL}, or of {', '.join(known)}")
        if kind not in known:
            raise BadInput(
                f"--kinds {given}: {view} has no pairs of {kind!r}, but {', '.join(known)}{nearest(kind, known)}"
            )
    if len(set(kinds)) < len(kinds):
        raise BadInput(f"--kinds {given}: names a kind twice")
    return kinds


def say_what_is_left_out(pairs: int, kinds: Sequence[str]) -> None:
    """Print which of the kinds so many pairs do not come to, if any."""
    if pairs and (left_out := kinds[pairs:]):
        say(
            f"--pairs {pairs} comes to {', '.join(kinds[:pairs])}; left out: {', '.join(left_out)}. "
            f"--pairs {len(kinds)} draws one pair of each."
        )


def check_pairs(view: str, pairs: int, kinds: Sequence[str], known: Sequence[str], most: int, others: str) -> None:
    """BadInput, which names the view, for what its spec cannot be: pairs without kinds, of others than are known, too
    many, or beside `others`, what else is asked for, "" for nothing."""
    if not 0 <= pairs <= most:
        raise BadInput(f"{view}: {pairs} pairs cannot be drawn. Choose 1 to {most}, or 0 for none.")
    if pairs and others:
        raise BadInput(
            f"{view}: a folder of pairs holds nothing else, and here are {pairs} pairs beside {others}. Draw each "
            "into a folder of its own."
        )
    if bool(pairs) != bool(kinds):
        raise BadInput(f"{view}: {pairs} pairs of {len(kinds)} kinds cannot be drawn. Ask for both or neither.")
    if len(set(kinds)) < len(kinds) or set(kinds) - set(known):
        raise BadInput(
            f"{view}: there are no pairs of kinds {', '.join(map(str, kinds))}. Choose among {', '.join(known)}, "
            "each once."
        )


def check_pairs_split(view: str, pairs: int, split: str) -> None:
    """BadInput, which names the view, for a split that pairs cannot be, or one of pairs that are not asked for."""
    if split not in PAIRS_SPLITS:
        raise BadInput(f"{view}: pairs cannot be a split {split!r}. Choose among {', '.join(PAIRS_SPLITS)}.")
    if split != "val" and not pairs:
        raise BadInput(
            f"{view}: --pairs_split {split} belongs to --pairs N, which says how many are drawn; give both."
        )
