"""The cue head's prediction of a moment, in words."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from roadcue.heads.cue.rules import CUES, PACES

_SPOKEN = {
    "deviate left": "Go left.",
    "keep straight": "Keep straight.",
    "deviate right": "Go right.",
    "keep pace": "",
    "slow down": "Slow down.",
    "stop": "Stop.",
}


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
        """What is said to somebody who walks or drives, in that moment: such as "Keep straight. Slow down."

        Of what is not sure all that is possible is said, and before it that it is not sure.
        """
        if self.sure:
            words = [_SPOKEN[self.pace]] if self.pace == "stop" else [_SPOKEN[self.cue], _SPOKEN[self.pace]]
            return " ".join(filter(None, words))
        return " ".join(["Not sure.", _one_of(self.cues, "way"), _one_of(self.paces, "pace")])

    def to_json(self) -> dict[str, Any]:
        """The fields of this class, and "sure"."""
        return {**asdict(self), "cues": list(self.cues), "paces": list(self.paces), "sure": self.sure}

    @property
    def sure(self) -> bool:
        """Whether each set holds exactly one answer. If not, nobody should be sent anywhere."""
        return len(self.cues) == len(self.paces) == 1


def _one_of(possible: Sequence[str], question: str) -> str:
    """What the answers of a set are, as words of a sentence."""
    return f"{' or '.join(possible).capitalize()}." if possible else f"No {question} is likely."


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
