"""The order of batches: of a training from the first optimizer step to the last, and of every row once."""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Generic, Protocol, TypeVar

import numpy as np

Batch = TypeVar("Batch", covariant=True)


class Rows(Protocol[Batch]):
    """Anything that gives batches of its rows by their positions."""

    def __len__(self) -> int: ...

    def batch(self, positions: np.ndarray) -> Batch:
        """The rows at (b,) positions."""
        ...


@dataclass(frozen=True)
class InOrder(Generic[Batch]):
    """Every row of a split once, in order, `size` at a time, as often as they are asked for."""

    split: Rows[Batch]
    size: int

    def __len__(self) -> int:
        return -(-len(self.split) // self.size)

    def __iter__(self) -> Iterator[Batch]:
        for first in range(0, len(self.split), self.size):
            yield self.split.batch(np.arange(first, min(first + self.size, len(self.split))))


class TrainingSteps(Generic[Batch]):
    """A run's batches from the first optimizer step to the last: epoch after epoch, each in its own order.

    The order depends on (seed, epoch) alone and the position can be saved and set, so a resumed run sees the very
    batches that it would have seen.
    """

    def __init__(self, split: Rows[Batch], *, batch_size: int, epochs: int, seed: int, ahead: int = 0) -> None:
        """`batch_size` rows per step; the last batch of an epoch may be smaller. `ahead`: batches made in threads."""
        self.split, self.batch_size, self.seed, self.ahead = split, min(batch_size, len(split)), seed, ahead
        self.per_epoch = -(-len(split) // self.batch_size)
        self._steps, self._step = self.per_epoch * epochs, 0

    def __len__(self) -> int:
        return self._steps

    def __iter__(self) -> Iterator[Batch]:
        if not self.ahead:
            for rows in self._rows():
                self._step += 1
                yield self.split.batch(rows)
            return
        with ThreadPoolExecutor(self.ahead) as pool:
            plan, waiting = self._rows(), deque[Future[Batch]]()
            for rows in islice(plan, self.ahead):
                waiting.append(pool.submit(self.split.batch, rows))
            while waiting:
                batch = waiting.popleft().result()
                waiting.extend(pool.submit(self.split.batch, rows) for rows in islice(plan, 1))
                self._step += 1
                yield batch

    def _rows(self) -> Iterator[np.ndarray]:
        """(b,) positions of each batch, from the present step on."""
        order, epoch = np.empty(0, dtype=np.int64), -1
        for step in range(self._step, self._steps):
            if step // self.per_epoch != epoch:
                epoch = step // self.per_epoch
                order = np.random.default_rng([self.seed, epoch]).permutation(len(self.split))
            first = step % self.per_epoch * self.batch_size
            # Ascending rows: neighbours on the disk are read together, and a sum does not care.
            yield np.sort(order[first : first + self.batch_size])

    def state_dict(self) -> dict[str, int]:
        """The position: steps already given out."""
        return {"step": self._step}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Go on from a saved position."""
        self._step = state["step"]
