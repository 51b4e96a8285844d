"""Pictures and what is to be said of them: the rows that a captioner learns from and is scored on."""

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TypedDict

import numpy as np
import torch
from torch import Tensor

from roadcue.errors import BadInput, BadRecord
from roadcue.loaders import picture_file
from roadcue.loaders.dataset import RoadDataset
from roadcue.models.captioner import Captioner
from roadcue.models.preprocessing import Preprocessing
from roadcue.progress import ProgressLine
from roadcue.training.captions.clips import clips_of, without
from roadcue.training.captions.config import CaptionOptions, Target
from roadcue.training.captions.plain_answers import AnswerCounts, plain
from roadcue.training.captions.targets import answer_for, instruction_for, settings_for
from roadcue.training.learnt_from import hash_of, samples

_AT_ONCE = 256
"""Pictures that are looked at together before a training."""


class PictureRows(TypedDict):
    """`pixels` (b, 3, S, S) uint8 of the rows themselves, `clips` (b, p, 3, S, S) uint8 all that is shown of each,
    `rows` (b,) int64 of the data set.
    """

    pixels: Tensor
    clips: Tensor
    rows: Tensor


@dataclass(frozen=True)
class CaptionPictures:
    """The rows (n,) of a data set that have a text of the `target` kind; pictures are decoded when asked for.

    `clips` (len(dataset), p) are the rows whose pictures show each row, as `clips_of` has them; `signs` are the
    special tokens that are taken out of texts; `counts` is what became of all texts.
    """

    dataset: RoadDataset
    preprocess: Preprocessing
    target: Target
    camera: str
    rows: np.ndarray
    clips: np.ndarray
    signs: tuple[str, ...] = ()
    counts: AnswerCounts = field(default_factory=AnswerCounts)

    @classmethod
    def of(
        cls,
        dataset: RoadDataset,
        preprocess: Preprocessing,
        target: Target,
        camera: str,
        frames_back: Sequence[int] = (),
    ) -> "CaptionPictures":
        """Every row with a picture and a text, shown with its earlier frames; BadInput when there is none."""
        there = np.array([camera in dataset.cameras_of(row) for row in range(len(dataset))])
        with_picture = np.flatnonzero(there)
        clips = clips_of(dataset.states, frames_back, there)
        pictures = cls(dataset, preprocess, target, camera, with_picture, clips)
        rows = np.array([row for row in with_picture.tolist() if pictures.text(row)], np.int64)
        if not len(rows):
            raise BadInput(
                f"{dataset.name} {dataset.split}: no row has a picture of {camera} and a {target} text; try another "
                "--caption.target (bvpi, caption and json are of labelled walks, path of a log, cue of either), or "
                "data with texts (sensation, sidewalk)"
            )
        return replace(pictures, rows=rows, counts=AnswerCounts(without=len(with_picture) - len(rows)))

    def __len__(self) -> int:
        return len(self.rows)

    def text(self, row: int, target: Target | None = None) -> str:
        """What is to be said of a row of the data set, be it of another `target`; "" where nothing is."""
        return plain(answer_for(target or self.target, self.dataset.targets(row)), self.signs)

    def texts(self, rows: Sequence[int]) -> list[str]:
        """Of several rows of the data set."""
        return [self.text(row) for row in rows]

    def fitting(self, captioner: Captioner) -> "CaptionPictures":
        """The pictures whose texts the captioner can learn whole.

        BadInput when none is left, or the model does not read as much as the prompt and the longest answer are.
        """
        cleaned, prompt = replace(self, signs=special_tokens(captioner)), len(self.prompt(captioner))
        try:
            settings_for(self.target).check_room(prompt, captioner.longest)
        except ValueError as error:
            raise BadInput(f"{captioner.name} captioner: {error}") from error
        room = captioner.longest - prompt
        kept, faults = [], Counter[str]()
        for row in self.rows.tolist():
            said = answer_for(self.target, self.dataset.targets(row))
            answer = cleaned.text(row)
            fault = _fault_of_answer(answer, captioner, room)
            faults[fault] += 1
            if not fault:
                kept.append(row)
                faults["cleaned"] += answer != " ".join(filter(None, said.split(" ")))
        counts = AnswerCounts(
            without=self.counts.without + faults["empty"],
            too_long=faults["too long"],
            refused=faults["refused"],
            cleaned=faults["cleaned"],
        )
        if not kept:
            raise BadInput(f"{self.dataset.name} {self.dataset.split}: no text can be learnt; {counts.sentence}")
        return replace(cleaned, rows=np.array(kept, np.int64), counts=counts)

    def prompt(self, captioner: Captioner, target: Target | None = None) -> list[int]:
        """What a row's pictures come with, be it for another `target`; BadInput for more than the model reads."""
        try:
            return captioner.prompt(instruction_for(target or self.target, captioner), frames=self.frames)
        except ValueError as error:
            raise BadInput(f"{captioner.name} captioner: {error}") from error

    def batch(self, positions: np.ndarray) -> PictureRows:
        """The pictures at (b,) positions; BadRecord for one that cannot be read."""
        rows, clips = self.rows[positions], self.clips[self.rows[positions]]
        seen = {row: self.picture(row) for row in {*rows.tolist(), *clips.ravel().tolist()}}
        return PictureRows(
            pixels=torch.stack([seen[row] for row in rows.tolist()]),
            clips=torch.stack([torch.stack([seen[row] for row in clip]) for clip in clips.tolist()]),
            rows=torch.from_numpy(rows),
        )

    @property
    def frames(self) -> int:
        """How many pictures show a row."""
        return int(self.clips.shape[1])

    def clip(self, row: int) -> Tensor:
        """(p, 3, S, S) uint8: all pictures that show a row."""
        return torch.stack([self.picture(shown) for shown in self.clips[row].tolist()])

    def picture(self, row: int, change: Callable[[np.ndarray], np.ndarray] | None = None) -> Tensor:
        """(3, S, S) uint8, as `preprocess` makes it of a row's picture, which `change` may change before."""
        where = self.dataset.where(row)
        encoded = self.dataset.image(row, self.camera)
        if encoded is None:
            raise BadRecord(f"{where}: has no picture of {self.camera}")
        decoded, extent = picture_file.decode_at_least(encoded, where, self.preprocess.least_side)
        return self.preprocess(decoded if change is None else change(decoded), extent)

    def readable(self, on_bad_record: str) -> tuple["CaptionPictures", list[str]]:
        """The rows whose pictures decode, and what is wrong with others; BadRecord for the first unless "skip".

        Looked at before the training, so that no bad one stops it in the middle. A bad earlier frame is none.
        """
        faults: dict[int, str] = {}
        shown = np.unique(self.clips[self.rows])
        with ThreadPoolExecutor(4) as pool, ProgressLine("looking at pictures", len(shown), "pictures") as advance:
            for first in range(0, len(shown), _AT_ONCE):
                rows = shown[first : first + _AT_ONCE].tolist()
                for row, fault in zip(rows, pool.map(self._fault, rows), strict=True):
                    if fault is not None and on_bad_record == "raise":
                        raise BadRecord(f"{fault}; --on_bad_record skip leaves such pictures out and counts them")
                    if fault is not None:
                        faults[row] = str(fault)
                advance(len(rows))
        kept = np.array([row for row in self.rows.tolist() if row not in faults], np.int64)
        if not len(kept):
            raise BadInput(
                f"{self.dataset.name} {self.dataset.split}: no picture can be read; {next(iter(faults.values()))}"
            )
        return replace(self, rows=kept, clips=without(self.clips, [*faults])), list(faults.values())

    def _fault(self, row: int) -> BadRecord | None:
        try:
            self.picture(row)
        except BadRecord as bad:
            return bad
        return None


def special_tokens(captioner: Captioner) -> tuple[str, ...]:
    """What a captioner's tokenizer does not take for text."""
    tokenizer = captioner.tokenizer
    added = {token.content for token in tokenizer.added_tokens_decoder.values() if token.special}
    return tuple(sorted({*added, *tokenizer.all_special_tokens, captioner.image_token, captioner.end_token}))


def _fault_of_answer(answer: str, captioner: Captioner, room: int) -> str:
    """Why a text cannot be learnt behind a prompt that leaves `room` tokens; "" where it can."""
    if not answer:
        return "empty"
    try:
        return "too long" if len(captioner.answer_ids(answer)) > room else ""
    except ValueError:  # a sign that its family reserves
        return "refused"


def learnt_parts(dataset: RoadDataset, options: CaptionOptions) -> dict[str, str]:
    """What is learnt from, as `training.learnt_from` has it: pictures, and all texts and labels that are told."""
    targets = [dataset.targets(row) for row in range(len(dataset))]
    parts = {"pictures": dataset.fingerprint, "samples": samples(dataset.states, np.arange(len(dataset)))}
    kinds: list[Target] = [options.target, "cue"] if options.navigation else [options.target]
    for kind in kinds:
        parts[f"{kind} texts"] = hash_of(np.array([answer_for(kind, target) for target in targets]))
    if options.annotations:
        parts["fields"] = hash_of(np.array([str(sorted(target.fields.items())) for target in targets]))
    return parts
