"""Which earlier frames a data set's rows have: said at the head of a run, and an error where no row has one."""

from collections.abc import Sequence

import numpy as np

from roadcue.errors import BadInput
from roadcue.loaders.dataset import RoadDataset, StateTable

_SAID = 5
"""Distances between frames that an error names."""


def earlier_frames(
    dataset: RoadDataset,
    frames_back: Sequence[int],
    rows: np.ndarray,
    frame_stride: int = 1,
    stands_in: str = "what --missing_camera names stands in for the others",
) -> str:
    """One line: which share of the (m,) rows of a data set has each of the frames that many frames back.

    BadInput when no row has one of them, with the distances at which there are any; `frame_stride` is that of the
    data set, which may be why.
    """
    has = {back: float(np.mean(dataset.states.rows_before(back)[rows] >= 0)) for back in frames_back}
    lacking = [str(back) for back, share in has.items() if not share]
    if lacking:
        raise BadInput(
            f"--past_frames {','.join(map(str, frames_back))}: no row of {dataset.name} {dataset.split} has a frame "
            f"{' or '.join(lacking)} frames before it; {_remedy(dataset.states, rows, frame_stride)}"
        )
    shares = ", ".join(f"{back} frames back {_percent(share)}" for back, share in has.items())
    return f"{dataset.name} {dataset.split}: rows that have their earlier frames: {shares}; {stands_in}"


def distances(states: StateTable, rows: np.ndarray) -> list[int]:
    """How many frames back some of the (m,) rows have another row of their sequence: the nearest, ascending."""
    near: set[int] = set()
    for steps in range(1, _SAID + 1):
        later = rows[rows >= steps]
        same = later[states.sequence[later] == states.sequence[later - steps]]
        near |= set((states.frame[same] - states.frame[same - steps]).tolist())
    return sorted(near)[:_SAID]


def _remedy(states: StateTable, rows: np.ndarray, frame_stride: int) -> str:
    near = distances(states, rows)
    thinned = f", or with a smaller --frame_stride than {frame_stride}" if frame_stride > 1 else ""
    if near:
        return f"there are some {', '.join(map(str, near))} frames before: train with those{thinned}"
    return f"each of its sequences is a single frame here: train without --past_frames{thinned}"


def _percent(share: float) -> str:
    """Rounded towards the middle, so that neither none nor all is said of what is only nearly so."""
    return f"{min(max(round(100 * share), 1), 99) if share < 1 else 100} %"
