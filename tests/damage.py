"""Random damage to files, for the fuzz tests of everything that reads them."""

import resource
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import strategies as st


@pytest.fixture(scope="module", autouse=True)
def little_memory() -> Iterator[None]:
    """Whoever allocates what a damaged length claims gets a MemoryError, in every module that imports this."""
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    used = int(Path("/proc/self/statm").read_text().split()[5]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_DATA, (used + 512 * 2**20, hard))
    yield
    resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


@st.composite
def damaged(draw: st.DrawFn, whole: bytes) -> bytes:
    """`whole` with a few bits flipped, pieces cut out, moved or doubled, and its end cut off."""
    data = bytearray(whole)
    for kind in draw(st.lists(st.sampled_from(["flip", "byte", "cut", "splice", "end"]), min_size=1, max_size=4)):
        if not data:
            break
        at = draw(st.integers(0, len(data) - 1))
        if kind == "flip":
            data[at] ^= 1 << draw(st.integers(0, 7))
        elif kind == "byte":
            data[at] = draw(st.integers(0, 255))
        elif kind == "cut":
            del data[at : at + draw(st.integers(1, 400))]
        elif kind == "splice":
            piece = data[at : at + draw(st.integers(1, 3000))]
            to = draw(st.integers(0, len(data)))
            data[to:to] = piece
        else:
            del data[at:]
    return bytes(data)
