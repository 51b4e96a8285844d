"""The most memory that was held: of this process, or of the GPU that it computes on."""

import re
from pathlib import Path

import torch

_CLEAR, _STATUS = Path("/proc/self/clear_refs"), Path("/proc/self/status")
_RESET_PEAK = "5"
"""What sets a process's peak to what it holds now (proc(5))."""


def reset_peak(device: str) -> None:
    """Let the peak be what is held now."""
    if device != "cpu":
        torch.cuda.reset_peak_memory_stats(device)
        return
    try:
        _CLEAR.write_text(_RESET_PEAK, encoding="utf-8")
    except OSError:  # another system than Linux, or one that forbids it: the peak is then that since the start
        return


def peak_bytes(device: str) -> int | None:
    """The most that was held since; None where the system does not tell."""
    if device != "cpu":
        return int(torch.cuda.max_memory_allocated(device))
    try:
        found = re.search(r"VmHWM:\s+(\d+) kB", _STATUS.read_text(encoding="utf-8"))
    except OSError:
        return None
    return 1024 * int(found[1]) if found else None
