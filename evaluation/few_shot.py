"""Demonstrations for the pictures that a captioner is asked about: training pictures with their texts."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from roadcue.errors import BadInput
from roadcue.models.captioner import Captioner
from roadcue.models.generation import GenerationSettings
from roadcue.prompts.demonstrations import random_demonstrations
from roadcue.training.captions.pictures import CaptionPictures

SHOTS = 4
"""Demonstrations of each picture, where the model reads so much; document 000 (8.1) uses "4-8 demos"."""


@dataclass(frozen=True)
class FewShot:
    """Which of the training pictures are shown before each picture: `places` (n, s), in the order of n pictures."""

    training: CaptionPictures
    places: np.ndarray

    @classmethod
    def of(cls, asked: CaptionPictures, training: CaptionPictures, seed: int) -> "FewShot":
        """Drawn at random for each picture, none of its own sequence; BadInput where there are too few."""
        queries, candidates = (each.dataset.states.sequence[each.rows] for each in (asked, training))
        try:
            return cls(training, random_demonstrations(queries, candidates, SHOTS, seed=seed))
        except ValueError as error:
            raise BadInput(f"--conditions few_shot: {error}") from error

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
            rows = [int(self.training.rows[each]) for each in self.places[place]]
            told = {row: self.training.text(row) for row in rows}
            asked = partial(captioner.prompt_ids, instruction, text_only=text_only, frames=len(own))
            prompt = asked(list(told.values()))
            while told and len(prompt) + settings.max_new_tokens > captioner.longest:
                told.pop(next(iter(told)))
                prompt = asked(list(told.values()))
            others = [] if text_only else [self.training.clip(row)[-len(own) :] for row in told]
            before = [captioner.encode(torch.cat(others))] if others else []
            visual.append(torch.cat([*before, own]))
            prompts.append(prompt)
        return pad_sequence(visual, batch_first=True), prompts
