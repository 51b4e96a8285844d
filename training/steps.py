"""The order of batches: of a training from the first optimizer step to the last, and of every row once."""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Generic, Protocol, TypeVar

import numpy as np

Batch = TypeVar("Batch", covariant=True)
Plan = TypeVar("Plan")
_ALIKE = 16
"""Batches that are sorted by length together: enough to be of like length, few enough to be of mixed content."""


class Rows(Protocol[Batch]):
    """Anything that gives batches of its rows by their positions."""

    def __len__(self) -> int: ...

    def batch(self, positions: np.ndarray) -> Batch:
        """The rows at (b,) positions."""
        ...


@dataclass(frozen=True)
class InOrder(Generic[Batch]):
    """Every row of a split once, in order, `size` at a time, as often as they are asked for.

    `ahead`: batches made in threads.
    """

    split: Rows[Batch]
    size: int
    ahead: int = 0

    def __len__(self) -> int:
        return -(-len(self.split) // self.size)

    def __iter__(self) -> Iterator[Batch]:
        firsts = range(0, len(self.split), self.size)
        positions = (np.arange(first, min(first + self.size, len(self.split))) for first in firsts)
        yield from made_ahead(self.split.batch, positions, self.ahead)


def made_ahead(make: Callable[[Plan], Batch], plans: Iterator[Plan], ahead: int) -> Iterator[Batch]:
    """What `make` makes of each plan, in their order; so many of them in threads before they are asked for."""
    if not ahead:
        yield from map(make, plans)
        return
    with ThreadPoolExecutor(ahead) as pool:
        waiting = deque(pool.submit(make, plan) for plan in islice(plans, ahead))
        while waiting:
            batch = waiting.popleft().result()
            waiting.extend(pool.submit(make, plan) for plan in islice(plans, 1))
            yield batch


class TrainingSteps(Generic[Batch]):
    """A run's batches from the first optimizer step to the last: epoch after epoch, each in its own order.

    The order depends on (seed, epoch) alone and the position can be saved and set, so a resumed run sees the very
    batches that it would have seen.
    """

    def __init__(
        self,
        split: Rows[Batch],
        *,
        batch_size: int,
        epochs: int,
        seed: int,
        ahead: int = 0,
        lengths: Callable[[int], np.ndarray] | None = None,
        of_epoch: Callable[[int, np.ndarray], Batch] | None = None,
    ) -> None:
        """`batch_size` rows per step; one batch of an epoch may be smaller. `ahead`: batches made in threads.

        `lengths`: epoch -> (n,) how long the rows are in it. The rows of a batch are then of like length, and batches
        of short and of long rows come in random order; every row still comes once.
        `of_epoch`: epoch, (b,) positions -> batch, of rows that are other ones in every epoch.
        """
        self.make: Callable[[int, np.ndarray], Batch] = of_epoch or (lambda _, positions: split.batch(positions))
        """Epoch, (b,) positions -> batch; several ranks put in its place what makes their share of it."""
        self.lengths, self.split = lengths, split
        self.batch_size, self.seed, self.ahead = min(batch_size, len(split)), seed, ahead
        self.per_epoch = -(-len(split) // self.batch_size)
        self._steps, self._step = self.per_epoch * epochs, 0

    def __len__(self) -> int:
        return self._steps

    def __iter__(self) -> Iterator[Batch]:
        for batch in made_ahead(lambda plan: self.make(*plan), self._rows(), self.ahead):
            self._step += 1
            yield batch

    def _rows(self) -> Iterator[tuple[int, np.ndarray]]:
        """The epoch and (b,) positions of each batch, from the present step on."""
        batches, epoch = list[np.ndarray](), -1
        for step in range(self._step, self._steps):
            if step // self.per_epoch != epoch:
                epoch = step // self.per_epoch
                batches = self._batches(epoch)
            # Ascending rows: neighbours on the disk are read together, and a sum does not care.
            yield epoch, np.sort(batches[step % self.per_epoch])

    def _batches(self, epoch: int) -> list[np.ndarray]:
        """(b,) positions of each batch of an epoch."""
        rng = np.random.default_rng([self.seed, epoch])
        order = rng.permutation(len(self.split))
        if self.lengths is not None:
            length, together = self.lengths(epoch), self.batch_size * _ALIKE
            pieces = [order[first : first + together] for first in range(0, len(order), together)]
            order = np.concatenate([piece[np.argsort(length[piece], kind="stable")] for piece in pieces])
        batches = np.split(order, range(self.batch_size, len(order), self.batch_size))
        return batches if self.lengths is None else [batches[i] for i in rng.permutation(len(batches))]

    def state_dict(self) -> dict[str, int]:
        """The position: steps already given out."""
        return {"step": self._step}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Go on from a saved position."""
        self._step = state["step"]
