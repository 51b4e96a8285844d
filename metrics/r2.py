"""The coefficient of determination R2: the share of a number's variance that a prediction explains."""

import numpy as np

from roadcue.metrics.bootstrap import DEFAULT_BOOTSTRAP, Bootstrap, Interval
from roadcue.metrics.resampling import bootstrap_of


def r2(
    squared_error: np.ndarray,
    squared_deviation: np.ndarray,
    sequence: np.ndarray,
    bootstrap: Bootstrap = DEFAULT_BOOTSTRAP,
) -> Interval:
    """1 - SSE / SST over all rows, with its 95 % interval over resampled sequences.

    `squared_error` (n,) of the prediction; `squared_deviation` (n,) of the mean of the rows that the prediction was
    fitted on, all in one squared unit; `sequence` (n,) names. With SST about that mean, and not about the mean of the
    scored rows, the answer that is always this mean has R2 0 (Campbell and Thompson 2008, equation 1).
    """
    columns = np.stack([squared_error, squared_deviation], axis=1)
    return bootstrap_of(lambda means: 1 - means[:, 0] / means[:, 1], columns, sequence, bootstrap)


def r2_difference(
    squared_error: np.ndarray,
    other_squared_error: np.ndarray,
    squared_deviation: np.ndarray,
    sequence: np.ndarray,
    bootstrap: Bootstrap = DEFAULT_BOOTSTRAP,
) -> Interval:
    """R2 of a prediction minus that of another of the same rows, in pairs; the arrays are as in `r2`."""
    columns = np.stack([squared_error, other_squared_error, squared_deviation], axis=1)
    return bootstrap_of(lambda means: (means[:, 1] - means[:, 0]) / means[:, 2], columns, sequence, bootstrap)
