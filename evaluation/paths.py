"""The paths of several methods on the rows of a data set, beside the logged ones and against raters."""

import numpy as np

from roadcue.loaders.dataset import StateTable
from roadcue.loaders.rated import RatedFrames
from roadcue.metrics.bootstrap import Bootstrap
from roadcue.metrics.comparison import Comparison, compare
from roadcue.metrics.rated_comparison import RatedComparison, compare_rated
from roadcue.metrics.raters import Raters
from roadcue.reports.colours import LOG


def compare_rows(
    predictions: dict[str, np.ndarray],
    states: StateTable,
    *,
    reference: str,
    bootstrap: Bootstrap,
    cluster: np.ndarray | None = None,
    unlike: np.ndarray | None = None,
) -> Comparison:
    """Methods' paths (n, 20, 2) metres, ego frame, beside the logged ones of the same n rows.

    `cluster` (n,) names the scenario cluster of each row, "" where it has none; None where no row has one. `unlike`
    (n,) bool as in `Predictions`.
    """
    return compare(
        predictions,
        states.future,
        sequence=states.sequence,
        intent=states.intent,
        speed=np.hypot(states.past[:, -1, 2], states.past[:, -1, 3]),
        cluster=cluster,
        unlike=unlike,
        reference=reference,
        bootstrap=bootstrap,
    )


def compare_with_raters(
    predictions: dict[str, np.ndarray],
    logged: np.ndarray,
    rated: RatedFrames,
    *,
    reference: str,
    bootstrap: Bootstrap,
    unlike: np.ndarray | None = None,
) -> RatedComparison | None:
    """Methods' paths and the `logged` ones, (n, 20, 2) metres, ego frame, against raters; None if no row is rated.

    `rated` counts its rows as the paths are: of n rows; `unlike` (n,) bool as in `Predictions`.
    """
    if not len(rated):
        return None
    return compare_rated(
        {name: paths[rated.row] for name, paths in {**predictions, LOG: logged}.items()},
        Raters.of(rated.rater_xy, rated.rater_length, rated.rater_score),
        speed=rated.speed,
        sequence=rated.sequence,
        cluster=rated.cluster,
        reference=reference,
        bootstrap=bootstrap,
        unlike=None if unlike is None else unlike[rated.row],
    )
