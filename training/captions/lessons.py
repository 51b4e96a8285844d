"""What is learnt of a picture in an epoch: which kind of text, with which pictures shown before or with its labels
told, in which weather.

Document 000 (3.2) mixes 70 % captions with 30 % navigation, and 5 to 10 % of all with few-shot examples; by its
section 8, 20 % are told their annotation. All that is drawn depends on (seed, epoch, row) alone, so that a resumed
run learns the very same.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from roadcue.errors import BadInput
from roadcue.models.captioner import Captioner
from roadcue.prompts.annotation_json import with_annotation
from roadcue.prompts.demonstrations import random_demonstrations
from roadcue.training.captions.config import CaptionOptions, Target
from roadcue.training.captions.pictures import CaptionPictures, PictureRows
from roadcue.training.captions.targets import FREE_WORDS, annotation_of, instruction_for
from roadcue.training.captions.text_dropout import drop_words
from roadcue.training.weather import drawn_weather

SHOTS = 4
"""Demonstrations of a few-shot lesson, where the model reads so much: document 000 (8.1) uses "4-8 demos"."""
_PLAN, _WEATHER = 1, 1
"""Set the streams of random numbers apart from those of the order of batches and of the words that are left out."""


class Lessons(NamedTuple):
    """b texts to learn: `pictures` of each (p, 3, S, S) uint8, those in question last, `prompts` and `answers`."""

    pictures: list[Tensor]
    prompts: list[list[int]]
    answers: list[str]

    def only(self, places: Sequence[int]) -> "Lessons":
        """Those at these places."""
        pictures, prompts = [self.pictures[one] for one in places], [self.prompts[one] for one in places]
        return Lessons(pictures, prompts, [self.answers[one] for one in places])


@dataclass(frozen=True)
class _Plan:
    """Of an epoch and n pictures: `cue` and `annotated` (n,) bool, and place -> places of the pictures that are shown
    before it; none is shown before one whose annotation is told.
    """

    cue: np.ndarray
    annotated: np.ndarray
    shown: dict[int, np.ndarray]


class LessonPlan:
    """The lessons of a run's training pictures, epoch by epoch."""

    def __init__(self, pictures: CaptionPictures, captioner: Captioner, options: CaptionOptions, seed: int) -> None:
        """BadInput for few-shot lessons of pictures of one sequence: a picture's own sequence is never shown; and for
        annotations where no picture has labels, or whose question leaves no room for an answer.
        """
        self.pictures, self.captioner, self.options, self.seed = pictures, captioner, options, seed
        self._sequence = pictures.dataset.states.sequence[pictures.rows]
        _, count = np.unique(self._sequence, return_counts=True)
        self.shots = min(SHOTS, len(pictures) - int(count.max())) if options.few_shot else 0
        if options.few_shot and not self.shots:
            raise BadInput(
                f"--caption.few_shot {options.few_shot}: all {len(pictures)} training pictures are of one sequence, "
                "and none may be shown for another of its own; leave it out, or give more data"
            )
        self.plan = lru_cache(maxsize=2)(self._plan)
        rows = pictures.rows.tolist()
        self._letters = np.array([len(pictures.text(row)) for row in rows])
        asked = rows if options.navigation else []
        self._cue_letters = np.array([len(pictures.text(row, "cue")) for row in asked] or [0] * len(rows))
        told = rows if options.annotations else []
        self._told_letters = np.array([len(self._annotated_instruction(row, "")) for row in told] or [0] * len(rows))
        if options.annotations:
            self._check_annotations()

    @property
    def plain_place(self) -> int:
        """Of the first picture whose lesson in the first epoch is its own text and shows no other; else 0."""
        plan = self.plan(0)
        own = (place for place in range(len(self.pictures)) if not plan.cue[place] and not plan.annotated[place])
        return next((place for place in own if place not in plan.shown), 0)

    def lengths(self, epoch: int) -> np.ndarray:
        """(n,) letters of each picture's lesson in an epoch, nearly: what makes batches of texts of like length."""
        plan = self.plan(epoch)
        letters = np.where(plan.cue, self._cue_letters, self._letters)
        letters += np.where(plan.annotated, self._told_letters, 0)
        for place, shown in plan.shown.items():
            letters[place] += (
                self._letters[shown] + len(instruction_for(self.pictures.target, self.captioner))
            ).sum()
        return letters

    def lessons(self, epoch: int, batch: PictureRows) -> Lessons:
        """What a batch teaches in an epoch."""
        made = [
            self._lesson(epoch, row, clip) for row, clip in zip(batch["rows"].tolist(), batch["clips"], strict=True)
        ]
        return Lessons(*map(list, zip(*made, strict=True)))

    def _lesson(self, epoch: int, row: int, clip: Tensor) -> tuple[Tensor, list[int], str]:
        plan, place = self.plan(epoch), int(np.searchsorted(self.pictures.rows, row))
        target: Target = "cue" if plan.cue[place] else self.pictures.target
        answer = self.pictures.text(row, target)
        shown = [int(self.pictures.rows[other]) for other in plan.shown.get(place, ())]
        told = {other: text for other in shown if (text := self.pictures.text(other, target))}
        instruction = instruction_for(target, self.captioner)
        if plan.annotated[place]:
            instruction = self._annotated_instruction(row, instruction)
        prompt = self._prompt(instruction, told, len(self.captioner.answer_ids(answer)))
        if target in FREE_WORDS:
            answer = drop_words(answer, self.options.text_dropout, np.random.default_rng([self.seed, epoch, row]))
        seen = self._in_weather(epoch, row)
        # On the processor, as those that are shown are.
        return torch.cat([*map(self.pictures.clip, told), clip.cpu() if seen is None else seen]), prompt, answer

    def _in_weather(self, epoch: int, row: int) -> Tensor | None:
        """(p, 3, S, S) uint8: a row's pictures, changed before they are cut into squares; None where they stay."""

        def weather() -> Callable[[np.ndarray], np.ndarray] | None:  # the same for every frame
            return drawn_weather(self.options.weather, np.random.default_rng([self.seed, epoch, row, _WEATHER]))

        if weather() is None:
            return None
        return torch.stack([self.pictures.picture(each, weather()) for each in self.pictures.clips[row].tolist()])

    def _annotated_instruction(self, row: int, instruction: str) -> str:
        """With what the labels of a row say; "" for a row without labels."""
        annotation = annotation_of(self.pictures.dataset.targets(row))
        return "" if annotation is None else with_annotation(instruction, annotation)

    def _check_annotations(self) -> None:
        """BadInput where no picture has labels, or where the longest leave no room for the longest text."""
        if not self._told_letters.any():
            raise BadInput("--caption.annotations: no training picture has labels that could be told; leave it out")
        longest, text = (int(self.pictures.rows[each.argmax()]) for each in (self._told_letters, self._letters))
        asked = self._annotated_instruction(longest, instruction_for(self.pictures.target, self.captioner))
        prompt = len(self.captioner.prompt_ids(asked, (), text_only=False, frames=self.pictures.frames))
        answer = len(self.captioner.answer_ids(self.pictures.text(text)))
        if prompt + answer > self.captioner.longest:
            raise BadInput(
                f"--caption.annotations: a question with its annotation has up to {prompt} tokens, and a text up to "
                f"{answer}, of the {self.captioner.longest} that the model reads; leave the annotations out"
            )

    def _prompt(self, instruction: str, told: dict[int, str], answer: int) -> list[int]:
        """Behind as many demonstrations as leave room for an answer of so many tokens; the others leave `told`."""
        frames = self.pictures.frames
        while told:
            try:
                prompt = self.captioner.prompt(instruction, list(told.values()), frames=frames)
            except ValueError:  # too long already
                prompt = None
            if prompt is not None and len(prompt) + answer <= self.captioner.longest:
                return prompt
            told.pop(next(iter(told)))
        return self.captioner.prompt(instruction, frames=frames)

    def _plan(self, epoch: int) -> _Plan:
        n = len(self.pictures)
        rng = np.random.default_rng([self.seed, epoch, _PLAN, _PLAN])
        asked_for_cue, few_shot = rng.random(n) < self.options.navigation, rng.random(n) < self.options.few_shot
        places = np.flatnonzero(few_shot)
        shown = random_demonstrations(
            self._sequence[places], self._sequence, self.shots, seed=int(rng.integers(2**63))
        )
        annotated = (rng.random(n) < self.options.annotations) & (self._told_letters > 0)
        behind = {place: others for place, others in zip(places.tolist(), shown, strict=True) if not annotated[place]}
        return _Plan(asked_for_cue & (self._cue_letters > 0), annotated, behind)
