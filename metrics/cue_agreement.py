"""How far the rule's cue and what a walker does agree: shares of the pictures, and counts of each way beside each."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from roadcue.metrics.bootstrap import DEFAULT_BOOTSTRAP, Bootstrap, Interval
from roadcue.metrics.classification import balanced_accuracy_interval
from roadcue.metrics.comparison import nan_to_none
from roadcue.metrics.resampling import sequence_bootstrap

LABELS: Mapping[str, str] = {
    "way": "Same way",
    "way_balanced": "Same way, mean over the rule's ways",
    "pace": "Same pace",
    "pace_balanced": "Same pace, mean over the rule's paces",
    "both": "Same way and pace",
}
"""What a table calls each figure; all are shares of the pictures, higher is more agreement. The means over the rule's
answers are balanced accuracies with the rule as the truth: 1 / number of its answers for a walker who always does the
same."""


@dataclass(frozen=True)
class CueAgreement:
    """Of pictures of whole walks: `figures` by the keys of `LABELS`, and the rule's way -> the walker's -> pictures.

    `meaning` says in words what the two are.
    """

    samples: int
    sequences: int
    figures: Mapping[str, Interval]
    ways: Mapping[str, Mapping[str, int]]
    meaning: str = ""

    def to_json(self) -> dict[str, Any]:
        """Plain lists, dicts and numbers; a bound that does not exist (NaN) is None."""
        content: dict[str, Any] = nan_to_none(asdict(self))
        return content


def cue_agreement(
    rule: np.ndarray,
    walker: np.ndarray,
    sequence: np.ndarray,
    answers: Sequence[Sequence[str]],
    bootstrap: Bootstrap = DEFAULT_BOOTSTRAP,
    meaning: str = "",
) -> CueAgreement:
    """Compare (n, 2) int places of way and pace in `answers`, the words of both, n > 0; with 95 % intervals.

    `sequence` (n,) names whole walks, which are what is resampled. ValueError when the shapes differ.
    """
    if rule.shape != walker.shape or rule.shape != (len(sequence), 2):
        raise ValueError(
            f"the rule's and the walker's cues must be (n, 2) each for n sequences; got {rule.shape}, {walker.shape} "
            f"and {len(sequence)} sequences"
        )
    same = rule == walker
    shares = np.column_stack([same, same.all(axis=1)]).astype(np.float64)
    way, pace, both = sequence_bootstrap(shares, sequence, bootstrap)
    way_balanced, pace_balanced = (
        balanced_accuracy_interval(words[walker[:, place]], words[rule[:, place]], sequence, bootstrap)
        for place, words in enumerate(map(np.array, answers))
    )
    figures = (way, way_balanced, pace, pace_balanced, both)
    ways = answers[0]
    pairs = np.bincount(rule[:, 0] * len(ways) + walker[:, 0], minlength=len(ways) ** 2).reshape(len(ways), -1)
    return CueAgreement(
        samples=len(rule),
        sequences=len(np.unique(sequence)),
        figures=dict(zip(LABELS, figures, strict=True)),
        ways={said: dict(zip(ways, counts, strict=True)) for said, counts in zip(ways, pairs.tolist(), strict=True)},
        meaning=meaning,
    )
