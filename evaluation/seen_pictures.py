"""What a captioner and its detector see of the pictures that are asked about, each looked at once if that can be.

The conditions under which a captioner is asked differ in the text more often than in the pictures: of pictures as
they are, visual tokens come from the store if there is one, and scores from the condition before.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from roadcue.models.captioner import Captioner
from roadcue.training.captions.clips import encoded
from roadcue.training.captions.detector import CaptionDetector
from roadcue.training.captions.pictures import CaptionPictures
from roadcue.training.captions.visual_store import VisualStore


@dataclass(frozen=True)
class Seen:
    """Of b pictures: their rows in the data set, visual tokens (b, p, n, d), and scores, None where nothing tells."""

    rows: list[int]
    visual: Tensor
    scores: list[float | None]


@dataclass(frozen=True)
class SeenPictures:
    """Of a run; `store` has the visual tokens of `pictures` as they are, None where each is encoded anew."""

    captioner: Captioner
    detector: CaptionDetector | None
    pictures: CaptionPictures
    store: VisualStore | None
    _scores: dict[tuple[int, ...], float | None] = field(default_factory=dict)

    def batches(self, pictures: CaptionPictures, first: int, size: int) -> Iterator[Seen]:
        """The same rows, their pictures as they are or spoilt, from the `first` on, `size` at a time."""
        for start in range(first, len(pictures), size):
            yield self._seen(pictures, np.arange(start, min(start + size, len(pictures))))

    @torch.no_grad()
    def _seen(self, pictures: CaptionPictures, positions: np.ndarray) -> Seen:
        rows = pictures.rows[positions]
        clips = pictures.clips[rows]
        as_they_are = pictures.dataset is self.pictures.dataset
        visual = self.store.of_clips(clips) if as_they_are and self.store is not None else None
        shown = [*map(tuple, clips.tolist())]
        scores = [self._scores[clip] for clip in shown] if as_they_are and self._scores.keys() >= {*shown} else None
        if visual is None or scores is None:
            pixels = pictures.batch(positions)["clips"]
            visual = encoded(self.captioner, pixels) if visual is None else visual
            scores = [None] * len(rows) if self.detector is None else self.detector.of_clips(pixels).tolist()
            if as_they_are:
                self._scores.update(zip(shown, scores, strict=True))
        return Seen(rows.tolist(), visual, scores)
