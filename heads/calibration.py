"""Calibration: probabilities that are as sure as they are right, fitted on sequences that a head was not trained on.

Temperature scaling (Guo, Pleiss, Sun and Weinberger 2017, "On Calibration of Modern Neural Networks", section 4.2):
logits are divided by the T that minimises the negative log likelihood. The most probable answer stays the same.

Split conformal prediction: a set of answers that holds the true one in a stated share of the rows, the coverage. The
least ambiguous sets of Sadinle, Lei and Wasserman 2019 ("Least Ambiguous Set-Valued Classifiers with Bounded Error
Levels"; LAC): an answer belongs to the set unless its probability is below a threshold. The threshold is fitted on
rows that the head was not trained on (Papadopoulos et al. 2002). Frames of one sequence resemble each other, and of a
film are nearly one frame, so whole sequences are held out, and it is they that count: of K sequences each weighs
1 / (K + 1), its frames share that, and the rest of the weight lies at infinity (hierarchical conformal prediction,
Lee, Barber and Willett 2023, arXiv 2306.06342). So the set of a frame of a new sequence holds the true answer with a
probability of `coverage` or a little more, however good or bad the head is, if the sequence is exchangeable with
those. With too few sequences for the coverage, 8 or less for 90 %, a set holds every answer.

A set may be empty, when nothing is likely enough. Like a set of several answers it means "not sure".

Shapes: b or n rows, q questions, k answers to each.
"""

import math
from collections.abc import Callable, Iterable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

_LEAST, _MOST = 0.05, 20.0
"""Bounds of T, wide: only rows that are all right or mostly wrong, whose best T is 0 or infinite, meet them."""
_ROUNDING = 1e-9
"""Of sums of weights, far below the weight of any row."""
_GOLDEN, _STEPS = 0.6180339887498949, 60
"""(sqrt(5) - 1) / 2: the share of the bracket that each step keeps. 60 steps are more than float32 can resolve."""


class Calibration(nn.Module):
    """From logits (b, q, k) to calibrated probabilities and conformal sets, (b, q, k) each.

    Temperature and threshold of a question are fitted on the same rows: one number of some hundred rows, which moves
    the coverage by less than the rounding of the threshold's rank.
    """

    temperature: Tensor
    threshold: Tensor

    def __init__(self, questions: int) -> None:
        super().__init__()
        self.register_buffer("temperature", torch.ones(questions))
        self.register_buffer("threshold", torch.full((questions,), torch.inf, dtype=torch.float64))

    def fit(self, batches: Iterable[tuple[Tensor, Tensor]], sequence: np.ndarray, coverage: float) -> None:
        """Logits (b, q, k) and true answers (b, q) int64, -1 unknown, of rows that were not trained on.

        `sequence` (n,) names the sequence of each row of all batches.
        """
        logits, truth = map(torch.cat, zip(*batches, strict=True))
        for question in range(len(self.temperature)):
            known = truth[:, question] >= 0
            known_logits, known_truth = logits[known, question], truth[known, question]
            self.temperature[question] = fit_temperature(known_logits, known_truth)
            probabilities = (known_logits / self.temperature[question]).softmax(dim=1)
            self.threshold[question] = fit_threshold(probabilities, known_truth, sequence[known.numpy()], coverage)

    def forward(self, logits: Tensor) -> tuple[Tensor, Tensor]:
        """Logits (b, q, k) -> probabilities and sets (bool), (b, q, k) each."""
        probabilities = (logits / self.temperature[:, None]).softmax(dim=2)
        return probabilities, prediction_sets(probabilities, self.threshold)


def fit_temperature(logits: Tensor, truth: Tensor) -> float:
    """T of a question with k answers: logits (n, k), truth (n,) int64. 1 when n is 0."""
    return _least(lambda sharpness: F.cross_entropy(logits.double() * sharpness, truth)) if len(truth) else 1.0


def fit_binary_temperature(logits: Tensor, truth: Tensor) -> float:
    """T of a yes-or-no question: logits (n,), truth (n,) of 0 and 1. 1 when n is 0."""
    if not len(truth):
        return 1.0
    return fit_temperature(torch.stack([torch.zeros_like(logits), logits], dim=1), truth.long())


def _least(cost: Callable[[float], Tensor]) -> float:
    """The T, from 0.05 to 20, with the least cost; `cost` takes the sharpness 1 / T and gives a scalar ().

    By golden section search (Kiefer 1953), which needs a single minimum: the cost is convex in 1 / T.
    """
    low, high = 1 / _MOST, 1 / _LEAST
    for _ in range(_STEPS):
        first, second = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
        low, high = (low, second) if cost(first) < cost(second) else (first, high)
    return 2 / (low + high)


def fit_threshold(probabilities: Tensor, truth: Tensor, sequence: np.ndarray, coverage: float) -> float:
    """The largest 1 - p with which an answer belongs to a set: probabilities (n, k), truth (n,) int64.

    `sequence` (n,) names the sequence of each row. It is the least of the true answers' 1 - p at which the weights of
    those up to it reach the coverage; inf, with which every answer belongs to every set, where all of them do not.
    With one row a sequence that is the ceil((n + 1) coverage)-th smallest (Vovk, Gammerman and Shafer 2005).
    """
    scores, order = (1 - probabilities.double().gather(1, truth[:, None])).flatten().sort()
    _, place, rows = np.unique(sequence, return_inverse=True, return_counts=True)
    weights = 1 / ((len(rows) + 1) * rows[place])
    reached = np.flatnonzero(weights[order.numpy()].cumsum() >= coverage - _ROUNDING)
    return float(scores[reached[0]]) if len(reached) else math.inf


def least_sequences(coverage: float) -> int:
    """How many sequences it takes until a set can leave an answer out: K / (K + 1) is then at least the coverage."""
    return math.ceil(round(coverage / (1 - coverage), 9))


def prediction_sets(probabilities: Tensor, threshold: Tensor) -> Tensor:
    """Probabilities (..., k), thresholds (...) or () -> (..., k) bool: the answers that belong to each set."""
    # In float64, as the threshold was fitted: 1 - p of a tie must not be rounded to the other side of it.
    return 1 - probabilities.double() <= threshold.double()[..., None]
