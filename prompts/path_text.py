"""A path as a text: where somebody who drives or walks will be, as JSON of five points a second apart.

    [[4.1, 0.0], [8.3, 0.2], [12.4, 0.6], [16.6, 1.3], [20.7, 2.2]]

Each point is metres ahead and metres to the left of where he is now, in the direction in which he looks now.
"""

import json

import numpy as np

from roadcue.plausible import beyond
from roadcue.schema import STEP_S, WAYPOINTS

SECONDS = (1, 2, 3, 4, 5)
"""When he is at the points, s from now."""
STEPS = tuple(round(second / STEP_S) - 1 for second in SECONDS)
"""The same as places among the `WAYPOINTS`."""
_POINTS = ' ", " '.join(["point"] * len(SECONDS))
PATH_EBNF = f"""root ::= "[" {_POINTS} "]"
point ::= "[" number ", " number "]"
number ::= "-"? ([0-9] | [1-9] [0-9] [0-9]?) "." [0-9]
"""
"""For `models.grammar.Grammar`: five points to a decimetre, less than a kilometre away."""


def compose(future: np.ndarray) -> str:
    """The text of a logged or predicted path (20, 2), metres, ego frame; ValueError for one that is not all known."""
    if future.shape != (WAYPOINTS, 2) or not np.isfinite(future).all():
        raise ValueError(f"a path is {WAYPOINTS} known points, not an array {future.shape} or one with gaps")
    points = np.round(future[list(STEPS)].astype(np.float64), 1) + 0.0  # no -0.0
    return json.dumps(points.tolist())


def parse(text: str) -> np.ndarray | None:
    """The five points (5, 2) float64 of a text, metres, ego frame; None for a text that is anything else, such as
    numbers in quotes, or farther away than anything comes.
    """
    try:
        found = np.array(json.loads(text))
    except (ValueError, TypeError, OverflowError, RecursionError):
        return None
    if found.shape != (len(SECONDS), 2) or found.dtype.kind not in "iuf":
        return None
    points = found.astype(np.float64)
    return points if np.isfinite(points).all() and not beyond(points).any() else None
