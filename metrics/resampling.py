"""Resampling whole sequences, because the frames of one drive resemble each other."""

from collections.abc import Callable, Iterator

import numpy as np

from roadcue.metrics.bootstrap import DEFAULT_BOOTSTRAP, Bootstrap, Interval

_BLOCK = 4_000_000
"""Draws held at once, so that memory stays at some 64 MB however many sequences there are."""


def sequence_bootstrap(
    values: np.ndarray, sequence: np.ndarray, bootstrap: Bootstrap = DEFAULT_BOOTSTRAP
) -> list[Interval]:
    """The mean of each column of `values` with the 95 % percentile interval over resampled sequences.

    `values` is (n, m), one row a frame, NaN where the row does not belong to the column (a group it is not in);
    `sequence` is (n,) names. Each resample draws as many sequences as there are, with replacement, and takes the mean
    over all their frames: the cluster bootstrap (Davison and Hinkley 1997, section 3.8; percentile interval of Efron
    1979). The same sequences and `bootstrap` give the same resamples, so the interval of a column that holds one
    method minus another is the paired one. ValueError when the lengths differ or there is no row.
    """
    value, means, sequences = _resampled(values, sequence, bootstrap)
    return [_interval(*column) for column in zip(value, means.T, sequences, strict=True)]


def bootstrap_of(
    statistic: Callable[[np.ndarray], np.ndarray],
    values: np.ndarray,
    sequence: np.ndarray,
    bootstrap: Bootstrap = DEFAULT_BOOTSTRAP,
) -> Interval:
    """One number that is made of the means of several columns, such as the ratio of two, with its 95 % interval.

    `statistic` takes means (r, m) to (r,); `values`, `sequence` and `bootstrap` are as in
    `sequence_bootstrap`, and so are the resamples.
    """
    value, means, sequences = _resampled(values, sequence, bootstrap)
    return _interval(float(statistic(value[None])[0]), statistic(means), int(sequences.min()))


def _resampled(
    values: np.ndarray, sequence: np.ndarray, bootstrap: Bootstrap
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Each column's mean (m,), its means over resampled sequences (r, m), and how many sequences it has (m,)."""
    if values.ndim != 2 or sequence.shape != values.shape[:1] or len(values) == 0:
        raise ValueError(
            f"a bootstrap needs values (n, m) and sequences (n,) with n > 0, got {values.shape} and {sequence.shape}"
        )
    totals, counts = _per_sequence(values, sequence)
    # A column that a resample has missed altogether has no mean there (0 / 0).
    with np.errstate(invalid="ignore"):
        value = totals.sum(0) / counts.sum(0)
        means = np.concatenate([(draw @ totals) / (draw @ counts) for draw in _draws(len(totals), bootstrap)])
    return value, means, np.count_nonzero(counts, axis=0)


def _interval(value: float, drawn: np.ndarray, sequences: int) -> Interval:
    low = high = float("nan")
    defined = drawn[~np.isnan(drawn)]
    if sequences >= 2 and len(defined):
        low, high = np.percentile(defined, [2.5, 97.5])
    return Interval(float(value), float(low), float(high))


def _per_sequence(values: np.ndarray, sequence: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sum and number of the values of each sequence in each column: all that a resample needs, (s, m) each."""
    names, index = np.unique(sequence, return_inverse=True)
    present = ~np.isnan(values)
    filled = np.where(present, values, 0.0)
    totals = [np.bincount(index, column, minlength=len(names)) for column in filled.T]
    counts = [np.bincount(index, column, minlength=len(names)) for column in present.T]
    return np.stack(totals, axis=1), np.stack(counts, axis=1)


def _draws(sequences: int, bootstrap: Bootstrap) -> Iterator[np.ndarray]:
    """How often each sequence is drawn in each resample, some resamples at a time: (r, sequences) float64."""
    random = np.random.default_rng(bootstrap.seed)
    block = max(1, _BLOCK // sequences)
    for start in range(0, bootstrap.resamples, block):
        rows = min(block, bootstrap.resamples - start)
        drawn = random.integers(sequences, size=(rows, sequences)) + sequences * np.arange(rows)[:, None]
        yield np.bincount(drawn.ravel(), minlength=rows * sequences).reshape(rows, sequences).astype(np.float64)
