"""k-means of rows that come in batches: on a sample of bounded size, with the same result for the same rows."""

from collections.abc import Iterable

import torch
from torch import Tensor

ROWS_PER_CENTRE = 32
"""Rows in the sample for each centre, so that memory does not grow with the data."""
_ROUNDS, _ROWS_AT_ONCE, _SEED = 20, 4096, 0
"""Lloyd's rounds, at most; rows whose distances are computed at once, to bound memory; of the random numbers."""


def kmeans(batches: Iterable[Tensor], centres: int) -> Tensor | None:
    """The means (centres, d) float32 of batches (b, d); None when there is no row.

    Lloyd's algorithm (1982) from the seeding of k-means++ (Arthur and Vassilvitskii 2007), at most 20 rounds, on a
    random sample of 32 rows per centre. With fewer rows than centres some means are equal.
    """
    random = torch.Generator().manual_seed(_SEED)
    rows = _sample(batches, ROWS_PER_CENTRE * centres, random)
    if not len(rows):
        return None
    means, before = _seeds(rows, centres, random), None
    for _ in range(_ROUNDS):
        nearest = torch.cat([torch.cdist(chunk, means).argmin(dim=1) for chunk in rows.split(_ROWS_AT_ONCE)])
        if before is not None and torch.equal(nearest, before):
            break
        count = torch.bincount(nearest, minlength=centres)[:, None]
        total = torch.zeros_like(means).index_add_(0, nearest, rows)
        means = torch.where(count > 0, total / count.clamp(min=1), means)
        before = nearest
    return means


def _sample(batches: Iterable[Tensor], most: int, random: torch.Generator) -> Tensor:
    """At most `most` rows of batches (b, d) -> (n, d) float32 on the CPU, each row as likely as any other.

    Reservoir sampling: every row draws a random number, and the rows with the smallest ones are kept (Vitter 1985).
    """
    kept, drawn = torch.empty(0), torch.empty(0)
    for batch in batches:
        rows = batch.detach().float().cpu()
        drawn = torch.cat([drawn, torch.rand(len(rows), generator=random)])
        kept = torch.cat([kept, rows]) if len(kept) else rows
        if len(kept) > most:
            smallest = drawn.topk(most, largest=False).indices
            kept, drawn = kept[smallest], drawn[smallest]
    return kept


def _seeds(rows: Tensor, centres: int, random: torch.Generator) -> Tensor:
    """(centres, d): rows (n, d) drawn with odds of the squared distance to the nearest seed before (k-means++)."""
    chosen = torch.randint(len(rows), (1,), generator=random)
    distance, seeds = torch.full((len(rows),), torch.inf), [rows[chosen]]
    for _ in range(centres - 1):
        distance = torch.minimum(distance, (rows - seeds[-1]).square().sum(dim=1))
        chosen = torch.multinomial(distance.clamp(min=1e-12), 1, generator=random)
        seeds.append(rows[chosen])
    return torch.cat(seeds)
