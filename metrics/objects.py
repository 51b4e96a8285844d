"""How well objects are told: which kinds are there, and where.

A claim is a kind, or a kind at a place; an answer that lists everything makes many false ones, and one that lists
nothing misses all. Kinds that never occur in the truth are counted, but have no F1 and no part in the macro averages.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from metrics.bootstrap import Interval, bootstrap_of


@dataclass(frozen=True)
class Counts:
    """Of one kind of object: claims that were right, missed, and wrong, over all rows."""

    tp: int
    fn: int
    fp: int


@dataclass(frozen=True)
class KindScores:
    """One kind of object. F1 from 0 to 1 with its interval over sequences; None where the truth never has the kind."""

    presence: Counts
    placed: Counts
    presence_f1: Interval | None
    placed_f1: Interval | None


@dataclass(frozen=True)
class ObjectScores:
    """How well objects were told; the macro averages are over the kinds that occur, None where none does."""

    kinds: dict[str, KindScores]
    presence_f1: Interval | None
    placed_f1: Interval | None


@dataclass(frozen=True)
class ObjectSets:
    """What is said of the objects of n pictures: `present` (n, k) bool and `places` (n, k, p) bool.

    A kind that is at a place is present; one may be present at no place that was named.
    """

    present: np.ndarray
    places: np.ndarray

    def __post_init__(self) -> None:
        if self.places.ndim != 3 or self.places.shape[:2] != self.present.shape:
            raise ValueError(
                f"objects are (n, k) present and (n, k, p) places: {self.present.shape}, {self.places.shape}"
            )
        if (self.places.any(axis=2) & ~self.present).any():
            raise ValueError("an object has a place and is not present; what is at a place is present")

    @property
    def claims(self) -> np.ndarray:
        """(n, k, p + 1) bool: the kind at each place, and present at no named one."""
        return np.concatenate([self.places, (self.present & ~self.places.any(axis=2))[..., None]], axis=2)


def score_objects(
    predicted: ObjectSets,
    truth: ObjectSets,
    known: np.ndarray,
    sequence: np.ndarray,
    kinds: Sequence[str],
    *,
    resamples: int = 2000,
    seed: int = 0,
) -> ObjectScores:
    """Answers against truths of the same rows and `kinds`; `known` (n, k) bool, False where a kind is not labelled.

    Presence counts kinds; placed counts kinds at places, so a kind without a place, or at a wrong one, is a false
    claim and a missed one. `sequence` (n,) names. ValueError when the shapes differ.
    """
    if not (predicted.places.shape == truth.places.shape and known.shape == truth.present.shape):
        raise ValueError(
            f"answers {predicted.places.shape}, truths {truth.places.shape}, known {known.shape}: one shape is needed"
        )
    if truth.present.shape != (len(sequence), len(kinds)):
        raise ValueError(f"{truth.present.shape} objects need (rows, kinds) = {(len(sequence), len(kinds))}")
    presence = _counts(predicted.present[..., None], truth.present[..., None], known)
    placed = _counts(predicted.claims, truth.claims, known)
    drawn = {"resamples": resamples, "seed": seed}
    found = {
        kind: KindScores(
            _total(presence[:, :, k]),
            _total(placed[:, :, k]),
            _macro_f1(presence[:, :, [k]], sequence, **drawn),
            _macro_f1(placed[:, :, [k]], sequence, **drawn),
        )
        for k, kind in enumerate(kinds)
    }
    return ObjectScores(found, _macro_f1(presence, sequence, **drawn), _macro_f1(placed, sequence, **drawn))


def _counts(said: np.ndarray, true: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Claims (n, k, c) bool -> (n, 3, k) float64: right, missed and wrong ones of each row."""
    parts = (said & true, ~said & true, said & ~true)
    return np.stack([part.sum(axis=2) * known for part in parts], axis=1).astype(np.float64)


def _total(counts: np.ndarray) -> Counts:
    return Counts(*map(int, counts.sum(axis=0)))


def _macro_f1(counts: np.ndarray, sequence: np.ndarray, *, resamples: int, seed: int) -> Interval | None:
    """The mean of 2 tp / (2 tp + fn + fp) over the kinds of (n, 3, k) that occur in the truth.

    A kind that a resample of the sequences has missed does not count in it.
    """
    occurs = counts[:, :2].sum(axis=(0, 1)) > 0
    if not occurs.any():
        return None
    columns = counts[:, :, occurs].reshape(len(counts), -1)

    def statistic(means: np.ndarray) -> np.ndarray:
        tp, fn, fp = np.split(means, 3, axis=1)
        with np.errstate(invalid="ignore"):
            f1 = np.where(tp + fn > 0, 2 * tp / (2 * tp + fn + fp), np.nan)
        some = ~np.isnan(f1).all(axis=1)
        mean = np.full(len(f1), np.nan)
        mean[some] = np.nanmean(f1[some], axis=1)
        return mean

    return bootstrap_of(statistic, columns, sequence, resamples=resamples, seed=seed)
