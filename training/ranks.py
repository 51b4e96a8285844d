"""Several processes that train one model: which of them this is, which rows are its own, what all of them predict.

A run is the same on any number of ranks. They share the rows of an optimizer step, and each has the predictions of
the whole step when it computes the loss, which may so be a mean over whatever is labelled. A validation batch is
whole, and the ranks take them in turns.
"""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor

from roadcue.errors import BadInput
from roadcue.training.steps import Batch, InOrder, made_ahead

Tree = TypeVar("Tree")
_PATIENCE = timedelta(days=2)
"""How long a rank waits for another, which may be encoding a whole data set; who has died is not waited for."""
_PORTS = range(20_000, 30_000)
_TORCHRUN = "TORCHELASTIC_RUN_ID"
"""A variable that torchrun sets, and nobody else."""


def together(command: Callable[[Any, str], None], config: Any, text: str, device: str) -> None:
    """`command(config, text)` on every rank, of which the first is heard.

    Where neither srun nor torchrun has started this process and `config.devices` are several, it becomes torchrun.
    BadInput where what was asked for does not fit, before anything is read.
    """
    ranks = Ranks.of_environment()
    if ranks.count == 1 and (config.devices or 1) > 1 and (config.nodes or 1) == 1:
        sys.stdout.flush()
        started = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={config.devices}"]
        os.execv(sys.executable, [sys.executable, *started, *sys.argv])
    ranks.check(config.devices, config.nodes, device)
    ranks.join(device)
    with ranks.speaking(), losing_nobody():
        command(config, text)
        ranks.meet()  # what the first still writes takes its time, and srun ends a step soon after its first rank


@contextmanager
def losing_nobody() -> Iterator[None]:
    """BadInput, in one sentence, when another rank has ended while this one was to talk to it."""
    try:
        yield
    except RuntimeError as error:  # gloo's is nothing more special
        if not isinstance(error, dist.DistError) and "gloo/transport" not in str(error):
            raise
        raise BadInput(
            "another process of this run has ended, so this one ends too; what that one said is above or below, and "
            "the same command with --resume auto goes on from the last checkpoint"
        ) from error


@dataclass(frozen=True)
class Ranks:
    """This process is rank `rank` of `count`, the `local`-th of its node, of which there are `nodes`."""

    rank: int = 0
    count: int = 1
    local: int = 0
    nodes: int = 1

    @classmethod
    def of_environment(cls) -> "Ranks":
        """As torchrun or srun say; where neither has started this process it is alone."""
        given = os.environ
        if _TORCHRUN in given:
            count, each = int(given["WORLD_SIZE"]), int(given["LOCAL_WORLD_SIZE"])
            return cls(int(given["RANK"]), count, int(given["LOCAL_RANK"]), count // each)
        if int(given.get("SLURM_STEP_NUM_TASKS", "1")) > 1:  # of the step and not of the job: srun has started it
            count, nodes = int(given["SLURM_STEP_NUM_TASKS"]), int(given["SLURM_STEP_NUM_NODES"])
            return cls(int(given["SLURM_PROCID"]), count, int(given["SLURM_LOCALID"]), nodes)
        return cls()

    @property
    def first(self) -> bool:
        """Whether this is the rank that writes and speaks."""
        return self.rank == 0

    def check(self, devices: int | None, nodes: int | None, device: str) -> None:
        """BadInput, with the numbers, where the options or this node do not fit the processes that there are."""
        each = self.count // self.nodes
        if self.count % self.nodes:
            raise BadInput(
                f"{self.count} processes do not spread evenly over {self.nodes} nodes; start as many on each"
            )
        asked = (devices or each, nodes or self.nodes)
        if asked != (each, self.nodes):
            raise BadInput(
                f"--devices {asked[0]} on --nodes {asked[1]} make {asked[0] * asked[1]} processes, and there are "
                f"{self.count}, {each} on each of {self.nodes} nodes; leave both options out, or start as many "
                "with srun or torchrun"
            )
        if self.count == 1 or device == "cpu":
            return
        if device != "cuda":
            raise BadInput(f"--device {device}: {self.count} processes take a GPU each; name none")
        if each > (gpus := torch.cuda.device_count()):
            raise BadInput(
                f"{each} processes on a node in which each sees {gpus} GPUs: every process takes one of all; start "
                f"{gpus}, ask for GPUs by node and not by task, or set --device cpu"
            )

    def join(self, device: str) -> None:
        """Meet the other ranks, once; with gloo on CPUs, with NCCL on GPUs."""
        if self.count == 1 or dist.is_initialized():
            return
        if _TORCHRUN not in os.environ:
            # Of this srun alone: another job, or the last start of this one, may still hold the port that was its.
            step = int(os.environ["SLURM_SRUN_COMM_PORT"])
            os.environ.setdefault("MASTER_ADDR", os.environ["SLURM_LAUNCH_NODE_IPADDR"])
            os.environ.setdefault("MASTER_PORT", str(_PORTS[step % len(_PORTS)]))
            names = {"RANK": self.rank, "LOCAL_RANK": self.local, "WORLD_SIZE": self.count}
            os.environ.update({name: str(number) for name, number in names.items()})
            os.environ["GROUP_RANK"] = os.environ["SLURM_NODEID"]
        if device != "cpu":
            torch.cuda.set_device(self.local)
        dist.init_process_group("gloo" if device == "cpu" else "nccl", timeout=_PATIENCE)

    def agree(self, value: Tree) -> Tree:
        """What the first rank has for it."""
        if self.count == 1:
            return value
        values = [value]
        dist.broadcast_object_list(values, src=0)
        return values[0]

    def each(self, value: Tree) -> list[Tree]:
        """What every rank has for it, rank by rank."""
        if self.count == 1:
            return [value]
        values: list[Any] = [None] * self.count
        dist.all_gather_object(values, value)
        return values

    def meet(self) -> None:
        """Wait for all."""
        if self.count > 1:
            dist.barrier()

    @contextmanager
    def first_goes_ahead(self) -> Iterator[None]:
        """The others do it when the first rank has done it, and find what it has left on the disk."""
        if not self.first:
            self.meet()
        yield
        if self.first:
            self.meet()

    @contextmanager
    def speaking(self) -> Iterator[None]:
        """Only the first rank is heard; all may still complain."""
        if self.first:
            yield
            return
        with open(os.devnull, "w", encoding="utf-8") as nowhere, redirect_stdout(nowhere):
            yield
        sys.stdout.flush()


class Share(NamedTuple):
    """A rank's rows: the first `rows[rank]` of its `batch`, in which there is one at least."""

    batch: Any
    rows: tuple[int, ...]


def shared(make: Callable[[int, np.ndarray], Any], ranks: Ranks) -> Callable[[int, np.ndarray], Share]:
    """What `make` makes of an epoch and (b,) positions, of this rank's even share of them, in their order.

    Where they are too few for all ranks others stand in and do not count.
    """

    def share(epoch: int, positions: np.ndarray) -> Share:
        each = -(-len(positions) // ranks.count)
        shares = [positions[first : first + each] for first in range(0, ranks.count * each, each)]
        mine = shares[ranks.rank]
        padded = np.append(mine, positions[: each - len(mine)])
        return Share(make(epoch, padded), tuple(map(len, shares)))

    return share


@dataclass(frozen=True)
class InTurns(Generic[Batch]):
    """The batches of `whole`, of which each rank has one at a time; where one is left without, it has no rows."""

    whole: InOrder[Batch]
    ranks: Ranks

    def __len__(self) -> int:
        return -(-len(self.whole) // self.ranks.count)

    def __iter__(self) -> Iterator[Share]:
        turns = iter(range(0, len(self.whole.split), self.whole.size * self.ranks.count))
        yield from made_ahead(self._turn, turns, self.whole.ahead)

    def _turn(self, first: int) -> Share:
        """The batches from row `first` on, one for each rank."""
        rows, size = len(self.whole.split), self.whole.size
        firsts = [first + rank * size for rank in range(self.ranks.count)]
        sizes = tuple(max(0, min(size, rows - start)) for start in firsts)
        start = firsts[self.ranks.rank] if sizes[self.ranks.rank] else first
        return Share(self.whole.split.batch(np.arange(start, min(start + size, rows))), sizes)


def of_all(tree: dict[str, Any], rows: Sequence[int], ranks: Ranks) -> list[dict[str, Any]]:
    """Each rank's `tree`, dictionaries of (b, ...) tensors, cut to its `rows`.

    Gradients flow through this rank's own alone: those that all ranks find have to be added up.
    """
    parts: list[dict[str, Any]] = [{} for _ in rows]
    for name, value in tree.items():
        for part, of_rank in zip(parts, _of_all(value, rows, ranks), strict=True):
            part[name] = of_rank
    return parts


def _of_all(value: Any, rows: Sequence[int], ranks: Ranks) -> list[Any]:
    if isinstance(value, dict):
        return of_all(value, rows, ranks)
    most = max(rows)
    sent = value.detach()[:most]
    sent = torch.cat([sent, sent.new_zeros(most - len(sent), *sent.shape[1:])]).contiguous()
    as_bytes = sent.to(torch.uint8) if sent.dtype == torch.bool else sent  # which no backend sends as they are
    received = [torch.empty_like(as_bytes) for _ in rows]
    dist.all_gather(received, as_bytes)
    parts = [each[:count].to(sent.dtype) for each, count in zip(received, rows, strict=True)]
    parts[ranks.rank] = value[: rows[ranks.rank]]
    return parts


def joined(parts: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The same dictionaries one behind the other, row by row."""
    first = parts[0]
    return {
        name: joined([part[name] for part in parts])
        if isinstance(value, dict)
        else torch.cat([part[name] for part in parts])
        for name, value in first.items()
    }


def without_effect(tree: dict[str, Any]) -> Tensor:
    """0 with a graph through every prediction, for a rank of whose rows none counts."""
    values = [without_effect(value) if isinstance(value, dict) else value for value in tree.values()]
    total: Tensor = sum((value * 0).sum() for value in values if value.requires_grad)  # type: ignore[assignment]
    return torch.as_tensor(total)
