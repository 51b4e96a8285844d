"""CIDEr-D (Vedantam et al. 2015), as pycocoevalcap 1.2 computes it and calls it CIDEr."""

from collections.abc import Sequence

import numpy as np

from roadcue.metrics.captions.ngrams import CaptionPairs, NGrams

_SIGMA = 6.0
"""Of the Gaussian by which another length costs."""
_SCALE = 10.0


def cider(pairs: CaptionPairs, ngrams: Sequence[tuple[NGrams, NGrams]]) -> np.ndarray:
    """CIDEr-D of each of n captions, (n,); that of the corpus is their mean.

    An n-gram weighs by in how many pictures' references of *this corpus* it occurs: of other rows, or of the same
    rows twice, every figure is another one, and of a single picture it is 0.
    """
    n = len(pairs.said)
    similarity = np.mean([_similarity(*one, pairs.picture, n) for one in ngrams], axis=0)
    # The original counts pairs of words for the length, so that an empty caption is as long as one of one word.
    said, wanted = (np.array([max(len(words) - 1, 0) for words in texts]) for texts in (pairs.said, pairs.wanted))
    similarity *= np.exp(-((said[pairs.picture] - wanted) ** 2) / (2 * _SIGMA**2))
    return _SCALE * np.bincount(pairs.picture, similarity, minlength=n) / np.bincount(pairs.picture, minlength=n)


def _similarity(said: NGrams, wanted: NGrams, picture: np.ndarray, n: int) -> np.ndarray:
    """The cosine of each reference and its caption, (r,), by n-grams of one length, clipped at the reference's."""
    kinds = max(wanted.kinds, 1)
    in_pictures = np.unique(picture[wanted.text] * kinds + wanted.gram) % kinds
    rarity = np.log(n) - np.log(np.maximum(np.bincount(in_pictures, minlength=kinds), 1))
    of_said, of_wanted = said.count * rarity[said.gram], wanted.count * rarity[wanted.gram]
    common = said.count_at(picture[wanted.text], wanted.gram) * rarity[wanted.gram]
    references = len(picture)
    dot = np.bincount(wanted.text, np.minimum(common, of_wanted) * of_wanted, minlength=references)
    norm = np.sqrt(np.bincount(wanted.text, of_wanted**2, minlength=references))
    norm *= np.sqrt(np.bincount(said.text, of_said**2, minlength=n))[picture]
    return np.divide(dot, norm, out=np.zeros(references), where=norm > 0)
