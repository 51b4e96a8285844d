"""The baseline of the cue head: the most frequent answer of the training set."""

from typing import ClassVar

import torch
from torch import Tensor

from roadcue.heads.cue.answers import ANSWERS, QUESTIONS, CueAnswers
from roadcue.heads.cue.config import CueConfig
from roadcue.heads.head import Batches
from roadcue.schema import HeadInputs


class MajorityCue(CueAnswers):
    """Always the most frequent answer, its probability its share of the training set; sets as the cue head's."""

    name: ClassVar[str] = "majority cue"
    frequency: Tensor

    def __init__(self, config: CueConfig) -> None:
        super().__init__(config)
        self.register_buffer("frequency", torch.full((len(QUESTIONS), ANSWERS), torch.nan))

    def fit(self, batches: Batches) -> None:
        """Count the answers, `frequency` (2, 3). BadHead when no row has a cue."""
        self.frequency.copy_(self.frequencies(batches))

    def forward(self, inputs: HeadInputs) -> dict[str, Tensor]:
        """{"cue_logits", "cue_probabilities", "cue_sets" (bool)}, (b, 2, 3) each, the same for every row."""
        logits = self.frequency.clamp(min=1e-6).log()
        return self.calibrated_prediction(logits.expand(len(inputs["past"]), *logits.shape))
