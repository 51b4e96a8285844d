"""Predictions of several modes with probabilities: what picking one costs, and whether the probabilities are true.

The picked mode is the most probable one, the first of several. `error` (n, k) is what each mode would cost, such as
`mode_ade`; for a score of which more is better, give minus the score.
"""

from collections.abc import Mapping

import numpy as np

from roadcue.metrics.bootstrap import DEFAULT_BOOTSTRAP, Bootstrap, Interval
from roadcue.metrics.displacement import displacement
from roadcue.metrics.resampling import sequence_bootstrap
from roadcue.metrics.uncertainty import expected_calibration_error

LABELS: Mapping[str, str] = {
    "picked": "Error of the picked mode",
    "oracle": "Error of the best of K modes (oracle)",
    "regret": "Picked minus oracle (regret)",
    "picked_best": "Share of frames whose picked mode is the best one",
    "best_nll": "NLL of the best mode (nats)",
}
"""What a table calls each metric of `per_frame`. Lower is better for all of them but `picked_best`."""
CALIBRATION_LABEL = "Calibration error of the picked mode's probability"
"""What a table calls `calibration_error`. Lower is better."""
_LEAST = float(np.finfo(np.float32).tiny)
"""Stands for a probability of 0, which a float32 softmax gives for anything below: 87 nats, not an infinite mean."""


def mode_ade(predicted: np.ndarray, logged: np.ndarray) -> np.ndarray:
    """Each mode's ADE at 5 s: (n, k, 20, 2) against (n, 20, 2), metres, ego frame -> (n, k) float64 metres."""
    if np.ndim(predicted) != 4:
        raise ValueError(f"modes must be (n, k, 20, 2): metres, ego frame; got {np.shape(predicted)}")
    return displacement(predicted, logged).mean(axis=-1)


def picked_mode(probability: np.ndarray) -> np.ndarray:
    """The most probable mode of each frame, the first of several: (n, k) -> (n,) int64."""
    return np.argmax(probability, axis=1)


def expected(value: np.ndarray, probability: np.ndarray) -> np.ndarray:
    """The mean of each frame's modes weighted with their probabilities, (n, k) both -> (n,) float64.

    Of `metrics.rater_feedback` scores it is the official score of a prediction with several modes
    (rater_feedback_utils.py). ValueError when the probabilities do not fit or do not sum to 1.
    """
    return (value * _probabilities(probability, value)).sum(axis=1)


def per_frame(error: np.ndarray, probability: np.ndarray) -> dict[str, np.ndarray]:
    """Each frame's share in each metric of `LABELS`: error and probability (n, k) -> name -> (n,) float64.

    The oracle is the best of K modes, known only afterwards; the regret is what it would save (never below 0).
    `best_nll` is minus the natural logarithm of the probability of the best mode, or of all modes as good as it: the
    part of MultiPath's loss that is about choosing (Chai et al. 2019, arXiv 1910.05449), log K for whoever knows
    nothing. ValueError when the shapes differ, an error is NaN, or a frame's probabilities do not sum to 1.
    """
    probability = _probabilities(probability, error)
    oracle, best = error.min(axis=1), _best(error)
    picked = np.take_along_axis(error, picked_mode(probability)[:, None], 1)[:, 0]
    return {
        "picked": picked,
        "oracle": oracle,
        "regret": picked - oracle,
        "picked_best": (picked == oracle).astype(np.float64),
        "best_nll": -np.log(np.clip((probability * best).sum(axis=1), _LEAST, 1)),
    }


def score_modes(
    error: np.ndarray, probability: np.ndarray, sequence: np.ndarray, bootstrap: Bootstrap = DEFAULT_BOOTSTRAP
) -> dict[str, Interval]:
    """The mean of each metric of `LABELS` over the frames, and their `calibration_error`, by name.

    Shapes and errors are those of `calibration_error`.
    """
    frames = per_frame(error, probability)
    drawn = sequence_bootstrap(np.stack([*frames.values()], axis=1), sequence, bootstrap)
    calibration = calibration_error(error, probability, sequence, bootstrap)
    return {**dict(zip(frames, drawn, strict=True)), "calibration_error": calibration}


def calibration_error(
    error: np.ndarray, probability: np.ndarray, sequence: np.ndarray, bootstrap: Bootstrap = DEFAULT_BOOTSTRAP
) -> Interval:
    """Expected calibration error: by how much the picked mode's probability misses the share in which it is the best.

    The formula is that of `metrics.uncertainty.expected_calibration_error`. `error` and `probability` (n, k) are of
    the same frames, `sequence` (n,) their drives. ValueError as in `per_frame`.
    """
    probability = _probabilities(probability, error)
    right = np.take_along_axis(_best(error), picked_mode(probability)[:, None], 1)[:, 0]
    return expected_calibration_error(probability.max(axis=1), right, sequence, bootstrap)


def _best(error: np.ndarray) -> np.ndarray:
    """(n, k) True for the modes that no other one beats: several where errors are equal."""
    return error == error.min(axis=1, keepdims=True)


def _probabilities(probability: np.ndarray, value: np.ndarray) -> np.ndarray:
    """The probabilities as float64; ValueError unless they fit the values, which are not NaN, and sum to 1."""
    probability = np.asarray(probability, np.float64)
    if value.ndim != 2 or value.shape != probability.shape or value.shape[1] == 0:
        raise ValueError(
            f"modes need a value and a probability each, (n, k) with k > 0; got {value.shape}, {probability.shape}"
        )
    if np.isnan(value).any():
        raise ValueError(f"{np.count_nonzero(np.isnan(value).any(axis=1))} of {len(value)} frames have a mode of NaN")
    wrong = ~((probability >= 0).all(axis=1) & (np.abs(probability.sum(axis=1) - 1) <= 1e-4))
    if wrong.any():
        raise ValueError(
            f"the probabilities of {np.count_nonzero(wrong)} of {len(wrong)} frames are negative or do not sum to 1, "
            f"the first in row {wrong.argmax()}; give a softmax over the modes"
        )
    return probability
