"""Which pictures show a row to a captioner: its own, and before it those of earlier frames, in the order of time.

All rows have as many. What stands in for a frame that is not there is the first that is: as films that are shorter
than what a model reads are filled up (PyTorchVideo's UniformTemporalSubsample takes the nearest frame).
"""

from collections.abc import Sequence

import numpy as np
from torch import Tensor

from roadcue.loaders.dataset import StateTable
from roadcue.models.captioner import Captioner


def clips_of(states: StateTable, frames_back: Sequence[int], there: np.ndarray) -> np.ndarray:
    """(n, p) int64: for each of n rows the rows whose pictures show it, the earliest first and itself last.

    `frames_back` are the p - 1 earlier frames, in any order; `there` (n,) bool: the rows that have a picture.
    """
    clips = [np.arange(len(states))]
    for back in sorted(frames_back):
        before = states.rows_before(back)
        clips.insert(0, np.where((before >= 0) & there[before], before, clips[0]))
    return np.stack(clips, axis=1)


def without(clips: np.ndarray, bad: Sequence[int]) -> np.ndarray:
    """(n, p) clips in which the frame behind stands in for the rows that are `bad`; a row itself stays the last."""
    kept = clips.copy()
    for place in reversed(range(kept.shape[1] - 1)):
        kept[:, place] = np.where(np.isin(kept[:, place], bad), kept[:, place + 1], kept[:, place])
    return kept


def encoded(captioner: Captioner, clips: Tensor) -> Tensor:
    """Clips (b, p, 3, S, S) uint8 -> the visual tokens of all their pictures (b, p, n, d)."""
    return captioner.encode(clips.flatten(0, 1)).unflatten(0, clips.shape[:2])
