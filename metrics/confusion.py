"""Which answer is given in the place of which: counts of each class beside each, and the share of opposite ways."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from roadcue.metrics.bootstrap import DEFAULT_BOOTSTRAP, Bootstrap, Interval
from roadcue.metrics.classification import NO_LABEL
from roadcue.metrics.resampling import sequence_bootstrap

_OTHER_WAY = {"left": "right", "right": "left", "Left": "Right", "Right": "Left"}


@dataclass(frozen=True)
class Confusion:
    """Of `samples` rows: `counts` (k, k), a row for each true one of k `classes`, a column for each answered one.

    `opposite` is the share of the rows of which left was said where right is true, or right where left is; None of
    classes without a left and a right.
    """

    classes: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    samples: int
    sequences: int
    opposite: Interval | None


def confusion(
    answer: np.ndarray,
    truth: np.ndarray,
    classes: Sequence[str],
    sequence: np.ndarray,
    bootstrap: Bootstrap = DEFAULT_BOOTSTRAP,
) -> Confusion | None:
    """Count (n,) answers beside (n,) truths, words out of k `classes`; `sequence` (n,) names of whole drives.

    Rows with a truth of `NO_LABEL` are left out; None where no row is left. ValueError for a word that is no class.
    """
    labelled = truth != NO_LABEL
    if not labelled.any():
        return None
    answer, truth, sequence = answer[labelled], truth[labelled], sequence[labelled]
    if strange := set(np.unique([*answer, *truth]).tolist()) - set(classes):
        raise ValueError(f"{', '.join(sorted(strange))}: not among the classes {', '.join(classes)}")
    counts = tuple(tuple(int(np.sum((truth == true) & (answer == said))) for said in classes) for true in classes)
    other_way = {name: re.sub("[Ll]eft|[Rr]ight", lambda side: _OTHER_WAY[side[0]], name) for name in classes}
    sided = {name: other for name, other in other_way.items() if other != name and other in classes}
    opposite = None
    if sided:
        wrong_way = np.array([sided.get(true) == said for true, said in zip(truth, answer, strict=True)])
        (opposite,) = sequence_bootstrap(wrong_way[:, None].astype(np.float64), sequence, bootstrap)
    return Confusion(tuple(classes), counts, len(truth), len(np.unique(sequence)), opposite)
