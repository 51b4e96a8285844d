"""Reaction: does an answer change when the reason for it appears, and only then.

A pair is one moment without and with one thing. In a reason pair the thing is a reason to drive, walk or answer
otherwise; in a null pair nothing that is true changes. The reaction of a path is the projection of its change at 5 s,
with the thing minus without it, on the direction of the true change: braking, stopping and swerving to the free side
count for as many metres as they lead the right way, and the wrong way counts below zero. Of a null pair it is the
length of the change, whichever way.

What a path changes by where nothing is to be seen is not zero, so a reaction has to be larger than what null pairs of
other sequences give: than the larger of `LEAST_M` and their 95 % quantile. These null pairs choose the threshold, the
others say how often it is passed by chance.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np

from roadcue.metrics.bootstrap import DEFAULT_BOOTSTRAP, Bootstrap, Interval
from roadcue.metrics.comparison import nan_to_none
from roadcue.metrics.resampling import bootstrap_of, sequence_bootstrap

LEAST_M = 0.5
"""Metres at 5 s: what a reaction has to be larger than, however still the path is of null pairs."""
QUANTILE = 0.95
"""Of the changes of null pairs: so many of them are no reaction."""
STILL_M = 0.1
"""Metres: a true path that changes by less at 5 s has no direction in which it changes, so that its pair is counted
and not scored; one that changes by less all along has not changed."""


@dataclass(frozen=True)
class PairsAsked:
    """n pairs: `kind` (n,) and `sequence` (n,) are names, `null` (n,) bool where nothing that is true changes."""

    kind: np.ndarray
    sequence: np.ndarray
    null: np.ndarray

    @cached_property
    def calibrating(self) -> np.ndarray:
        """(n,) bool: the null pairs that the thresholds are of. Every other sequence by name, within each kind."""
        chosen: set[str] = set()
        met: set[str] = set()
        for kind in np.unique(self.kind[self.null]).tolist():
            names = set(self.sequence[self.null & (self.kind == kind)].tolist()) - met
            chosen |= {*sorted(names)[::2]}
            met |= names
        return self.null & np.isin(self.sequence, list(chosen))

    def kinds(self, pairs: np.ndarray) -> list[str]:
        """The kinds of those of the pairs, (n,) bool, in order of appearance."""
        return list(dict.fromkeys(self.kind[pairs].tolist()))


@dataclass(frozen=True)
class Rates:
    """A figure of reason pairs, kind by kind with the mean over kinds, and of null pairs, all and by kind.

    None, and no kinds, where there are no such pairs. 95 % intervals over the pairs' sequences, with the thresholds
    as they are.
    """

    kinds: Mapping[str, Interval]
    mean: Interval | None
    null: Interval | None = None
    null_kinds: Mapping[str, Interval] | None = None


@dataclass(frozen=True)
class PathReaction:
    """How a method's paths react.

    `reacting` are shares of reason pairs whose reaction is above `threshold_m`, and of null pairs that change by
    more, `above_least` the same with `LEAST_M` alone; `size` is the mean reaction over the mean true change.
    """

    threshold_m: float
    calibration_pairs: int
    reacting: Rates
    above_least: Rates
    size: Rates


@dataclass(frozen=True)
class Reactions:
    """Of n pairs: `pairs` that are scored by kind, null pairs among them, and `undirected` ones that are not.

    `paths`: method -> how its paths react. `answers`: question -> method -> shares of reason pairs whose answer
    changes rightly, from another one to the true one, and of null pairs whose answer changes at all.
    """

    pairs: Mapping[str, int]
    undirected: int
    paths: Mapping[str, PathReaction]
    answers: Mapping[str, Mapping[str, Rates]]

    def to_json(self) -> dict[str, Any]:
        """Plain dicts and numbers; what does not exist is None."""
        content: dict[str, Any] = nan_to_none(asdict(self))
        return content


def reaction_m(predicted: np.ndarray, true: np.ndarray, null: np.ndarray) -> np.ndarray:
    """(n,) metres: the reactions of changes at 5 s, `predicted` and `true` (n, 2) metres, ego frame.

    Of `null` (n,) pairs the length of what is predicted; NaN of others whose true change is below `STILL_M`, or where
    it is not known. A change that is not predicted, NaN, is none.
    """
    predicted = np.nan_to_num(predicted)
    size = np.hypot(*true.T)
    with np.errstate(invalid="ignore", divide="ignore"):
        along = (predicted * true).sum(axis=1) / size
        return np.where(null, np.hypot(*predicted.T), np.where(size >= STILL_M, along, np.nan))


def threshold_m(changes: np.ndarray) -> float:
    """Metres that a reaction has to be above, from the changes (m,) of null pairs; `LEAST_M` where there are none."""
    if not len(changes):
        return LEAST_M
    return max(LEAST_M, float(np.quantile(changes, QUANTILE, method="higher")))


def path_reaction(
    predicted: np.ndarray, true: np.ndarray, pairs: PairsAsked, bootstrap: Bootstrap = DEFAULT_BOOTSTRAP
) -> PathReaction:
    """How paths react that change by `predicted` (n, 2) at 5 s, where the true ones change by `true` (n, 2).

    Metres, ego frame, NaN where a change is not known.
    """
    reaction = reaction_m(predicted, true, pairs.null)
    threshold = threshold_m(reaction[pairs.calibrating])

    def above(metres: float) -> Rates:
        return rates(np.where(np.isnan(reaction), np.nan, reaction > metres), pairs, bootstrap)

    size = np.where(np.isnan(reaction), np.nan, np.hypot(*true.T))
    return PathReaction(
        threshold,
        int(pairs.calibrating.sum()),
        above(threshold),
        above(LEAST_M),
        _relative_size(reaction, size, pairs, bootstrap),
    )


def answer_rates(
    said: np.ndarray, true: np.ndarray, pairs: PairsAsked, bootstrap: Bootstrap = DEFAULT_BOOTSTRAP
) -> Rates:
    """How answers change, `said` and `true` (n, 2) words without and with the thing; "" is none, or not known.

    Of reason pairs those count whose true answer differs, of null pairs those whose true answer does not. There is
    no threshold, so that all null pairs are scored.
    """
    changes, truth_changes = said[:, 0] != said[:, 1], true[:, 0] != true[:, 1]
    known = (true != "").all(axis=1)
    rightly = np.where(known & truth_changes, changes & (said[:, 1] == true[:, 1]), np.nan)
    values = np.where(pairs.null, np.where(truth_changes, np.nan, changes), rightly)
    return rates(values, pairs, bootstrap, scored=pairs.null)


def rates(values: np.ndarray, pairs: PairsAsked, bootstrap: Bootstrap, scored: np.ndarray | None = None) -> Rates:
    """Means of (n,) values by kind, NaN where a pair has none; of null pairs those `scored` (n,).

    Without `scored` the null pairs that no threshold is of.
    """
    there = ~np.isnan(values)
    null = (pairs.null & ~pairs.calibrating if scored is None else scored) & there
    reasons = there & ~pairs.null
    of_kind = {kind: reasons & (pairs.kind == kind) for kind in pairs.kinds(reasons)}
    of_null = {kind: null & (pairs.kind == kind) for kind in pairs.kinds(null)}
    groups = [*of_kind.values(), *of_null.values(), *([null] if null.any() else [])]
    if not groups:
        return Rates({}, None)
    columns = np.stack([np.where(group, values, np.nan) for group in groups], axis=1)
    figures = sequence_bootstrap(columns, pairs.sequence, bootstrap)
    kinds, null_kinds = figures[: len(of_kind)], figures[len(of_kind) : len(of_kind) + len(of_null)]
    return Rates(
        dict(zip(of_kind, kinds, strict=True)),
        bootstrap_of(_mean, columns[:, : len(of_kind)], pairs.sequence, bootstrap) if of_kind else None,
        figures[-1] if of_null else None,
        dict(zip(of_null, null_kinds, strict=True)),
    )


def _relative_size(reaction: np.ndarray, size: np.ndarray, pairs: PairsAsked, bootstrap: Bootstrap) -> Rates:
    """Mean reaction over mean true change, (n,) metres each, of reason pairs by kind."""
    reasons = ~np.isnan(reaction) & ~pairs.null
    groups = {kind: reasons & (pairs.kind == kind) for kind in pairs.kinds(reasons)}
    if not groups:
        return Rates({}, None)
    both = [np.where(group, each, np.nan) for each in (reaction, size) for group in groups.values()]
    columns = np.stack(both, axis=1)
    count = len(groups)
    return Rates(
        {
            kind: bootstrap_of(_ratio, columns[:, [place, count + place]], pairs.sequence, bootstrap)
            for place, kind in enumerate(groups)
        },
        bootstrap_of(_ratio, columns, pairs.sequence, bootstrap),
    )


def _mean(means: np.ndarray) -> np.ndarray:
    """(r, k) -> (r,)."""
    return np.asarray(means.mean(axis=1))


def _ratio(means: np.ndarray) -> np.ndarray:
    """(r, 2 k), k means and what each is taken relative to -> (r,) the mean over k."""
    of, to = np.split(means, 2, axis=1)
    return _mean(of / to)
