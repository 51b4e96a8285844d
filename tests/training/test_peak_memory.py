"""The most memory that was held since it was last asked to forget."""

import numpy as np
import pytest

from roadcue.training import peak_memory
from roadcue.training.peak_memory import peak_bytes, reset_peak

SIZE = 100 * 2**20


def test_the_peak_is_that_since_the_reset():
    reset_peak("cpu")
    before = peak_bytes("cpu")
    if before is None:
        pytest.skip("this system does not tell the peak of a process")
    held = np.ones(SIZE, np.uint8)
    high = peak_bytes("cpu")
    assert high - before == pytest.approx(SIZE, rel=0.1)
    del held
    assert peak_bytes("cpu") > high - 0.1 * SIZE, "it is the most, not what is held now"
    reset_peak("cpu")
    assert peak_bytes("cpu") < high - 0.8 * SIZE


def test_a_system_that_does_not_tell_gives_none(monkeypatch, tmp_path):
    monkeypatch.setattr(peak_memory, "_STATUS", tmp_path / "status")
    monkeypatch.setattr(peak_memory, "_CLEAR", tmp_path / "none" / "clear_refs")
    reset_peak("cpu")
    assert peak_bytes("cpu") is None
    (tmp_path / "status").write_text("Name:\tpython\n")
    assert peak_bytes("cpu") is None
