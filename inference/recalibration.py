"""A user's own camera: which of its pictures a run takes for unlike those that it has learnt from."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from roadcue.errors import BadInput
from roadcue.files import read_bytes, writing_into
from roadcue.heads.multi_head import DETECTOR
from roadcue.heads.ood_detector import OODDetector
from roadcue.inference.pictures import Picture
from roadcue.loaders import picture_file
from roadcue.progress import ProgressLine
from roadcue.sentences import show
from roadcue.training.heads.covered_lens import SPOILT
from roadcue.training.run_folder import RunFolder

_ENOUGH, _LEAST = 200, 20
"""Of so many pictures four are the two in a hundred; of fewer the threshold is one picture's, of few it is chance."""
_TRIED, _TOLD = 20, 0.95
"""So many pictures are spoilt in each way, and that share of them has to be told still."""


class Predictor(Protocol):
    """What a run of heads and one of texts are here."""

    @property
    def detector(self) -> OODDetector | None:
        """What tells pictures unlike those that were learnt from."""

    def stored(self, pictures: Sequence[Picture]) -> tuple[Tensor, Tensor]:
        """Features (b, 1, k, d) float16 and contrast (b, 1, 11, 4) of pictures."""


def recalibrate(predictor: Predictor, folder: RunFolder, pictures: Sequence[Path], batch: int) -> None:
    """Set the run's threshold by pictures without labels; prints what it does. The run folder keeps the old one, too.

    BadInput for a picture that cannot be read, for a run that tells no pictures apart or reads several of a moment,
    and where black, white or noisy pictures would be taken for like: then the threshold stays.
    """
    detector = predictor.detector
    if detector is None:
        raise BadInput(
            f"{folder.path}: this run does not tell pictures unlike those that it has learnt from: it sees none, "
            "its captioner has no tower of an encoder, or it is of before that was learnt; train it again"
        )
    if detector.pictures > 1:
        raise BadInput(f"{folder.path}: this run reads several pictures of a moment, which single files are not")
    if len(pictures) < _LEAST:
        raise BadInput(
            f"{len(pictures)} pictures are too few to set a threshold by; give {_LEAST}, or {_ENOUGH} better"
        )
    with ProgressLine("recalibrating", len(pictures), "pictures") as advance:
        batches = list(_stored(predictor, pictures, batch, advance))
    stored = tuple(torch.cat(each) for each in zip(*batches, strict=True))
    before, replaced = _share_unlike(detector, *stored), detector.calibration
    present = torch.ones(len(pictures), 1, dtype=torch.bool)
    detector.calibrate(detector.distances(*stored).cpu(), present, np.arange(len(pictures)).astype(str))
    _check_told(predictor, detector, pictures)
    detector.calibrated_on = f"{len(pictures):,} pictures of another camera"
    detector.replaced.append(replaced)
    with writing_into(folder.path, "free space there"):
        detector.save_pretrained(folder.model / DETECTOR)
    show("threshold (distance of whole picture, cells, mean and spread, contrast, smooth parts):")
    for time, one in (("was", replaced), ("is", detector.calibration)):
        show(f"  {time} {_in_words(one['threshold'])}, by {one['calibrated_on']}")
    few = f"; {_ENOUGH} or more are better" if len(pictures) < _ENOUGH else ""
    show(
        f"{folder.path}: {before:.0%} of {len(pictures):,} pictures were unlike those that this run has learnt from, "
        f"now {_share_unlike(detector, *stored):.0%} are{few}. What it answers has not changed: try it before you "
        "rely on it."
    )


def _in_words(threshold: Sequence[Sequence[float | None]]) -> str:
    """Of the one picture of a moment."""
    return ", ".join("none" if value is None else f"{value:.4g}" for value in threshold[0])


def _stored(
    predictor: Predictor, pictures: Sequence[Path], batch: int, advance: Callable[[int], None]
) -> Iterator[tuple[Tensor, Tensor]]:
    for first in range(0, len(pictures), batch):
        some = pictures[first : first + batch]
        yield predictor.stored(some)
        advance(len(some))


def _share_unlike(detector: OODDetector, stored: Tensor, contrast: Tensor) -> float:
    present = torch.ones(stored.shape[:2], dtype=torch.bool, device=stored.device)
    return float((detector(stored, contrast, present) > 1).float().mean())


def _check_told(predictor: Predictor, detector: OODDetector, pictures: Sequence[Path]) -> None:
    """BadInput where the new threshold lets pass what shows nothing."""
    some = [pictures[i] for i in range(0, len(pictures), max(1, len(pictures) // _TRIED))]
    decoded = [picture_file.decode(read_bytes(path), str(path)) for path in some]
    for name, spoil in SPOILT.items():
        told = _share_unlike(detector, *predictor.stored([spoil(picture) for picture in decoded]))
        if told < _TOLD:
            raise BadInput(
                f"with a threshold of these pictures only {told:.0%} of {name} ones would be told from them, so it "
                "stays as it was: what this run has learnt from is too unlike them. Train on pictures of this camera"
            )
