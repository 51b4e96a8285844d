"""Objects and the sides on which they are, as words such as `car Left-Center, trees Right`, and read again."""

from collections.abc import Sequence
from itertools import compress

import numpy as np

from roadcue.prompts.annotation import NOT_PRESENT, OBJECT_KINDS, SIDES


def in_words(present: np.ndarray, sides: np.ndarray) -> np.ndarray:
    """Which kinds are `present` (n, 9) bool, and their `sides` (n, 9, 3) bool -> (n,) words.

    A kind that is there and on no side, as texts may have it, is named without one.
    """
    return np.array(
        [
            ", ".join(
                " ".join(filter(None, (kind, "-".join(compress(SIDES, places)))))
                for kind, there, places in zip(OBJECT_KINDS, kinds, row, strict=True)
                if there
            )
            or NOT_PRESENT
            for kinds, row in zip(present.tolist(), sides.tolist(), strict=True)
        ],
        str,
    )


def from_words(words: Sequence[str], kinds: Sequence[str] = OBJECT_KINDS) -> tuple[np.ndarray, np.ndarray]:
    """What `in_words` has made: which of k `kinds` are there (n, k) and their sides (n, k, 3), bool.

    Other kinds are not read; an empty text names nothing.
    """
    present = np.zeros((len(words), len(kinds)), bool)
    sides = np.zeros((*present.shape, len(SIDES)), bool)
    for row, text in enumerate(words):
        for kind, _, places in (each.partition(" ") for each in text.split(", ")):
            if kind in kinds:
                place = kinds.index(kind)
                present[row, place] = True
                sides[row, place] = [side in places.split("-") for side in SIDES]
    return present, sides
