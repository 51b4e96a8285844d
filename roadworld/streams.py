"""One random stream for each thing of a sequence: to take one away, or to draw more of it, changes no other thing."""

import hashlib
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Streams:
    """The random streams of a sequence, or of a part of one, such as its first attempt or one of its streets.

    `key` decides all of them: the world's seed, the sequence's number, and which part. Names and numbers say of which
    thing a stream is, so that it does not depend on what was drawn before it.
    """

    key: tuple[int | str, ...]

    def of(self, *thing: int | str) -> np.random.Generator:
        """The stream of one thing, from its beginning."""
        digest = hashlib.sha256(repr(self.key + thing).encode()).digest()
        return np.random.default_rng(np.frombuffer(digest, "<u4"))

    def within(self, *part: int | str) -> "Streams":
        """The streams of a part."""
        return Streams(self.key + part)
