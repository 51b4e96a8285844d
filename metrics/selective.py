"""What is gained by not answering: the errors that are made when the least trusted answers are left out.

Shapes: n rows. The risk-coverage curve is that of El-Yaniv and Wiener 2010; the area under the generalised one,
AUGRC, is that of Traub and others 2024 ("Overcoming Common Flaws in the Evaluation of Selective Classification
Systems", arXiv 2407.01032): the mean, over all shares answered, of the share of all rows that are answered wrongly.
It lies in 0 to 1/2; a measure of doubt that knows nothing gives half the share of wrong answers.
"""

from dataclasses import dataclass

import numpy as np

from roadcue.metrics.bootstrap import DEFAULT_BOOTSTRAP, Bootstrap, Interval
from roadcue.metrics.resampling import sequence_bootstrap


@dataclass(frozen=True)
class RiskCoverage:
    """`coverage` (p,) ascending shares answered, the least doubted first; `accuracy` (p,) the share of them right."""

    coverage: list[float]
    accuracy: list[float]


def risk_coverage(doubt: np.ndarray, right: np.ndarray, points: int = 100) -> RiskCoverage:
    """The curve at the ends of at most so many equal steps; rows of one doubt are answered together.

    `doubt` (n,) is larger for an answer that is trusted less, `right` (n,) bool. ValueError when the lengths differ,
    there is no row, or a doubt is NaN.
    """
    ends, right_so_far = _accepted(doubt, right)
    wanted = np.ceil(np.linspace(1 / points, 1, points) * len(doubt))
    kept = np.unique(np.searchsorted(ends, wanted))
    return RiskCoverage((ends[kept] / len(doubt)).tolist(), (right_so_far[kept] / ends[kept]).tolist())


def augrc(
    doubt: np.ndarray, right: np.ndarray, sequence: np.ndarray, bootstrap: Bootstrap = DEFAULT_BOOTSTRAP
) -> Interval:
    """AUGRC with its 95 % interval over sequences (n,).

    A wrong answer adds the share of the steps at which it is given: of the rows that are doubted more, and half of
    those that are doubted as much. A resampled set keeps the order of the whole one. ValueError as in
    `risk_coverage`.
    """
    ends, _ = _accepted(doubt, right)
    ordered = np.sort(doubt)
    before, until = (np.searchsorted(ordered, doubt, side=side) for side in ("left", "right"))
    answered = 1 - (before + until) / 2 / ends[-1]
    (area,) = sequence_bootstrap((answered * ~np.asarray(right, bool))[:, None], sequence, bootstrap)
    return area


def _accepted(doubt: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(p,) how many rows are answered up to each doubt that occurs, and how many of them rightly."""
    doubt = np.asarray(doubt, np.float64)
    if doubt.ndim != 1 or doubt.shape != np.shape(right) or not len(doubt):
        raise ValueError(f"a doubt and an outcome each are needed: {doubt.shape}, {np.shape(right)}")
    if np.isnan(doubt).any():
        raise ValueError("a doubt is NaN")
    order = np.argsort(doubt, kind="stable")
    last = np.flatnonzero(np.append(doubt[order][1:] != doubt[order][:-1], True))
    return last + 1, np.cumsum(np.asarray(right, bool)[order])[last]
