"""Pictures that are the one before again, as of a camera that is stuck: for how long, and what is said of it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from roadcue.errors import BadInput
from roadcue.files import read_bytes
from roadcue.heads.prediction import FROZEN_S, PicturePrediction, frozen_reason
from roadcue.inference.asked import Asked
from roadcue.inference.pictures import Picture
from roadcue.sentences import show

STILL = "still_s"
"""In a film's line: for how many seconds it has shown that picture."""
_BLOCK, _CODED = 16, 6
"""Pixels a side, and grey levels: by as much do means of such blocks differ where coding a film has made several
pictures of one (H.264 at a quality of 23 to 33, MPEG-4 and JPEG at 0.5 to 1 Mbit/s); where a car drives, some differ
by 97 and more (0.25 s apart, in the first 300 photographs of the film that the record names)."""


class StillPictures:
    """Compares each moment's pictures with those before: a film's with the one since which it stands still, but for
    what coding makes of it, and files by their bytes with that of the moment before; counts those that are the same.
    """

    def __init__(self) -> None:
        self._before: dict[str, bytes | np.ndarray] = {}
        self._film: Path | None = None
        self._since_s = 0.0
        self._frozen: list[str] = []
        self._same: list[str] = []

    def still_s(self, one: Asked) -> float:
        """For how many seconds its film has shown the picture of the next moment; 0 for the pictures of files."""
        same, begun = self._compared(one), self._film == one.file
        if one.time_s is None:
            self._same += [one.id] if same else []
            return 0.0
        if same is None:
            return 0.0
        self._film = one.file
        if not (same and begun):
            self._since_s = one.time_s
        seconds = one.time_s - self._since_s
        self._frozen += [one.id] if seconds >= FROZEN_S else []
        return seconds

    def answered(self, one: Asked, line: Mapping[str, Any], last: bool) -> None:
        """Take in a moment whose `line` a stopped command has left; a film goes on behind the `last` of these."""
        if one.time_s is None:
            self.still_s(one)
            return
        seconds = line.get(STILL, 0.0)
        self._frozen += [one.id] if seconds >= FROZEN_S else []
        if last:
            self._compared(one)
            self._film, self._since_s = one.file, one.time_s - seconds

    def say(self, total: int) -> None:
        """On stderr, how many of all pictures were the same as the one before, where some were."""
        if self._frozen:
            show(
                f"warning: {len(self._frozen):,} of {total:,} answers are not sure, as the film has shown the same "
                f"picture for {FROZEN_S:g} s and more, the first {self._frozen[0]}; look whether the camera is "
                "stuck",
                error=True,
            )
        if self._same:
            show(
                f"warning: {len(self._same):,} of {total:,} pictures are the same as the one before, byte for byte, "
                f"the first {self._same[0]}; look whether the camera is stuck",
                error=True,
            )

    def _compared(self, one: Asked) -> bool | None:
        """Whether a camera's picture is that of the moment before; None where none can be read, as if it were not."""
        same = None
        for camera in one.images:
            try:
                content = _content(one.images[camera])
            except (BadInput, OSError):  # which its line will say
                continue
            before = self._before.get(camera)
            equal = before is not None and _equal(before, content)
            same = equal or bool(same)
            if not equal:
                self._before[camera] = content
        return same


def _content(picture: Picture) -> bytes | np.ndarray:
    """What two pictures are compared by: the blocks of a film's, the bytes of a file."""
    if isinstance(picture, np.ndarray):
        return np.asarray(Image.fromarray(picture).reduce(_BLOCK)).astype(np.int16)
    return picture if isinstance(picture, bytes) else read_bytes(Path(str(picture)))


def _equal(one: bytes | np.ndarray, other: bytes | np.ndarray) -> bool:
    if isinstance(one, bytes) or isinstance(other, bytes):
        return isinstance(one, bytes) and isinstance(other, bytes) and one == other
    return one.shape == other.shape and int(np.abs(one - other).max()) <= _CODED


def answer_of(prediction: Any, one: Asked) -> dict[str, Any]:
    """A head's prediction of a moment as JSON with its sentence: not sure where its film has stood still."""
    if isinstance(prediction, PicturePrediction):
        prediction = prediction.after(one.still_s)
    answer = {**prediction.to_json(), "sentence": prediction.sentence}
    if one.still_s < FROZEN_S or isinstance(prediction, PicturePrediction):
        return answer
    reason = frozen_reason(one.still_s)  # of a plugin's head, whose predictions say nothing of pictures
    return {**answer, "reason": reason, "sentence": f"Not sure: {reason}."}
