"""What every prediction of a head that sees pictures says of the picture itself."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from roadcue.heads.ood_detector import OOD_SCORE

UNLIKE = "the picture is unlike those that were learnt from"
NOT_COMPARED = "there is no picture here that could be compared with those that were learnt from"
FROZEN_S = 2.0
"""Seconds for which no camera that is moved shows one picture: whoever walks goes 3 m then."""


@dataclass(frozen=True, kw_only=True)
class PicturePrediction:
    """A prediction of one sample, and how far its picture lies from the training pictures."""

    ood_score: float | None = None
    """Above 1 for a picture unlike the training pictures; None where no picture is seen, or in a run of before."""

    still_s: float = 0.0
    """Seconds for which a film has shown this picture already, by `after`."""

    @property
    def in_distribution(self) -> bool | None:
        """Whether the picture is like those that were learnt from; if not, nothing should be relied on."""
        return None if self.ood_score is None else not unlike(self.ood_score)

    @property
    def reason(self) -> str | None:
        """Why nothing should be relied on, if so."""
        if self.still_s >= FROZEN_S:
            return frozen_reason(self.still_s)
        if self.ood_score is None or self.in_distribution:
            return None
        return UNLIKE if math.isfinite(self.ood_score) else NOT_COMPARED

    def after(self, still_s: float) -> Self:
        """The same prediction of a film that has shown its picture so many seconds; from `FROZEN_S` on no answer."""
        same = replace(self, still_s=still_s)
        return same.unanswered() if still_s >= FROZEN_S else same

    def unanswered(self) -> Self:
        """The same prediction without what must not be said where nothing should be relied on."""
        return self

    def about_picture(self) -> dict[str, Any]:
        """As JSON: "in_distribution", "ood_score" (null where there is none to compare) and "reason"."""
        known = self.ood_score is not None and math.isfinite(self.ood_score)
        return {
            "in_distribution": self.in_distribution,
            "ood_score": self.ood_score if known else None,
            "reason": self.reason,
        }


def frozen_reason(still_s: float) -> str:
    """Why nothing should be relied on of a picture that a film has shown for so many seconds."""
    return f"the picture has not changed for {still_s:.0f} s, as when a camera is stuck"


def unlike(ood_score: float | None) -> bool:
    """Whether a picture of that score is taken for unlike the training pictures."""
    return ood_score is not None and ood_score > 1


def ood_scores(prediction: Mapping[str, np.ndarray], rows: int) -> list[float | None]:
    """Of each row of what a head's `forward` returned; None for all where it saw no picture."""
    scores = prediction.get(OOD_SCORE)
    return [None] * rows if scores is None else scores.tolist()
