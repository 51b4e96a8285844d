"""A file of captions scored: figures of the corpus, each with its interval."""

from collections.abc import Sequence
from functools import partial

import numpy as np

from roadcue.metrics.bootstrap import DEFAULT_BOOTSTRAP, Bootstrap, Interval
from roadcue.metrics.captions.bleu import bleu, bleu_counts
from roadcue.metrics.captions.cider import cider
from roadcue.metrics.captions.meteor import Meteor, meteor
from roadcue.metrics.captions.ngrams import LONGEST, CaptionPairs
from roadcue.metrics.captions.ptb_tokenizer import ptb_words
from roadcue.metrics.captions.rouge_l import rouge_l
from roadcue.metrics.resampling import bootstrap_of, sequence_bootstrap

MEANS = ("words_said", "words_wanted", "rouge_l", "cider")
"""The figures that are means over captions; BLEU and METEOR are made of sums."""


def score_captions(
    said: Sequence[str],
    wanted: Sequence[Sequence[str]],
    sequence: np.ndarray,
    bootstrap: Bootstrap = DEFAULT_BOOTSTRAP,
    with_meteor: Meteor | None = None,
) -> dict[str, Interval]:
    """Score n captions against one reference or more each: `words_said`, `words_wanted`, `bleu_1` to `bleu_4`,
    `rouge_l` and `cider`, and `meteor` where that is given.

    `sequence` (n,) names, over which the intervals are. BLEU and METEOR are computed anew of each resample's sums.
    For CIDEr the weights of the n-grams stay those of all n captions, as it is the same corpus that is drawn from.
    Words are counted before the tokenizer, between blanks, as the published lengths are; of several references it is
    their mean. ValueError where a caption has no reference, or there is none.
    """
    said_words, wanted_words = [*map(ptb_words, said)], [[*map(ptb_words, each)] for each in wanted]
    pairs = CaptionPairs.of(said_words, wanted_words)
    ngrams = pairs.ngrams()
    words_said = [float(len(text.split())) for text in said]
    words_wanted = [sum(len(text.split()) for text in each) / len(each) for each in wanted]
    columns = np.stack([words_said, words_wanted, rouge_l(pairs), cider(pairs, ngrams)], axis=1)
    figures = dict(zip(MEANS, sequence_bootstrap(columns, sequence, bootstrap), strict=True))
    counts = bleu_counts(pairs, ngrams).astype(np.float64)
    for k in range(LONGEST):
        figures[f"bleu_{k + 1}"] = bootstrap_of(partial(_bleu_of_means, len(said), k), counts, sequence, bootstrap)
    if with_meteor is not None:
        counts = with_meteor.statistics(said_words, wanted_words)
        figures["meteor"] = bootstrap_of(meteor, counts, sequence, bootstrap)
    return figures


def _bleu_of_means(n: int, k: int, means: np.ndarray) -> np.ndarray:
    """Of BLEU-1 to BLEU-4 the one of place k, of means (r, 10) over n captions."""
    return np.asarray(bleu(n * means)[:, k])
