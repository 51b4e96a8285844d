"""A program of the tests on two ranks, as torchrun would start it."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import torch

from roadcue.heads.multi_head import DETECTOR

TESTS = Path(__file__).parent
ONLY_ROUNDING = "k_proj.bias"
"""Softmax does not see it: its gradient is what rounding has left, and AdamW makes steps of that."""


def on_two_ranks(program: Path, folder: Path) -> list[str]:
    """`program FOLDER` as two processes that meet with gloo; what each of them said."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        meeting = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(probe.getsockname()[1])}
    paths = os.pathsep.join([str(TESTS.parent), str(TESTS), os.environ.get("PYTHONPATH", "")])
    given = {**os.environ, **meeting, "TORCHELASTIC_RUN_ID": "test", "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2"}
    started = [
        subprocess.Popen(
            [sys.executable, program, folder],
            env={**given, "PYTHONPATH": paths, "RANK": str(rank), "LOCAL_RANK": str(rank), "GROUP_RANK": "0"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for rank in range(2)
    ]
    said = [process.communicate(timeout=550)[0] for process in started]
    assert [process.returncode for process in started] == [0, 0], "\n".join(said)
    return said


def assert_alike(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor], *, detector: bool) -> None:
    """Weights by name: equal to 1e-5.

    Without the detector where its encoder has learnt: it is fitted to features, and turns with their rounding.
    """
    assert one.keys() == other.keys() != set()
    for name, tensor in one.items():
        if not name.endswith(ONLY_ROUNDING) and (detector or f"/{DETECTOR}/" not in name):
            torch.testing.assert_close(other[name], tensor, rtol=1e-5, atol=1e-5, equal_nan=True, msg=name)
