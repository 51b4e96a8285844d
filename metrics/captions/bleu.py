"""BLEU-1 to BLEU-4 of a corpus (Papineni et al. 2002), as pycocoevalcap 1.2 computes it."""

from collections.abc import Sequence

import numpy as np

from roadcue.metrics.captions.ngrams import LONGEST, CaptionPairs, NGrams

_TINY, _SMALL = 1e-15, 1e-9
"""Keep logarithms and quotients of nothing finite, as there; there is no other smoothing."""


def bleu_counts(pairs: CaptionPairs, ngrams: Sequence[tuple[NGrams, NGrams]]) -> np.ndarray:
    """What BLEU sums over n captions, (n, 10): matches and n-grams of one to four words, words said, words wanted.

    A match counts as often as the reference has it that has it most often; the words wanted are those of the
    reference of the nearest length, of two the shorter one.
    """
    n = len(pairs.said)
    said = np.array([len(words) for words in pairs.said], np.int64)
    matches = [_matches(*one, pairs.picture, n) for one in ngrams]
    guesses = [np.maximum(said - k, 0) for k in range(LONGEST)]
    wanted = np.array([len(words) for words in pairs.wanted], np.int64)
    order = np.lexsort((wanted, np.abs(wanted - said[pairs.picture]), pairs.picture))
    nearest = wanted[order[np.searchsorted(pairs.picture, np.arange(n))]]
    return np.stack([*matches, *guesses, said, nearest], axis=1)


def bleu(sums: np.ndarray) -> np.ndarray:
    """BLEU-1 to BLEU-4, (..., 4), of the sums (..., 10) of `bleu_counts` over the captions of a corpus."""
    matches, guesses, said, wanted = np.split(
        sums.astype(np.float64), [LONGEST, 2 * LONGEST, 2 * LONGEST + 1], axis=-1
    )
    precision = np.cumprod((matches + _TINY) / (guesses + _SMALL), axis=-1)
    ratio = (said + _TINY) / (wanted + _SMALL)
    brevity = np.exp(np.minimum(1 - 1 / ratio, 0))
    return np.asarray(precision ** (1 / np.arange(1, LONGEST + 1)) * brevity)


def _matches(said: NGrams, wanted: NGrams, picture: np.ndarray, n: int) -> np.ndarray:
    """Matches of each caption, (n,)."""
    keys = picture[wanted.text] * max(wanted.kinds, 1) + wanted.gram
    kept, place = np.unique(keys, return_inverse=True)
    most = np.zeros(len(kept), np.int64)
    np.maximum.at(most, place, wanted.count)
    best = NGrams(kept // max(wanted.kinds, 1), kept % max(wanted.kinds, 1), most, wanted.kinds)
    matched = np.minimum(said.count, best.count_at(said.text, said.gram))
    return np.bincount(said.text, matched, minlength=n)
