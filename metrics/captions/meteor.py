"""METEOR 1.5 (Denkowski and Lavie 2014) for English, as pycocoevalcap 1.2 calls it, without Java."""

from collections.abc import Sequence
from functools import lru_cache
from importlib import import_module

import numpy as np

from roadcue.metrics.captions.meteor_alignment import Match, align
from roadcue.metrics.captions.meteor_tables import MeteorTables
from roadcue.metrics.captions.meteor_words import meteor_words

_ALPHA, _BETA, _GAMMA, _DELTA = 0.85, 0.2, 0.6, 0.75
"""METEOR's parameters for English: weight of precision, form and weight of the penalty, weight of content words."""
_WEIGHTS = np.array([1.0, 0.6, 0.8, 0.6])
"""Of a word matched by itself, by its stem, as a synonym, in a paraphrase."""
LONGEST_TEXT = 256
"""Words of a text that are aligned, many times those of a caption: the search takes a time that grows with their
product."""
LENGTH, CONTENT, FUNCTION = 0, slice(2, 6), slice(6, 10)
"""Of a side's ten statistics: words and function words; content and function words matched, by matcher."""


class Meteor:
    """METEOR with given tables, such as `read_meteor_tables`; needs snowballstemmer."""

    def __init__(self, tables: MeteorTables) -> None:
        self.tables = tables
        snowball = import_module("snowballstemmer")  # here, as it is an extra
        self.stem = lru_cache(maxsize=1 << 16)(snowball.stemmer("english").stemWord)

    def statistics(self, said: Sequence[Sequence[str]], wanted: Sequence[Sequence[Sequence[str]]]) -> np.ndarray:
        """What METEOR sums over n captions, (n, 21): ten numbers of the caption, ten of its reference, and chunks.

        Words are those of `ptb_words`, of which the first `LONGEST_TEXT` count; of several references the one with
        the highest score does.
        """
        return np.array([self._of_one(words, each) for words, each in zip(said, wanted, strict=True)])

    def _of_one(self, said: Sequence[str], references: Sequence[Sequence[str]]) -> np.ndarray:
        prefixes, function = self.tables.prefixes, self.tables.function_words
        words = meteor_words(said, prefixes)[:LONGEST_TEXT]
        each = []
        for reference in references:
            wanted = meteor_words(reference, prefixes)[:LONGEST_TEXT]
            matches = align(words, wanted, self.tables, self.stem)
            in_said = [(match.said, match.said_length, match.matcher) for match in matches]
            in_wanted = [(match.start, match.length, match.matcher) for match in matches]
            sides = [_side(words, in_said, function), _side(wanted, in_wanted, function)]
            each.append(np.concatenate([*sides, [_chunks(matches)]]))
        return max(each, key=lambda counts: float(meteor(counts)))


def meteor(sums: np.ndarray) -> np.ndarray:
    """METEOR, (...), of the sums (..., 21) of a corpus: the score of summed statistics, not a mean of scores."""
    sums = np.asarray(sums, np.float64)
    said, wanted, chunks = sums[..., :10], sums[..., 10:20], sums[..., 20]
    precision, recall = _weighted_share(said), _weighted_share(wanted)
    matched = [side[..., CONTENT].sum(-1) + side[..., FUNCTION].sum(-1) for side in (said, wanted)]
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = 1 / ((1 - _ALPHA) / precision + _ALPHA / recall)
        penalty = _GAMMA * (2 * chunks / (matched[0] + matched[1])) ** _BETA
    whole = (matched[0] == said[..., LENGTH]) & (matched[1] == wanted[..., LENGTH]) & (chunks == 1)
    return np.nan_to_num(mean * (1 - np.where(whole, 0, penalty)))


def _weighted_share(side: np.ndarray) -> np.ndarray:
    """Words matched of all words, content words above function words, matches of other words below the same ones."""
    content, function = side[..., 0] - side[..., 1], side[..., 1]
    matched = side[..., CONTENT] * _DELTA + side[..., FUNCTION] * (1 - _DELTA)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(matched @ _WEIGHTS / (content * _DELTA + function * (1 - _DELTA)))


def _side(
    words: Sequence[str], matched: Sequence[tuple[int, int, int]], function_words: frozenset[str]
) -> np.ndarray:
    """The ten statistics of a caption or of a reference; `matched`: first word, number of words, matcher."""
    is_function = np.array([word in function_words for word in words], bool)
    counts = np.zeros((2, len(_WEIGHTS)))
    for first, number, matcher in matched:
        for word in range(first, first + number):
            counts[int(is_function[word]), matcher] += 1
    return np.array([len(words), is_function.sum(), *counts[0], *counts[1]], np.float64)


def _chunks(matches: Sequence[Match]) -> int:
    """Runs of words that are next to each other in both texts."""
    ends = [(match.start + match.length, match.said + match.said_length) for match in matches]
    return sum((match.start, match.said) != end for match, end in zip(matches, [(-1, -1), *ends], strict=False))
