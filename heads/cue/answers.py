"""What the cue head and its baseline have in common: questions, true answers, calibrated probabilities and sets."""

import numpy as np
import torch
from torch import Tensor

from roadcue.errors import BadHead
from roadcue.heads.calibration import Calibration, least_sequences
from roadcue.heads.cue.config import CueConfig
from roadcue.heads.cue.rules import CUES, PACES, path_cues, walking_cues
from roadcue.heads.field.labels import UNKNOWN
from roadcue.heads.head import Batches, Head
from roadcue.prompts.annotation import COLUMNS
from roadcue.schema import HeadTargets
from roadcue.sentences import counted

QUESTIONS = {"cue": CUES, "pace": PACES}
"""Question -> its answers, both in the order of the tensors."""
ANSWERS = 3
"""To each question."""


def cue_truth(config: CueConfig, targets: HeadTargets) -> Tensor:
    """(b, 2) int64 places in `CUES` and `PACES`, -1 unknown: of a pedestrian by the rule, where his row has labels;
    by the logged path otherwise. A walker's own path is no truth: he may have seen what the rule cannot, or erred.
    Labels of objects alone make no pedestrian: the rule begins with where the sidewalk is.
    """
    by_rule = walking_cues(targets["positions"], targets["objects"])
    driven = path_cues(targets["future"], config.offset_m, config.offset_at_s)
    located = (targets["positions"] != UNKNOWN).any(dim=1)
    on_foot = located | targets.get("on_foot", torch.tensor(False))
    return by_rule.where(on_foot[:, None], driven)


class CueAnswers(Head):
    """Two questions of three answers (`QUESTIONS`), calibrated, with a conformal set each."""

    calibrated = True
    config_class = CueConfig
    reads = COLUMNS
    outputs = tuple(QUESTIONS)
    needs = "a logged future or a pedestrian's labels"

    def __init__(self, config: CueConfig) -> None:
        """A subclass adds the layers or frequencies that the logits come from."""
        super().__init__()
        self.config = config
        self.calibration = Calibration(len(QUESTIONS))

    def truth(self, targets: HeadTargets) -> Tensor:
        """(b, 2) int64 places in `CUES` and `PACES`, -1 unknown or not taught, by this head's threshold."""
        return cue_truth(self.config, targets).masked_fill(~self.taught, UNKNOWN)

    def labelled(self, targets: HeadTargets) -> Tensor:
        """(2,) bool: the `QUESTIONS` that some row has an answer to."""
        return (cue_truth(self.config, targets) != UNKNOWN).any(dim=0)

    def frequencies(self, batches: Batches) -> Tensor:
        """`cue_frequencies` of the training set (2, 3), by which `taught` (2,) is found."""
        shares = cue_frequencies(self.config, batches)
        self.taught.copy_(shares.any(dim=1))
        return shares

    def known(self, targets: HeadTargets) -> Tensor:
        """(b,) bool: rows whose cue or pace is known."""
        return (self.truth(targets) != UNKNOWN).any(dim=1)

    def calibrate(self, batches: Batches, sequence: np.ndarray) -> None:
        """Fit temperature and threshold of each question, (2,) each."""
        with torch.no_grad():
            self.calibration.fit(
                ((self(inputs)["cue_logits"], self.truth(targets)) for inputs, targets in batches),
                sequence,
                self.config.coverage,
            )

    def lacks_sequences(self, count: int) -> str:
        """Every set is full where there are fewer than `least_sequences`."""
        least = least_sequences(self.config.coverage)
        if count >= least:
            return ""
        return (
            f"{counted(count, 'sequence')} to calibrate on: too few to rule any cue out at "
            f"{self.config.coverage:.0%}, so every set will hold all answers, and nothing will be sure. It takes "
            f"{least}: give more sequences, or a larger --calibration"
        )

    def calibrated_prediction(self, logits: Tensor) -> dict[str, Tensor]:
        """Logits (b, 2, 3), question and answer -> "cue_logits", "cue_probabilities", "cue_sets" (bool), (b, 2, 3).

        Before `calibrate` a set holds every answer: nothing is ruled out; nor is it where nothing was taught.
        """
        probabilities, sets = self.calibration(logits)
        return {
            "cue_logits": logits,
            "cue_probabilities": probabilities,
            "cue_sets": sets | ~self.taught[:, None],
        }


def cue_frequencies(config: CueConfig, batches: Batches) -> Tensor:
    """(2, 3): the share of each answer to each question, of the rows that have one. BadHead when no row has a cue."""
    counts = torch.zeros(len(QUESTIONS), ANSWERS)
    for _, targets in batches:
        truth = cue_truth(config, targets)
        counts += torch.stack([(truth == answer).sum(dim=0) for answer in range(ANSWERS)], dim=1)
    if not counts[0].any():
        raise BadHead(
            "no row of the training set has a logged path or a pedestrian's labels, so there is no cue to learn; "
            "--data sidewalk and driving data with a future have them"
        )
    return counts / counts.sum(dim=1, keepdim=True).clamp(min=1)
