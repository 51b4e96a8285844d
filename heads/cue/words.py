"""The cue head's prediction of a moment, in words."""

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
    """The set of cues that cannot be ruled out at the run's coverage."""
    pace: str
    """The most probable one: keep pace, slow down, stop."""
    pace_probabilities: dict[str, float]
    """Of every pace; they sum to 1."""
    paces: tuple[str, ...]
    """The set of paces that cannot be ruled out at the run's coverage."""

    @property
    def sentence(self) -> str:
        """Such as "Keep straight, slow down."; followed by each set of several answers or of none."""
        unsure_sets = [words for words in (self.cues, self.paces) if len(words) != 1]
        unsure = f" Not sure: {' or '.join(' or '.join(words) or 'none' for words in unsure_sets)}."
        return f"{self.cue.capitalize()}, {self.pace}.{unsure if unsure_sets else ''}"

    def to_json(self) -> dict[str, Any]:
        """The fields of this class, and "sure"."""
        return {**asdict(self), "cues": list(self.cues), "paces": list(self.paces), "sure": self.sure}

    @property
    def sure(self) -> bool:
        """Whether the set holds exactly one cue. If not, nobody should be sent anywhere."""
        return len(self.cues) == 1


def cue_predictions(prediction: Mapping[str, np.ndarray]) -> list[CuePrediction]:
    """`heads.cue.head.CueHead.forward` of n moments, one by one: "cue_probabilities" and "cue_sets" (n, 2, 3)."""
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
