"""What the cue head says of one moment, in words."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from roadcue.heads.cue.rules import CUES, PACES


@dataclass(frozen=True)
class CuePrediction:
    """Which way, and at which pace."""

    cue: str
    """The most probable one: deviate left, keep straight, deviate right."""
    probabilities: dict[str, float]
    """Of every cue; they sum to 1."""
    cues: tuple[str, ...]
    """Those that cannot be ruled out at the run's coverage."""
    pace: str
    """The most probable one: keep pace, slow down, stop."""
    pace_probabilities: dict[str, float]
    paces: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """Such as "Keep straight, slow down."; with what else cannot be ruled out, when there is any."""
        open_questions = [words for words in (self.cues, self.paces) if len(words) != 1]
        unsure = f" Not sure: {' or '.join(' or '.join(words) or 'none' for words in open_questions)}."
        return f"{self.cue.capitalize()}, {self.pace}.{unsure if open_questions else ''}"

    def to_json(self) -> dict[str, Any]:
        """The fields as they are named here, and "sure"."""
        return {**asdict(self), "cues": list(self.cues), "paces": list(self.paces), "sure": self.sure}

    @property
    def sure(self) -> bool:
        """Whether exactly one cue is left. If not, nobody should be sent anywhere."""
        return len(self.cues) == 1


def cue_predictions(prediction: Mapping[str, np.ndarray]) -> list[CuePrediction]:
    """What `heads.cue.head.CueHead.forward` says of b moments, one by one."""
    return [
        CuePrediction(
            cue=CUES[cue.argmax()],
            probabilities=dict(zip(CUES, cue.tolist(), strict=True)),
            cues=tuple(word for word, possible in zip(CUES, cue_set, strict=True) if possible),
            pace=PACES[pace.argmax()],
            pace_probabilities=dict(zip(PACES, pace.tolist(), strict=True)),
            paces=tuple(word for word, possible in zip(PACES, pace_set, strict=True) if possible),
        )
        for (cue, pace), (cue_set, pace_set) in zip(
            prediction["cue_probabilities"], prediction["cue_sets"], strict=True
        )
    ]
