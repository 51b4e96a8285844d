"""Under which conditions a captioner is asked: each is a row of the table, named by words that are joined by `+`."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from roadcue.errors import BadInput
from roadcue.evaluation.shuffled_pictures import permutation_across_sequences
from roadcue.evaluation.spoilt_pictures import CHOOSING, UNLIKE, Spoil, SpoiltPictures
from roadcue.loaders.dataset import RoadDataset, Subset
from roadcue.training.captions.pictures import CaptionPictures

FREE = "free"
"""Asked as the run has learnt it, and nothing keeps the text in form."""
_GREY = 128
SPOILT: Mapping[str, Spoil] = {
    "grey": lambda picture, _: np.full_like(picture, _GREY),
    "blur": UNLIKE["blur of 8 px"],
    "grain": CHOOSING["grain"],
    "half_black": UNLIKE["lower half black"],
    "upside_down": UNLIKE["upside down"],
}
"""Word -> what becomes of each picture; a grey one shows nothing."""
OTHERS = "others"
"""Each picture is that of another sequence."""
BLIND = ("grey", OTHERS)
"""Of these a picture tells nothing of its row."""
PICTURES = (*SPOILT, OTHERS)
GRAMMAR, FEW_SHOT, TEXT_ONLY, ANNOTATIONS = "grammar", "few_shot", "text_only", "annotations"
ONE_FRAME, SHUFFLED = FRAMES = ("one_frame", "shuffled")
"""What becomes of a clip: its last frame alone; its frames in another order."""
WORDS = (FREE, GRAMMAR, FEW_SHOT, TEXT_ONLY, ANNOTATIONS, *FRAMES, *PICTURES)


@dataclass(frozen=True)
class Condition:
    """How a captioner is asked: the word of `PICTURES` of what becomes of the pictures, "" for nothing; held to the
    `grammar` of its kind of text; behind demonstrations, or, `text_only`, behind their texts alone; the word of
    `FRAMES` of what becomes of clips, "" for nothing; with the labels of the picture told as `annotations`.
    """

    name: str
    pictures: str = ""
    grammar: bool = False
    few_shot: bool = False
    text_only: bool = False
    frames: str = ""
    annotations: bool = False

    @property
    def sees(self) -> bool:
        """Whether what is asked depends on the row's own picture."""
        return self.pictures not in BLIND

    @property
    def as_they_are(self) -> bool:
        """Whether all pictures of a row are shown, and none is spoilt or another row's."""
        return not self.pictures and self.frames != ONE_FRAME

    def on(self, pictures: CaptionPictures, seed: int) -> CaptionPictures:
        """The same rows with what this condition shows of each; BadInput for frames of a run without clips."""
        if self.frames:
            pictures = replace(pictures, clips=self._clips(pictures, seed))
        dataset = pictures.dataset
        if not self.pictures:
            return pictures
        if self.pictures == OTHERS:
            dealt = OtherPictures(dataset, seed)
            return replace(pictures, dataset=dealt, clips=dealt.clips(pictures.clips))
        spoilt = SpoiltPictures(dataset, np.arange(len(dataset)), self.pictures, SPOILT[self.pictures])
        return replace(pictures, dataset=spoilt)

    def _clips(self, pictures: CaptionPictures, seed: int) -> np.ndarray:
        """(len(dataset), p) as `CaptionPictures.clips`: each clip in an order of its own, or its last frame."""
        if pictures.frames == 1:
            raise BadInput(
                f"--conditions {self.name}: this run is shown single pictures; leave it out, or train with "
                "--past_frames"
            )
        if self.frames == ONE_FRAME:
            return pictures.clips[:, -1:]
        return np.stack([clip[_other_order(len(clip), [seed, row])] for row, clip in enumerate(pictures.clips)])


class OtherPictures(Subset):
    """All rows of a data set, each with the picture of a row of another sequence."""

    def __init__(self, dataset: RoadDataset, seed: int) -> None:
        """BadInput where one sequence holds more than half of the rows."""
        super().__init__(dataset, np.arange(len(dataset)), OTHERS)
        try:
            self._taken = permutation_across_sequences(dataset.states.sequence, seed)
        except ValueError as error:
            raise BadInput(f"the condition {OTHERS}: {error}") from error
        self.fingerprint = hashlib.sha256(f"{self.fingerprint} {OTHERS} {seed}".encode()).hexdigest()

    def image(self, row: int, camera: str) -> bytes | None:
        """The other row's JPEG bytes."""
        return super().image(int(self._taken[row]), camera)

    def clips(self, clips: np.ndarray) -> np.ndarray:
        """(n, p) clips of the data set -> those of the other rows, by the rows that have their pictures here."""
        row_of = np.empty_like(self._taken)
        row_of[self._taken] = np.arange(len(row_of))
        return row_of[clips[self._taken]]


def _other_order(frames: int, seed: list[int]) -> np.ndarray:
    """(p,) an order of so many frames, at least 2, that is not that of time."""
    rng, order = np.random.default_rng(seed), np.arange(frames)
    while (order == np.arange(frames)).all():
        order = rng.permutation(frames)
    return order


def parse_conditions(text: str) -> list[Condition]:
    """`free,grey` -> those conditions; BadInput for a word that is none, or for two of one kind."""
    found = [_condition(name.strip()) for name in text.split(",")]
    if len({each.name for each in found}) < len(found):
        raise BadInput(f"--conditions {text}: names a condition twice")
    return found


def _condition(name: str) -> Condition:
    words = name.split("+")
    if unknown := [word for word in words if word not in WORDS]:
        raise BadInput(f"--conditions {name}: {unknown[0]!r} is none of {', '.join(WORDS)}")
    if FREE in words and len(words) > 1:
        raise BadInput(f"--conditions {name}: {FREE} is all that it says; leave it out beside other words")
    pictures = [word for word in words if word in PICTURES]
    if len(pictures) > 1:
        raise BadInput(f"--conditions {name}: {pictures[0]} and {pictures[1]} are both of the picture; give one")
    frames = [word for word in words if word in FRAMES]
    if len(frames) > 1:
        raise BadInput(f"--conditions {name}: {frames[0]} and {frames[1]} are both of the frames; give one")
    text_only, annotations = TEXT_ONLY in words, ANNOTATIONS in words
    few_shot = text_only or FEW_SHOT in words
    if few_shot and annotations:
        raise BadInput(f"--conditions {name}: labels are told of the picture alone, without demonstrations; give one")
    shown, order = pictures[0] if pictures else "", frames[0] if frames else ""
    return Condition(name, shown, GRAMMAR in words, few_shot, text_only, order, annotations)
