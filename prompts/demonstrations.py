"""Which pictures a few-shot prompt shows before the one in question: any, or those most like it.

No demonstration is of the query's own sequence: a frame a tenth of a second away would be the query itself in all but
name, with the answer to it.

Shape legend: m queries, n candidates, s demonstrations, c cameras, k stored vectors per camera, d width.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

MOST_DEMONSTRATIONS = 32
"""As in OpenFlamingo's evaluation; more make its cues worse (document 000, 10.2)."""
_ROWS_AT_ONCE = 1024
"""Rows of a feature store in memory at once: 38 MB of one camera's 4 x 4 vectors of width 1152."""


class Rows(Protocol):
    """An array (r, c, k, d), of which only the rows that are asked for need be in memory."""

    @property
    def shape(self) -> tuple[int, ...]:
        """(r, c, k, d)."""
        ...

    def __getitem__(self, rows: np.ndarray, /) -> np.ndarray: ...


@dataclass(frozen=True)
class StoredFrames:
    """Frames with their features in a store, whose rows `rows` (n,) are theirs, in their order.

    `features` (r, c, k, d) float16, `present` (r, c) bool, `sequence` (n,) str. Candidates must be frames that have
    a picture and a caption: what is not to be shown is left out of `rows`.
    """

    features: Rows
    present: np.ndarray
    rows: np.ndarray
    sequence: np.ndarray

    def __len__(self) -> int:
        return len(self.rows)

    def unit_vectors(self) -> Iterator[tuple[int, np.ndarray]]:
        """(first frame, (b, d) float32 unit vectors), b frames at a time: the mean of all that is stored of each.

        The zero vector where a frame has no picture at all.
        """
        for first in range(0, len(self), _ROWS_AT_ONCE):
            rows = self.rows[first : first + _ROWS_AT_ONCE]
            there = self.present[rows][:, :, None, None]
            total = np.where(there, self.features[rows], 0).sum(axis=(1, 2), dtype=np.float32)
            length = np.linalg.norm(total, axis=1, keepdims=True)
            yield first, total / np.where(length > 0, length, 1)


def check_count(demonstrations: int) -> None:
    """ValueError unless there are 0 to 32 demonstrations."""
    if not 0 <= demonstrations <= MOST_DEMONSTRATIONS:
        raise ValueError(f"{demonstrations} demonstrations: a prompt has 0 to {MOST_DEMONSTRATIONS} of them")


def random_demonstrations(queries: np.ndarray, candidates: np.ndarray, count: int, *, seed: int) -> np.ndarray:
    """(m, s) int64 places among the candidates, drawn without replacement for each query, in random order.

    `queries` (m,) and `candidates` (n,) are the sequences of each. A query's draw depends on the seed, on its place
    and on the candidates, not on the other queries. ValueError when a query has fewer than `count` candidates that
    are not of its own sequence.
    """
    order, first, after = _own_block(queries, candidates, count)
    chosen = np.empty((len(queries), count), dtype=np.int64)
    for query, (own, beyond) in enumerate(zip(first, after, strict=True)):
        rng = np.random.default_rng([seed, query])
        drawn = rng.choice(len(candidates) - (beyond - own), count, replace=False)
        chosen[query] = order[np.where(drawn < own, drawn, drawn + (beyond - own))]
    return chosen


def similar_demonstrations(queries: StoredFrames, candidates: StoredFrames, count: int) -> np.ndarray:
    """(m, s) int64 places of the candidates most like each query, the most similar last, next to the query.

    RICES (Yang et al., 2021, https://arxiv.org/abs/2109.05014) in the order of OpenFlamingo's eval/rices.py: by the
    cosine of the pictures' mean features. The store of the candidates is read once, in pieces. ValueError as for
    `random_demonstrations`, and when the two are not features of one encoder.
    """
    if queries.features.shape[1:] != candidates.features.shape[1:]:
        raise ValueError(
            f"features of {queries.features.shape[1:]} and {candidates.features.shape[1:]} (cameras, vectors, width) "
            "cannot be compared: take both from stores of one encoder, pooling and cameras"
        )
    _own_block(queries.sequence, candidates.sequence, count)
    best = np.full((len(queries), count), -np.inf, dtype=np.float32)
    chosen = np.full((len(queries), count), -1, dtype=np.int64)
    if not count:
        return chosen
    asked = list(queries.unit_vectors())
    for place, offered in candidates.unit_vectors():
        places = np.arange(place, place + len(offered))
        for first, vectors in asked:
            rows = slice(first, first + len(vectors))
            similarity = vectors @ offered.T
            similarity[queries.sequence[rows, None] == candidates.sequence[places]] = -np.inf
            similarity = np.concatenate([best[rows], similarity], axis=1)
            top = np.argpartition(-similarity, count - 1, axis=1)[:, :count]
            best[rows] = np.take_along_axis(similarity, top, axis=1)
            among = np.concatenate([chosen[rows], np.broadcast_to(places, (len(vectors), len(places)))], axis=1)
            chosen[rows] = np.take_along_axis(among, top, axis=1)
    return np.take_along_axis(chosen, np.argsort(best, axis=1, kind="stable"), axis=1)


def _own_block(queries: np.ndarray, candidates: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(n,) the candidates sorted by sequence, and where in it each query's own begins (m,) and has ended (m,).

    ValueError, naming the query that has fewest, when fewer than `count` are left without them.
    """
    check_count(count)
    order = np.argsort(candidates, kind="stable")
    first = np.searchsorted(candidates, queries, side="left", sorter=order)
    after = np.searchsorted(candidates, queries, side="right", sorter=order)
    left = len(candidates) - (after - first)
    if (left < count).any():
        query = int(np.argmin(left))
        raise ValueError(
            f"query {query} of sequence {str(queries[query])!r}: only {left[query]} of {len(candidates)} candidates "
            f"are of another sequence, and {count} demonstrations are asked for; ask for fewer, or give more data"
        )
    return order, first, after
