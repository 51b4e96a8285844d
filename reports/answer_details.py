"""How a head answers, as the page shows it: what is taken for what, how true its probabilities are, single frames."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import simplejpeg

from roadcue.metrics.confusion import Confusion
from roadcue.metrics.objects import ObjectScores
from roadcue.metrics.uncertainty import ReliabilityBin
from roadcue.reports.figure import data_uri
from roadcue.reports.table import Cell, plain

_LONG_SIDE = 720
"""Pixels: a larger picture is shrunk to it, for a small page."""

ObjectsOfMethods = Mapping[str, Mapping[str, tuple[ObjectScores, ObjectScores]]]
"""Method -> "near" and "far" -> scores of each kind by presence and by place."""


@dataclass(frozen=True)
class Answer:
    """To one `question`, with its `probability`, NaN where none is told; `right` is a share, of a question with one
    answer 1 or 0.

    The truth is "" and `right` NaN where it is unknown.
    """

    question: str
    answer: str
    probability: float
    truth: str
    right: float


@dataclass(frozen=True)
class AnsweredFrame:
    """One moment for the report, with the head's `answers` to all its questions.

    `image` is (H, W, 3) uint8 RGB of the camera `camera`, None where there is none. `unlike` is whether the pictures
    are unlike the training pictures, None where nothing is known of it.
    """

    title: str
    sample_id: str
    image: np.ndarray | None
    camera: str
    unlike: bool | None
    answers: Sequence[Answer]

    @property
    def picture(self) -> str:
        """The image as the address of a JPEG; "" where there is none."""
        if self.image is None:
            return ""
        scale = min(1.0, _LONG_SIDE / max(self.image.shape[:2]))
        size = round(self.image.shape[1] * scale), round(self.image.shape[0] * scale)
        image = cv2.resize(self.image, size, interpolation=cv2.INTER_AREA) if scale < 1 else self.image
        return data_uri(simplejpeg.encode_jpeg(np.ascontiguousarray(image), quality=85, colorspace="RGB"))


WHY = (
    "Best and worst by the probabilities of the right answers and of the wrong ones; then the surest wrong answers, "
    "one a sequence."
)


@dataclass(frozen=True)
class AnswerDetails:
    """Of the head `head`: question -> its confusions and its reliability, scores of kinds of objects, and frames.

    `objects` has the head and the rows without an image that it is compared with; it is empty of a head without
    objects.
    """

    head: str
    confusions: Mapping[str, Confusion]
    reliability: Mapping[str, Sequence[ReliabilityBin]]
    objects: ObjectsOfMethods
    frames: Sequence[AnsweredFrame]
    title: str = ""
    """What stands above them; default: how the head answers."""
    why: str = WHY
    """By what the frames are chosen."""


@dataclass(frozen=True)
class KindRow:
    """A kind of object in the table: how many were found, missed and falsely claimed, F1, and the best blind F1."""

    kind: str
    counts: str
    presence: Cell
    place: Cell
    blind: Cell


def kind_rows(details: AnswerDetails) -> dict[str, list[KindRow]]:
    """ "near" and "far" -> a row for each kind of object; nothing of a head without objects."""
    blind = {method: scores for method, scores in details.objects.items() if method != details.head}
    rows = {}
    for distance, (presence, placed) in details.objects.get(details.head, {}).items():
        rows[distance] = [
            KindRow(
                kind.replace("_", " "),
                f"{counts.tp} / {counts.fn} / {counts.fp}",
                plain(presence.by_kind[kind]),
                plain(placed.by_kind[kind]),
                _best_blind(kind, {method: scores[distance][1] for method, scores in blind.items()}),
            )
            for kind, counts in presence.counts.items()
        ]
    return rows


def _best_blind(kind: str, placed: Mapping[str, ObjectScores]) -> Cell:
    """The best F1 by place of the methods that see no image, and whose it is."""
    values = {method: scores.by_kind[kind].value for method, scores in placed.items()}
    known = {method: value for method, value in values.items() if not np.isnan(value)}
    if not known:
        return Cell("–", "")
    best = max(known, key=known.__getitem__)
    return Cell(f"{known[best]:.2f}", best)
