"""Resampling whole sequences, because the frames of one drive resemble each other, and the training seeds with them.

One training says nothing of what another seed would have given, which may be as much as what is claimed (Bouthillier
et al. 2021, "Accounting for Variance in Machine Learning Benchmarks", arXiv 2103.03098). With several trainings
(`Bootstrap.training_seeds`) each resample draws seeds and sequences, both with replacement, and its figure is the
mean, over the drawn seeds, of the figure on the drawn sequences: the same sequences for all seeds, since all have
been scored on the same (Owen 2007, "The pigeonhole bootstrap", Annals of Applied Statistics 1). As many sequences are
drawn as there are, and one seed less than there are: seeds are few, and of k drawn ones the variance would be
(k - 1) / k of the true one (McCarthy and Snowden 1985; Rao and Wu 1988, "Resampling inference with complex survey
data", JASA 83). Of two or three seeds the interval is still too narrow where the seeds decide.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace

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
    1979). With several `bootstrap.training_seeds` n counts the rows of all of them, and they are resampled too. The
    same sequences and `bootstrap` give the same resamples, so the interval of a column that holds one method minus
    another is the paired one. ValueError when the lengths differ, there is no row, or trainings differ in their rows.
    """
    value, drawn, sequences = _resampled(lambda means: means, values, sequence, bootstrap)
    return [_interval(*column) for column in zip(value, drawn.T, sequences, strict=True)]


def bootstrap_of(
    statistic: Callable[[np.ndarray], np.ndarray],
    values: np.ndarray,
    sequence: np.ndarray,
    bootstrap: Bootstrap = DEFAULT_BOOTSTRAP,
) -> Interval:
    """One number that is made of the means of several columns, such as the ratio of two, with its 95 % interval.

    `statistic` takes means (r, m) to (r,); `values`, `sequence` and `bootstrap` are as in
    `sequence_bootstrap`, and so are the resamples. Of several trainings it is the mean of their numbers.
    """
    value, drawn, sequences = _resampled(lambda means: statistic(means)[:, None], values, sequence, bootstrap)
    return _interval(value[0], drawn[:, 0], int(sequences.min()))


def difference_between(
    values: np.ndarray,
    others: np.ndarray,
    sequence: np.ndarray,
    bootstrap: Bootstrap = DEFAULT_BOOTSTRAP,
    statistic: Callable[[np.ndarray], np.ndarray] | None = None,
) -> Interval:
    """A figure of one setting's trainings minus that of another's, on the same n frames, with its 95 % interval.

    `values` (k, n) of k trainings, `others` (l, n), both without NaN, of which the figure is the mean; or (k, n, m)
    and (l, n, m), NaN as in `sequence_bootstrap`, with a `statistic` as in `bootstrap_of`. The sequences of a
    resample are the same for both settings, the seeds are drawn for each by itself: seed 3 of one has nothing in
    common with seed 3 of another.
    """
    figure = (lambda means: means) if statistic is None else lambda means: statistic(means)[:, None]
    (value, drawn, sequences), (other, other_drawn, _) = (
        _resampled(
            figure,
            each.reshape(-1, 1 if each.ndim == 2 else each.shape[2]),
            np.tile(sequence, len(each)),
            replace(bootstrap, training_seeds=len(each)),
            setting,
        )
        for setting, each in enumerate((values, others))
    )
    return _interval(value[0] - other[0], (drawn - other_drawn)[:, 0], int(sequences.min()))


def _resampled(
    figures_of: Callable[[np.ndarray], np.ndarray],
    values: np.ndarray,
    sequence: np.ndarray,
    bootstrap: Bootstrap,
    setting: int = 0,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The figures (f,), the same of each resample (r, f), and how many sequences each column has (m,).

    `figures_of` takes means (r, m) of columns to figures (r, f); trainings of another `setting` are drawn apart.
    """
    if values.ndim != 2 or sequence.shape != values.shape[:1] or len(values) == 0:
        raise ValueError(
            f"a bootstrap needs values (n, m) and sequences (n,) with n > 0, got {values.shape} and {sequence.shape}"
        )
    totals, counts = _per_sequence(values, sequence, bootstrap.training_seeds)
    shares, resamples, first = _seed_shares(bootstrap, setting), [], 0
    # A column that a resample has missed altogether has no mean there (0 / 0).
    with np.errstate(invalid="ignore"):
        value = figures_of(totals.sum(axis=1) / counts.sum(axis=1)).mean(axis=0)
        for draw in _draws(totals.shape[1], bootstrap):
            means = (draw @ totals) / (draw @ counts)
            figures = figures_of(means.reshape(-1, values.shape[1])).reshape(*means.shape[:2], -1)
            resamples.append((shares[:, first : first + len(draw), None] * figures).sum(axis=0))
            first += len(draw)
    return value, np.concatenate(resamples), np.count_nonzero(counts[0], axis=0)


def _interval(value: float, drawn: np.ndarray, sequences: int) -> Interval:
    low = high = float("nan")
    defined = drawn[~np.isnan(drawn)]
    if sequences >= 2 and len(defined):
        low, high = np.percentile(defined, [2.5, 97.5])
    return Interval(float(value), float(low), float(high))


def _per_sequence(values: np.ndarray, sequence: np.ndarray, trainings: int) -> tuple[np.ndarray, np.ndarray]:
    """Sum and number of the values of each sequence in each column: all that a resample needs, (k, s, m) each."""
    names, index = np.unique(sequence, return_inverse=True)
    rows = len(values) // trainings
    if rows * trainings != len(values) or (index.reshape(trainings, rows) != index[:rows]).any():
        raise ValueError(f"a bootstrap over {trainings} trainings needs the same rows of each, one after the other")
    present = ~np.isnan(values)
    filled = np.where(present, values, 0.0)
    totals, counts = (
        np.stack([_sums(block, index[:rows], len(names)) for block in each.reshape(trainings, rows, -1)])
        for each in (filled, present)
    )
    return totals, counts


def _sums(values: np.ndarray, index: np.ndarray, sequences: int) -> np.ndarray:
    """Values (n, m) summed by the sequence of their row, `index` (n,): (sequences, m)."""
    return np.stack([np.bincount(index, column, minlength=sequences) for column in values.T], axis=1)


def _draws(sequences: int, bootstrap: Bootstrap) -> Iterator[np.ndarray]:
    """How often each sequence is drawn in each resample, some resamples at a time: (r, sequences) float64."""
    random = np.random.default_rng(bootstrap.seed)
    block = max(1, _BLOCK // sequences)
    for start in range(0, bootstrap.resamples, block):
        rows = min(block, bootstrap.resamples - start)
        drawn = random.integers(sequences, size=(rows, sequences)) + sequences * np.arange(rows)[:, None]
        yield np.bincount(drawn.ravel(), minlength=rows * sequences).reshape(rows, sequences).astype(np.float64)


def _seed_shares(bootstrap: Bootstrap, setting: int) -> np.ndarray:
    """What each training counts in the mean of each resample, (k, resamples): 1 of a single one."""
    seeds, resamples = bootstrap.training_seeds, bootstrap.resamples
    if seeds == 1:
        return np.ones((1, resamples))
    # 1 +: numpy takes [seed, 0] for seed, of which the sequences are drawn.
    drawn = np.random.default_rng([bootstrap.seed, 1 + setting]).integers(seeds, size=(resamples, seeds - 1))
    return np.stack([(drawn == seed).mean(axis=1) for seed in range(seeds)])
