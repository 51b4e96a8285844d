"""Other pictures of the same scenes for stage two: another light or weather, a worse lens, and a mirror.

Nothing in a picture moves but by the mirror, which everything that is to be predicted follows. Ranges are RoadCue's
choice, as those of `training.weather` are: whoever looks can still tell what is there.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np

from roadcue.heads.head import Head
from roadcue.loaders import jpeg
from roadcue.schema import Intent, SampleTargets
from roadcue.sentences import say
from roadcue.training.stage_two.mirroring import (
    check_mirrored_labels,
    mirrored_intent,
    mirrored_past,
    mirrored_pictures,
    mirrored_targets,
    unmirrored_cameras,
)
from roadcue.training.weather import CHANGES, Change, changed

_MIRRORED = 0.5
"""Of the pictures that are augmented: left and right are then equally frequent."""
_BLUR = 1 / 300
"""Largest standard deviation of a blur, as a share of the picture's height: 3.6 px of 1080. At 8 px of the drawn
pictures nothing sure may be said any more (`evaluation.spoilt_pictures`)."""
_QUALITIES = 30, 80
"""libjpeg's; that of the drawn files is higher."""


class Augmented(NamedTuple):
    """A row: camera -> (H, W, 3) uint8, `past` (16, 6) `STATE_COLUMNS`, intent, and what is to be predicted."""

    pictures: Mapping[str, np.ndarray]
    past: np.ndarray
    intent: Intent
    targets: SampleTargets


@dataclass(frozen=True)
class Augmentation:
    """Augments `share` of the rows; `mirrors` half of these."""

    share: float
    mirrors: bool = True

    @classmethod
    def of(cls, share: float, cameras: Collection[str], heads: Iterable[Head]) -> "Augmentation":
        """For a run with these cameras and heads; says so where its cameras look to one side only.

        BadInput for a head with labels that cannot be mirrored.
        """
        lone = unmirrored_cameras(cameras) if share else []
        if lone:
            say(f"augmentation: without mirrors, as no camera looks to the other side of {', '.join(lone)}")
        elif share:
            check_mirrored_labels(heads)
        return cls(share, mirrors=not lone)

    def __call__(
        self,
        pictures: Mapping[str, np.ndarray],
        past: np.ndarray,
        intent: Intent,
        targets: SampleTargets,
        rng: np.random.Generator,
    ) -> Augmented:
        """What is learnt of a row this time. A generator of (seed, epoch, row) draws the same after a resume.

        All cameras of a row get the same look, in another shape of what is random in it where they differ in size.
        """
        row = Augmented(pictures, past, intent, targets)
        if rng.random() >= self.share:
            return row
        look, seed = LOOKS[int(rng.integers(len(LOOKS)))], int(rng.integers(2**63))
        mirrored = rng.random() < _MIRRORED
        seen = {name: changed(look, picture, np.random.default_rng(seed)) for name, picture in pictures.items()}
        row = row._replace(pictures=seen)
        return _mirrored(row) if mirrored and self.mirrors else row


def _mirrored(row: Augmented) -> Augmented:
    return Augmented(
        mirrored_pictures(row.pictures),
        mirrored_past(row.past),
        mirrored_intent(row.intent),
        mirrored_targets(row.targets),
    )


def _blur(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A lens out of focus, or a dirty one."""
    sigma = float(rng.uniform(0.25, 1)) * _BLUR * len(picture)
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), max(sigma, 0.3)))


def _compressed(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Squares and ringing of a small file."""
    quality = int(rng.integers(*_QUALITIES, endpoint=True))
    levels = np.asarray(np.rint(picture * 255), np.uint8)
    return jpeg.decode(jpeg.encode(levels, quality)).astype(np.float32) / 255


LOOKS: Sequence[Change] = (*CHANGES, _blur, _compressed)
