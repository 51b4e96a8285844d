"""k-means of rows that come in batches: on a sample of bounded size, the same for the same rows."""

from collections.abc import Iterable

import torch
from torch import Tensor

ROWS_PER_CENTRE = 32
"""Rows that are kept for each centre: memory does not grow with the data."""
_ROUNDS, _ROWS_AT_ONCE, _SEED = 20, 4096, 0


def kmeans(batches: Iterable[Tensor], centres: int) -> Tensor | None:
    """(centres, d) float32, of batches (b, d); None when there is no row. Fewer rows than centres repeat some.

    Lloyd's algorithm (1982) from the seeding of k-means++ (Arthur and Vassilvitskii 2007), at most 20 rounds, on a
    random sample of 32 rows a centre.
    """
    random = torch.Generator().manual_seed(_SEED)
    rows = _sample(batches, ROWS_PER_CENTRE * centres, random)
    if not len(rows):
        return None
    found, before = _seeding(rows, centres, random), None
    for _ in range(_ROUNDS):
        nearest = torch.cat([torch.cdist(part, found).argmin(dim=1) for part in rows.split(_ROWS_AT_ONCE)])
        if before is not None and torch.equal(nearest, before):
            break
        count = torch.bincount(nearest, minlength=centres)[:, None]
        total = torch.zeros_like(found).index_add_(0, nearest, rows)
        found = torch.where(count > 0, total / count.clamp(min=1), found)
        before = nearest
    return found


def _sample(batches: Iterable[Tensor], most: int, random: torch.Generator) -> Tensor:
    """At most so many rows, each as likely as any other: those that drew the smallest numbers (a reservoir)."""
    kept, drawn = torch.empty(0), torch.empty(0)
    for batch in batches:
        rows = batch.detach().float().cpu()
        drawn = torch.cat([drawn, torch.rand(len(rows), generator=random)])
        kept = torch.cat([kept, rows]) if len(kept) else rows
        if len(kept) > most:
            smallest = drawn.topk(most, largest=False).indices
            kept, drawn = kept[smallest], drawn[smallest]
    return kept


def _seeding(rows: Tensor, centres: int, random: torch.Generator) -> Tensor:
    """Rows drawn one by one, each in proportion to its squared distance from the nearest that was drawn before."""
    chosen = torch.randint(len(rows), (1,), generator=random)
    distance, found = torch.full((len(rows),), torch.inf), [rows[chosen]]
    for _ in range(centres - 1):
        distance = torch.minimum(distance, (rows - found[-1]).square().sum(dim=1))
        chosen = torch.multinomial(distance.clamp(min=1e-12), 1, generator=random)
        found.append(rows[chosen])
    return torch.cat(found)
