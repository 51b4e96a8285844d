"""Objects in a picture, as sets: which kinds are there, and where each of them is.

Arrays have a row a picture and a column a kind; positions are Left, Center, Right. A kind that is labelled in no
picture, or is in no labelled picture, has no F1 (NaN) and does not count in a mean over kinds, whatever was claimed
of it; what was claimed is in its counts. The target itself scores exactly 1.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from roadcue.metrics.bootstrap import DEFAULT_BOOTSTRAP, Bootstrap, Interval
from roadcue.metrics.classification import mean_of_f1
from roadcue.metrics.resampling import bootstrap_of


@dataclass(frozen=True)
class Counts:
    """How many claims were true (tp), how many things were missed (fn), and how many claims were false (fp)."""

    tp: int
    fn: int
    fp: int


@dataclass(frozen=True)
class ObjectScores:
    """F1 by kind and the mean over the kinds that have one, with 95 % intervals over sequences, and the counts."""

    macro: Interval
    by_kind: dict[str, Interval]
    counts: dict[str, Counts]


def score_presence(
    predicted: np.ndarray,
    target: np.ndarray,
    known: np.ndarray,
    sequence: np.ndarray,
    kinds: Sequence[str],
    bootstrap: Bootstrap = DEFAULT_BOOTSTRAP,
) -> ObjectScores:
    """Is a kind there at all? `predicted`, `target` and `known` (n, k) bool for k `kinds`, `sequence` (n,) names.

    Where `known` is False there is no label, and nothing is counted. F1 is 2 tp / (2 tp + fn + fp). ValueError when
    the shapes do not fit or there is no row.
    """
    return _scores(predicted[..., None], target[..., None], known, sequence, kinds, bootstrap)


def score_places(
    predicted: np.ndarray,
    predicted_positions: np.ndarray,
    target: np.ndarray,
    target_positions: np.ndarray,
    known: np.ndarray,
    sequence: np.ndarray,
    kinds: Sequence[str],
    bootstrap: Bootstrap = DEFAULT_BOOTSTRAP,
) -> ObjectScores:
    """Presence x position: each place of each kind is a claim of its own, right only when the kind is there.

    The positions are (n, k, 3) bool; everything else is as in `score_presence`. A kind that is present and nowhere is
    a claim too, of a place of its own: naming a car without saying where is false wherever the car is.
    """
    claims = _claims(predicted, predicted_positions)
    return _scores(claims, _claims(target, target_positions), known, sequence, kinds, bootstrap)


def f1_of_sets(said: Sequence[frozenset[Hashable]], true: Sequence[frozenset[Hashable]]) -> float:
    """Micro F1 of n sets of claims against n sets of truths, 0 to 1; NaN where nothing is said and nothing true.

    2 tp / (2 tp + fn + fp), counted over all sets.
    """
    found = sum(len(one & other) for one, other in zip(said, true, strict=True))
    total = sum(map(len, said)) + sum(map(len, true))
    return 2 * found / total if total else float("nan")


def place_difference(
    predicted_positions: np.ndarray,
    reference_positions: np.ndarray,
    target_positions: np.ndarray,
    known: np.ndarray,
    sequence: np.ndarray,
    bootstrap: Bootstrap = DEFAULT_BOOTSTRAP,
) -> Interval:
    """The mean F1 of presence x position of `predicted_positions` minus that of `reference_positions`, in pairs.

    All positions are (n, k, 3) bool, a kind without one is not present; `known` (n, k) and `sequence` (n,) as in
    `score_presence`. Above zero, `predicted_positions` is better.
    """
    truth = target_positions & known[..., None]
    counted = []
    for positions in (predicted_positions, reference_positions):
        claims = positions & known[..., None]
        counted += [each.sum(axis=-1).astype(np.float64) for each in (claims & truth, claims, truth)]

    def gain(means: np.ndarray) -> np.ndarray:
        ours, theirs = np.split(means, 2, axis=1)
        return mean_of_f1(ours) - mean_of_f1(theirs)

    return bootstrap_of(gain, np.concatenate(counted, axis=1), sequence, bootstrap)


def _claims(present: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """(n, k, 4) bool: the three positions of a kind that is present, and being present without one."""
    if positions.shape != (*present.shape, 3):
        raise ValueError(f"objects need three positions for each kind: {present.shape}, {positions.shape}")
    return np.concatenate([positions & present[..., None], (present & ~positions.any(-1))[..., None]], axis=-1)


def _scores(
    claims: np.ndarray,
    truth: np.ndarray,
    known: np.ndarray,
    sequence: np.ndarray,
    kinds: Sequence[str],
    bootstrap: Bootstrap,
) -> ObjectScores:
    """Of (n, k, places) claims and truth."""
    if (
        claims.shape != truth.shape
        or known.shape != claims.shape[:2]
        or claims.shape[1] != len(kinds)
        or not len(claims)
    ):
        raise ValueError(
            f"objects need claims and targets of the same rows and kinds, (n, {len(kinds)}) with n > 0: "
            f"{claims.shape}, {truth.shape}, known {known.shape}"
        )
    claims, truth = claims & known[..., None], truth & known[..., None]
    hits, claimed, there = (each.sum(axis=-1).astype(np.float64) for each in (claims & truth, claims, truth))

    def mean_f1(columns: list[int]) -> Interval:
        values = np.concatenate([each[:, columns] for each in (hits, claimed, there)], axis=1)
        return bootstrap_of(mean_of_f1, values, sequence, bootstrap)

    totals = zip(kinds, hits.sum(0), claimed.sum(0), there.sum(0), strict=True)
    return ObjectScores(
        macro=mean_f1(list(range(len(kinds)))),
        by_kind={kind: mean_f1([column]) for column, kind in enumerate(kinds)},
        counts={kind: Counts(tp=int(tp), fn=int(n - tp), fp=int(p - tp)) for kind, tp, p, n in totals},
    )
