"""Which frames of several runs are the same: by sequence and id, else by their pictures."""

import hashlib
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from roadcue.errors import BadRecord
from roadcue.evaluation.frames import Frames
from roadcue.progress import ProgressLine
from roadcue.reports.colours import LOG
from roadcue.sentences import counted
from roadcue.training.build import open_split
from roadcue.training.config import TrainConfig


@dataclass(frozen=True)
class ScoredRun:
    """A run by its name in the tables, how it was scored, and its frames; or several that differ in their seed."""

    name: str
    options: TrainConfig
    frames: Frames
    setting: str = ""
    """All that decided its training but the seed; "" where that is not known."""
    others: tuple[Frames, ...] = ()
    """What the runs of further seeds say of the same frames, in the same order."""

    @property
    def trainings(self) -> tuple[Frames, ...]:
        """The frames of each seed's run."""
        return (self.frames, *self.others)

    @property
    def methods(self) -> Mapping[str, Sequence[str]]:
        """Head -> the lines of its table, itself first."""
        found: Mapping[str, Sequence[str]] = self.frames.about["methods"]
        return found


@dataclass(frozen=True)
class FramePairs:
    """Which frames other runs have in common with the first, of n frames."""

    rows: Mapping[int, np.ndarray]
    """Place of another run -> (n,) its rows of the first one's frames, -1 where it has none; a run without any that
    all of these have is not there."""
    said: list[str]
    """How they were paired, a sentence for each run."""


def pair_frames(runs: Sequence[ScoredRun]) -> FramePairs:
    """Each run's frames beside those of the first."""
    first, said = runs[0], []
    common, found = np.ones(len(first.frames), bool), {}
    pictures = cache(lambda place: _pictures(runs[place]))
    for place, run in enumerate(runs[1:], 1):
        by, rows = "id", same_rows(_ids(first.frames), _ids(run.frames))
        if (rows < 0).all():
            by, rows = "picture", same_rows(pictures(0), pictures(place))
        if not (common & (rows >= 0)).any():
            said.append(
                f"{run.name} and {first.name} have no frame in common, neither by id nor by picture, so {run.name} "
                f"is scored alone ({run.frames.about['data']}; {first.frames.about['data']})"
            )
            continue
        common &= rows >= 0
        found[place] = rows
        said.append(
            f"{run.name}: {(rows >= 0).sum():,} of its {counted(len(run.frames), 'frame')} are paired by {by} with "
            f"the {len(first.frames):,} of {first.name}{_differing(first, run, rows)}"
        )
    return FramePairs(found, said)


def same_rows(keys: Sequence[Hashable], others: Sequence[Hashable]) -> np.ndarray:
    """(n,) for each of n keys the place of the same one among the others, -1 where it is not there.

    None, and a key that is there twice on either side, is the same as no other.
    """
    times, others_times = Counter(keys), Counter(others)
    place_of = {key: place for place, key in enumerate(others) if key is not None and others_times[key] == 1}
    return np.array([place_of.get(key, -1) if times[key] == 1 else -1 for key in keys], np.int64)


def _ids(frames: Frames) -> list[tuple[str, str]]:
    return list(zip(frames.columns["sequence"].tolist(), frames.columns["id"].tolist(), strict=True))


def _pictures(run: ScoredRun) -> list[str | None]:
    """sha256 of each frame's picture by the run's first camera; None where there is none that can be read."""
    data = open_split(run.options, run.frames.about["asked"]["split"])
    row_of = {id: row for row, id in enumerate(data.states.id.tolist())}
    hashes: list[str | None] = []
    with ProgressLine(f"reading the pictures of {run.name}", len(run.frames), "pictures") as advance:
        for id in run.frames.columns["id"].tolist():
            try:
                encoded = data.image(row_of[id], run.options.camera_names[0]) if id in row_of else None
            except BadRecord:
                encoded = None
            hashes.append(hashlib.sha256(encoded).hexdigest() if encoded else None)
            advance()
    return hashes


def _differing(first: ScoredRun, other: ScoredRun, rows: np.ndarray) -> str:
    """What is to be said of data that are not the same for both; nothing where they are."""
    ours, theirs = first.frames, other.frames
    if ours.about["fingerprint"] == theirs.about["fingerprint"]:
        return ""
    mine = rows >= 0
    changed = np.zeros(mine.sum(), bool)
    for name in ours.columns.keys() & theirs.columns.keys():
        if name.startswith("true:"):
            changed |= ours.columns[name][mine] != theirs.columns[name][rows[mine]]
        elif name == f"{LOG}:path":
            gap = np.abs(ours.columns[name][mine] - theirs.columns[name][rows[mine]])
            changed |= (gap > 0.01).any(axis=1)  # metres: as files are rounded
    labels = f"{changed.sum():,} of these frames have other labels" if changed.any() else "their labels are the same"
    return f"; the data are not the same ({theirs.about['data']}; {ours.about['data']}), {labels}"
