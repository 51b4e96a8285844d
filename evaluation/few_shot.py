"""Demonstrations for the pictures that a captioner is asked about: training pictures with their texts."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from roadcue.errors import BadInput
from roadcue.models.captioner import Captioner
from roadcue.models.generation import GenerationSettings
from roadcue.prompts.demonstrations import StoredFrames, random_demonstrations, similar_demonstrations
from roadcue.training.captions.pictures import CaptionPictures
from roadcue.training.captions.visual_store import VisualStore

SHOTS = 4
"""Demonstrations of each picture, where the model reads so much; document 000 (8.1) uses "4-8 demos"."""


@dataclass(frozen=True)
class FewShot:
    """Which of the training pictures are shown before each picture: `places` (n, s), in the order of n pictures.

    `store` has the visual tokens of the training pictures; without it each is encoded when it is shown.
    """

    training: CaptionPictures
    places: np.ndarray
    store: VisualStore | None = None

    @classmethod
    def random(
        cls,
        asked: CaptionPictures,
        training: CaptionPictures,
        seed: int,
        shots: int = SHOTS,
        store: VisualStore | None = None,
    ) -> "FewShot":
        """Drawn at random for each picture, none of its own sequence; BadInput where there are too few."""
        try:
            places = random_demonstrations(_sequences(asked), _sequences(training), shots, seed=seed)
        except ValueError as error:
            raise BadInput(f"--conditions few_shot: {error}") from error
        return cls(training, places, store)

    @classmethod
    def similar(
        cls,
        asked: tuple[CaptionPictures, VisualStore],
        training: tuple[CaptionPictures, VisualStore],
        shots: int = SHOTS,
    ) -> "FewShot":
        """Those most like each picture by the mean of their visual tokens, the most similar last.

        None is of its own sequence; BadInput where there are too few.
        """
        queries, candidates = (
            StoredFrames(store.store.features, store.store.present, store.places(pictures.rows), _sequences(pictures))
            for pictures, store in (asked, training)
        )
        try:
            return cls(training[0], similar_demonstrations(queries, candidates, shots), training[1])
        except ValueError as error:
            raise BadInput(f"--conditions few_shot: {error}") from error

    def check_room(
        self, captioner: Captioner, instruction: str, settings: GenerationSettings, *, text_only: bool, frames: int
    ) -> None:
        """BadInput, with the numbers, where one of the prompts and its answer are more than the model reads."""
        room = captioner.longest - settings.max_new_tokens
        for places in self.places.tolist():
            needed = len(self._prompt(captioner, instruction, places, text_only, frames))
            if needed <= room:
                continue
            fitting = len(places)
            while fitting and len(self._prompt(captioner, instruction, places[-fitting:], text_only, frames)) > room:
                fitting -= 1
            raise BadInput(
                f"--shots {len(places)}: a prompt with so many demonstrations has {needed} tokens, and with an "
                f"answer of up to {settings.max_new_tokens} that is more than the {captioner.longest} that the model "
                f"reads; {fitting} of them fit"
            )

    def shown(
        self,
        captioner: Captioner,
        instruction: str,
        settings: GenerationSettings,
        places: Sequence[int],
        seen: Tensor,
        *,
        text_only: bool,
    ) -> tuple[Tensor, list[list[int]]]:
        """For b clips by their places, whose visual tokens (b, f, n, d) are `seen`: those of each text's pictures
        (b, p, n, d), those in question last, and the prompts; `text_only`: no other picture is shown.

        What leaves no room for the answer loses demonstrations.
        """
        visual, prompts = [], []
        for place, own in zip(places, seen, strict=True):
            told, frames = self.places[place].tolist(), len(own)
            prompt = self._prompt(captioner, instruction, told, text_only, frames)
            while told and len(prompt) + settings.max_new_tokens > captioner.longest:
                told.pop(0)
                prompt = self._prompt(captioner, instruction, told, text_only, frames)
            before = [] if text_only or not told else [self._visual(captioner, told, frames).to(own)]
            visual.append(torch.cat([*before, own]))
            prompts.append(prompt)
        return pad_sequence(visual, batch_first=True), prompts

    def _prompt(
        self, captioner: Captioner, instruction: str, places: Sequence[int], text_only: bool, frames: int
    ) -> list[int]:
        """Of whatever length."""
        told = [self.training.text(row) for row in self._rows(places)]
        return captioner.prompt_ids(instruction, told, text_only=text_only, frames=frames)

    def _visual(self, captioner: Captioner, places: Sequence[int], frames: int) -> Tensor:
        """(s f, n, d) of the last `frames` of s training clips."""
        rows = self._rows(places)
        if self.store is not None:
            return self.store.of_clips(self.training.clips[rows][:, -frames:]).flatten(0, 1)
        return captioner.encode(torch.cat([self.training.clip(row)[-frames:] for row in rows]))

    def _rows(self, places: Sequence[int]) -> list[int]:
        """Of the training data set."""
        rows: list[int] = self.training.rows[list(places)].tolist()
        return rows


def _sequences(pictures: CaptionPictures) -> np.ndarray:
    """(n,) str."""
    sequences: np.ndarray = pictures.dataset.states.sequence[pictures.rows]
    return sequences
