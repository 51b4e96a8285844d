"""Memory that runs out in a training: how much was wanted and held, and which options take less, with the sizes."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from roadcue.errors import BadInput
from roadcue.training.peak_memory import peak_bytes

_REFUSED = ("can't allocate memory", "not enough memory", "out of memory", "Unable to allocate", "failed to alloc")
"""What PyTorch's allocators (c10/core/impl/alloc_cpu.cpp, CUDACachingAllocator.cpp), its libraries for GPUs and NumPy
say when a piece of memory is refused."""
_WANTED = re.compile(r"allocate (\d+) bytes|allocate ([\d.]+) (KiB|MiB|GiB|TiB)")
_IN_GIB = {"KiB": 2**-20, "MiB": 2**-10, "GiB": 1.0, "TiB": 2**10}


@contextmanager
def memory_said(options: object, device: str) -> Iterator[None]:
    """BadInput for memory that runs out within: what was wanted and held, and which of the `options` to turn."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not _of_memory(error):
            raise
        turns = less_memory(options)
        raise BadInput(
            f"out of memory in the training on {device}: {_sizes(str(error), device)}. "
            f"{'Each of these takes less: ' + ', '.join(turns) if turns else 'Take a machine with more memory'}"
        ) from error


def less_memory(options: object) -> list[str]:
    """The options of a training that would take less memory than `options` do, what saves most first.

    Each with its present size. What a training has no option of, such as the miniatures' of LoRA, is left out.
    """
    rows, parts = getattr(options, "batch_size", None) or 1, getattr(options, "accumulate", 1)
    stage, captions = getattr(options, "stage", "heads"), getattr(options, "captions", False)
    turns = []
    if captions and stage != "lora":  # AdamW's moments of all that learns
        turns.append("--stage lora (an adapter in the place of all that learns now)")
    if captions and stage == "lora":  # of heads both are those of the run of --from
        if not options.quantize:  # type: ignore[attr-defined]
            turns.append("--quantize nf4 (now off)")
        if options.dtype == "fp32":  # type: ignore[attr-defined]
            turns.append("--dtype bf16 (now fp32)")
    if stage != "heads" or captions:
        at_once = -(-rows // parts)
        if at_once > 1:
            turns.append(f"--accumulate {2 * parts} (now {parts}: {at_once} rows at once)")
        if not getattr(options, "gradient_checkpointing", True):
            turns.append("--gradient_checkpointing (now off)")
    if getattr(options, "precision", None) == "fp32":
        turns.append("--precision bf16 (now fp32)")
    if stage == "lora" and (rank := options.lora.rank) > 1:  # type: ignore[attr-defined]
        turns.append(f"--lora.rank {rank // 2} (now {rank})")
    if rows > 1:
        turns.append(f"--batch_size {rows // 2} (now {rows})")
    return turns


def _of_memory(error: Exception) -> bool:
    """Whether it says that memory has run out, of a GPU or a CPU."""
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or any(word in str(error) for word in _REFUSED)


def _sizes(said: str, device: str) -> str:
    """How much was wanted, as far as the error says so, and the most that was held."""
    found = _WANTED.search(said)
    wanted = ""
    if found:
        gib = int(found[1]) / 2**30 if found[1] else float(found[2]) * _IN_GIB[found[3]]
        wanted = f"{gib:.2f} GiB more were wanted at once; "
    peak = peak_bytes(device)
    held = "" if peak is None else f"at most {peak / 2**30:.2f} GiB were held"
    if torch.device(device).type == "cuda":
        held += f" of its {torch.cuda.get_device_properties(device).total_memory / 2**30:.1f}"
    return wanted + held
