"""Split conformal prediction: a set of answers that holds the true one as often as was asked for.

The least ambiguous sets of Sadinle, Lei and Wasserman 2019 ("Least Ambiguous Set-Valued Classifiers with Bounded
Error Levels"; LAC): an answer belongs to the set unless its probability is too small. How small that is, is found
on rows that the head was not trained on (Papadopoulos et al. 2002), so that a new row is covered with a probability
of `coverage` or a little more, whatever the head is worth, if it is exchangeable with those rows. Frames of one
sequence resemble each other: whole sequences are held out, and the promise is about a frame of a new sequence; what
chance leaves open is that of so many sequences, not of so many frames.

A set may be empty, when nothing is likely enough. Like a set of several answers it says "not sure".
"""

import math

from torch import Tensor


def fit_threshold(probabilities: Tensor, truth: Tensor, coverage: float) -> float:
    """The largest 1 - p that still belongs to a set: probabilities (n, k), truth (n,) int64.

    It is the ceil((n + 1) coverage)-th smallest of the n true answers' 1 - p (Vovk, Gammerman and Shafer 2005); inf,
    which lets every answer in, where n is too small for the coverage that is asked for.
    """
    scores = (1 - probabilities.double().gather(1, truth[:, None])).flatten().sort().values
    rank = math.ceil(round((len(scores) + 1) * coverage, 9))
    return float(scores[rank - 1]) if rank <= len(scores) else math.inf


def prediction_sets(probabilities: Tensor, threshold: Tensor) -> Tensor:
    """(..., k) bool: the answers that belong to each row's set."""
    # In float64 as the threshold was found: 1 - p of a tie must not be rounded to the other side of it.
    return 1 - probabilities.double() <= threshold.double()[..., None]
