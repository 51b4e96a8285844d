"""Captions beside their references as arrays: which run of one to four words stands in which text, and how often."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np

LONGEST = 4
"""Words of the longest n-gram that BLEU and CIDEr count."""


@dataclass(frozen=True)
class NGrams:
    """The n-grams of one length that t texts hold, a row for each text and n-gram that it holds, in this order.

    `text`, `gram` and `count` are (m,) int64; `gram` is a number below `kinds`, the same for the same words.
    """

    text: np.ndarray
    gram: np.ndarray
    count: np.ndarray
    kinds: int

    def of(self, texts: slice) -> "NGrams":
        """Those of some texts in a row, which are then counted from 0."""
        first, last = np.searchsorted(self.text, [texts.start, texts.stop])
        return NGrams(self.text[first:last] - texts.start, self.gram[first:last], self.count[first:last], self.kinds)

    def count_at(self, text: np.ndarray, gram: np.ndarray) -> np.ndarray:
        """How often each of (k,) texts holds each of (k,) n-grams: (k,), 0 where it does not."""
        keys, wanted = self.text * self.kinds + self.gram, text * self.kinds + gram
        place = np.searchsorted(keys, wanted)
        count = np.zeros(len(wanted), np.int64)
        found = place < len(keys)
        found[found] = keys[place[found]] == wanted[found]
        count[found] = self.count[place[found]]
        return count


@dataclass(frozen=True)
class CaptionPairs:
    """The words of n captions, `said`, and of their r >= n references, `wanted`; `picture` (r,) is the row of the
    caption that a reference belongs to, in ascending order. Each caption has a reference.
    """

    said: Sequence[Sequence[str]]
    wanted: Sequence[Sequence[str]]
    picture: np.ndarray

    @classmethod
    def of(cls, said: Sequence[Sequence[str]], wanted: Sequence[Sequence[Sequence[str]]]) -> "CaptionPairs":
        """From the words of each caption, and those of each of its references; ValueError where one has none."""
        each = [len(references) for references in wanted]
        if len(said) != len(wanted) or not each or min(each) == 0:
            raise ValueError(f"captions need one reference or more each, got {len(said)} captions and {each}")
        return cls(said, [*chain.from_iterable(wanted)], np.repeat(np.arange(len(said)), each))

    def ngrams(self) -> list[tuple[NGrams, NGrams]]:
        """For n = 1 to 4 the n-grams of the captions, (n,) texts, and of the references, (r,) texts."""
        split = len(self.said)
        counted = count_ngrams([*self.said, *self.wanted])
        return [(one.of(slice(0, split)), one.of(slice(split, split + len(self.wanted)))) for one in counted]


def count_ngrams(texts: Sequence[Sequence[str]]) -> list[NGrams]:
    """The n-grams of n = 1 to 4 of all texts."""
    number: dict[str, int] = {}
    word = np.array([number.setdefault(word, len(number)) for word in chain.from_iterable(texts)], np.int64)
    lengths = np.array([len(text) for text in texts], np.int64)
    text = np.repeat(np.arange(len(texts)), lengths)
    to_end = np.repeat(lengths.cumsum(), lengths) - np.arange(len(word))
    """Of each word how many there are from it to the end of its text."""
    start, gram, kinds = np.arange(len(word)), word, len(number)
    counted = []
    for n in range(1, LONGEST + 1):
        if n > 1:  # the n-gram without its last word is known by a number already
            fits = to_end[start] >= n
            start, gram = start[fits], gram[fits]
            known, gram = np.unique(gram * len(number) + word[start + n - 1], return_inverse=True)
            kinds = len(known)
        rows, count = np.unique(text[start] * kinds + gram, return_counts=True)
        counted.append(NGrams(rows // max(kinds, 1), rows % max(kinds, 1), count, kinds))
    return counted
