"""ROUGE-L (Lin 2004), as pycocoevalcap 1.2 computes it: how long a row of words both texts hold, gaps allowed."""

from collections.abc import Sequence

import numpy as np

from roadcue.metrics.captions.ngrams import CaptionPairs

_BETA = 1.2
"""How much more recall counts than precision."""


def rouge_l(pairs: CaptionPairs) -> np.ndarray:
    """ROUGE-L of each of n captions, (n,); that of the corpus is their mean.

    Precision and recall are each the best that a reference gives, which may be two references. An empty text is one
    empty word there, so that two empty ones agree.
    """
    said, wanted = ([words or [""] for words in texts] for texts in (pairs.said, pairs.wanted))
    precision, recall = np.zeros(len(said)), np.zeros(len(said))
    for reference, row in zip(wanted, pairs.picture.tolist(), strict=True):
        common = common_subsequence(reference, said[row])
        precision[row] = max(precision[row], common / len(said[row]))
        recall[row] = max(recall[row], common / len(reference))
    weighted = recall + _BETA**2 * precision
    return np.divide((1 + _BETA**2) * precision * recall, weighted, out=np.zeros(len(said)), where=weighted > 0)


def common_subsequence(one: Sequence[str], other: Sequence[str]) -> int:
    """Words of the longest common subsequence, by sets of bits in one integer (Hyyrö 2004)."""
    places: dict[str, int] = {}
    for place, word in enumerate(one):
        places[word] = places.get(word, 0) | 1 << place
    full = (1 << len(one)) - 1
    free = full
    for word in other:
        if taken := free & places.get(word, 0):
            free = (free + taken | free - taken) & full
    return len(one) - free.bit_count()
