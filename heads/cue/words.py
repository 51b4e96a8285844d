"""The cue head's prediction of a moment, in words."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

import numpy as np

from roadcue.heads.cue.rules import CUES, PACES
from roadcue.heads.prediction import PicturePrediction, ood_scores, unlike
from roadcue.prompts.annotation import UNKNOWN_ANSWER

_SPOKEN = {
    "deviate left": "Go left.",
    "keep straight": "Keep straight.",
    "deviate right": "Go right.",
    "keep pace": "",
    "slow down": "Slow down.",
    "stop": "Stop.",
}


@dataclass(frozen=True)
class CuePrediction(PicturePrediction):
    """Which way, and at which pace. Of a picture unlike the training pictures every cue and pace is possible."""

    cue: str
    """The most probable one: deviate left, keep straight, deviate right; unknown where none was taught, or of a
    picture unlike those that were learnt from."""
    probabilities: dict[str, float]
    """Of every cue; they sum to 1. None where the cue is unknown."""
    cues: tuple[str, ...]
    """The set of cues that cannot be ruled out at the run's coverage."""
    pace: str
    """The most probable one: keep pace, slow down, stop; unknown where none was taught."""
    pace_probabilities: dict[str, float]
    """Of every pace; they sum to 1. None where the pace is unknown."""
    paces: tuple[str, ...]
    """The set of paces that cannot be ruled out at the run's coverage."""

    @property
    def sentence(self) -> str:
        """What is said to somebody who walks or drives, in that moment: such as "Keep straight. Slow down."

        Of what is not sure all that is possible is said, and before it that it is not sure; of a picture unlike those
        that were learnt from, that alone.
        """
        if self.reason:
            return f"Not sure: {self.reason}."
        if self.sure:
            words = [_SPOKEN[self.pace]] if self.pace == "stop" else [_SPOKEN[self.cue], _SPOKEN[self.pace]]
            return " ".join(filter(None, words))
        return " ".join(["Not sure.", _one_of(self.cues, "way"), _one_of(self.paces, "pace")])

    def to_json(self) -> dict[str, Any]:
        """The fields of this class, "sure", and what is said of the picture."""
        own = {name: value for name, value in asdict(self).items() if name != "still_s"}
        sets = {"cues": list(self.cues), "paces": list(self.paces)}
        return {**own, **sets, "sure": self.sure, **self.about_picture()}

    def unanswered(self) -> Self:
        """The same moment, of which every cue and pace is possible and none is known."""
        unknown: dict[str, Any] = {"cue": UNKNOWN_ANSWER, "probabilities": {}, "cues": CUES}
        paces: dict[str, Any] = {"pace": UNKNOWN_ANSWER, "pace_probabilities": {}, "paces": PACES}
        return replace(self, **unknown, **paces)

    @property
    def sure(self) -> bool:
        """Whether each set holds exactly one answer. If not, nobody should be sent anywhere."""
        return len(self.cues) == len(self.paces) == 1


def cue_sentence(cue: str, pace: str) -> str:
    """One of `CUES` and one of `PACES` as a text to learn, such as "Deviate left, slow down."."""
    return f"{cue.capitalize()}, {pace}."


def _one_of(possible: Sequence[str], question: str) -> str:
    """What the answers of a set are, as words of a sentence."""
    return f"{' or '.join(possible).capitalize()}." if possible else f"No {question} is likely."


def cue_predictions(prediction: Mapping[str, np.ndarray], taught: Sequence[bool]) -> list[CuePrediction]:
    """`heads.cue.head.CueHead.forward` of n moments, one by one: "cue_probabilities" and "cue_sets" (n, 2, 3).

    `taught`: whether way and pace were.
    """
    scores = ood_scores(prediction, len(prediction["cue_sets"]))
    way_taught, pace_taught = taught
    answers = [
        CuePrediction(
            ood_score=score,
            cue=_most_probable(CUES, cue, way_taught),
            probabilities=_by_name(CUES, cue, way_taught),
            cues=tuple(word for word, possible in zip(CUES, cue_set, strict=True) if possible),
            pace=_most_probable(PACES, pace, pace_taught),
            pace_probabilities=_by_name(PACES, pace, pace_taught),
            paces=tuple(word for word, possible in zip(PACES, pace_set, strict=True) if possible),
        )
        for (cue, pace), (cue_set, pace_set), score in zip(
            prediction["cue_probabilities"], prediction["cue_sets"], scores, strict=True
        )
    ]
    return [answer.unanswered() if unlike(answer.ood_score) else answer for answer in answers]


def _most_probable(answers: Sequence[str], probabilities: np.ndarray, known: bool) -> str:
    return answers[int(probabilities.argmax())] if known else UNKNOWN_ANSWER


def _by_name(answers: Sequence[str], probabilities: np.ndarray, known: bool) -> dict[str, float]:
    return dict(zip(answers, probabilities.tolist(), strict=True)) if known else {}
