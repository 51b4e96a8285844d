"""An encoder whose tower torch.compile has made into code of its own: faster, and slow to begin.

Its features are those of the tower as it is, but for rounding: sums come in another order.
"""

import time
from collections.abc import Callable
from threading import Lock

import torch
from torch import Tensor

from roadcue.errors import BadEncoder
from roadcue.models.encoder import Encoder
from roadcue.sentences import show

COMPILED = "compiled"
"""The part of a compiled encoder's fingerprint: its features are not those of others to the last bit."""


def compiled(encoder: Encoder) -> Encoder:
    """The same encoder, which compiles itself when it is first called, and says how long that took.

    BadEncoder without an encoder; and at the first call where this machine cannot compile.
    """
    if not encoder.width:
        raise BadEncoder("--compile: without an encoder there is nothing to compile; leave it out")
    encoder.encode = _Compiled(encoder.encode)  # type: ignore[method-assign]
    encoder.fingerprint = {**encoder.fingerprint, COMPILED: "torch.compile"}
    encoder.description = f"{encoder.description}, compiled"
    return encoder


class _Compiled:
    """`encode` for batches of one size, since each size would be compiled anew: smaller ones are filled up."""

    def __init__(self, encode: Callable[[Tensor], Tensor]) -> None:
        self._encode, self._compiled = encode, torch.compile(encode, dynamic=False)
        self._size, self._first = 0, Lock()

    def __call__(self, pixels: Tensor) -> Tensor:
        """As `Encoder.encode`."""
        count = len(pixels)
        with self._first:  # threads wait for the one that compiles
            if count > self._size:
                self._start(pixels)
            size = self._size
        rest = pixels.new_zeros(size - count, *pixels.shape[1:])
        return self._compiled(torch.cat([pixels, rest]))[:count] if len(rest) else self._compiled(pixels)

    def _start(self, pixels: Tensor) -> None:
        show(f"compiling the encoder for {len(pixels)} pictures at once (--compile)", error=True)
        began = time.monotonic()
        try:
            self._compiled(pixels)
        except Exception as error:  # the compilers that it calls raise what they like
            self._encode(pixels)  # what the pictures are to blame for is said as without it
            reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            raise BadEncoder(
                f"--compile: torch.compile does not work here ({type(error).__name__}: {reason}); it needs a C++ "
                "compiler for a CPU, and Triton for a GPU. Install it, or leave --compile out"
            ) from error
        self._size = len(pixels)
        show(f"compiled in {time.monotonic() - began:.0f} s, at each start", error=True)
