"""Calibration: how sure an answer is, fitted on sequences that a head was not trained on.

Temperature scaling (Guo, Pleiss, Sun and Weinberger 2017, "On Calibration of Modern Neural Networks", section 4.2):
logits are divided by T, which minimises the negative log likelihood. No answer changes.

Split conformal prediction: a set of answers that holds the true one as often as was asked for. The least ambiguous
sets of Sadinle, Lei and Wasserman 2019 ("Least Ambiguous Set-Valued Classifiers with Bounded
Error Levels"; LAC): an answer belongs to the set unless its probability is too small. How small that is, is found
on rows that the head was not trained on (Papadopoulos et al. 2002), so that a new row is covered with a probability
of `coverage` or a little more, whatever the head is worth, if it is exchangeable with those rows. Frames of one
sequence resemble each other: whole sequences are held out, and the promise is about a frame of a new sequence; what
chance leaves open is that of so many sequences, not of so many frames.

A set may be empty, when nothing is likely enough. Like a set of several answers it says "not sure".
"""

import math
from collections.abc import Callable, Iterable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_LEAST, _MOST = 0.05, 20.0
_GOLDEN, _STEPS = 0.6180339887498949, 60
"""Each step leaves this share of the bracket: 60 leave nothing that float32 could tell."""


class Calibration(nn.Module):
    """From (b, q, k) logits of q questions to probabilities that are as sure as they are right, and conformal sets.

    Temperature and threshold of a question are found on the same rows: one number of some hundred rows, which moves
    what the threshold promises by less than its own rounding.
    """

    temperature: Tensor
    threshold: Tensor

    def __init__(self, questions: int) -> None:
        super().__init__()
        self.register_buffer("temperature", torch.ones(questions))
        self.register_buffer("threshold", torch.full((questions,), torch.inf, dtype=torch.float64))

    def fit(self, batches: Iterable[tuple[Tensor, Tensor]], coverage: float) -> None:
        """Logits (b, q, k) and the true answers (b, q), -1 unknown, of rows that were not trained on."""
        logits, truth = map(torch.cat, zip(*batches, strict=True))
        for question in range(len(self.temperature)):
            known = truth[:, question] >= 0
            answered, true = logits[known, question], truth[known, question]
            self.temperature[question] = fit_temperature(answered, true)
            probabilities = (answered / self.temperature[question]).softmax(dim=1)
            self.threshold[question] = fit_threshold(probabilities, true, coverage)

    def forward(self, logits: Tensor) -> tuple[Tensor, Tensor]:
        """(b, q, k) logits -> probabilities and sets (bool), (b, q, k) each."""
        probabilities = (logits / self.temperature[:, None]).softmax(dim=2)
        return probabilities, prediction_sets(probabilities, self.threshold)


def fit_temperature(logits: Tensor, truth: Tensor) -> float:
    """T for classes: logits (n, k), truth (n,) int64. 1 where there is no row."""
    return _least(lambda sharpness: F.cross_entropy(logits.double() * sharpness, truth)) if len(truth) else 1.0


def fit_binary_temperature(logits: Tensor, truth: Tensor) -> float:
    """T for yes or no: logits (n,), truth (n,) of 0 and 1. 1 where there is no row."""
    if not len(truth):
        return 1.0
    return fit_temperature(torch.stack([torch.zeros_like(logits), logits], dim=1), truth.long())


def _least(cost: Callable[[float], Tensor]) -> float:
    """1 / the sharpness with the least cost, from 0.05 to 20.

    By golden section search (Kiefer 1953), which needs one valley: the likelihood is concave in 1 / T.
    """
    low, high = 1 / _MOST, 1 / _LEAST
    for _ in range(_STEPS):
        first, second = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
        low, high = (low, second) if cost(first) < cost(second) else (first, high)
    return 2 / (low + high)


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
