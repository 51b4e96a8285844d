"""What a set of answers is worth: how often the true one is in it, and how much it leaves open."""

import numpy as np

from roadcue.metrics.bootstrap import DEFAULT_BOOTSTRAP, Bootstrap, Interval
from roadcue.metrics.resampling import sequence_bootstrap

LABELS = {"coverage": "coverage", "size": "answers in the set", "not_sure": "not sure"}
"""Figure -> what it is called."""


def score_sets(
    sets: np.ndarray, truth: np.ndarray, sequence: np.ndarray, bootstrap: Bootstrap = DEFAULT_BOOTSTRAP
) -> dict[str, Interval]:
    """The figures of `LABELS`: share of the rows whose set holds the truth, mean size, share of sets that are not one
    answer (an empty one among them: nothing was likely enough).

    `sets` (n, k) bool, `truth` (n,) int; intervals over sequences, (n,) names. ValueError when the lengths differ.
    """
    if len(sets) != len(truth):
        raise ValueError(f"{len(sets)} sets, {len(truth)} truths: one each is needed")
    size = sets.sum(axis=1)
    covered = np.take_along_axis(sets, truth[:, None], axis=1)[:, 0]
    columns = np.stack([covered, size, size != 1], axis=1).astype(np.float64)
    return dict(zip(LABELS, sequence_bootstrap(columns, sequence, bootstrap), strict=True))
