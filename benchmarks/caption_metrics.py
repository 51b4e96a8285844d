"""Seconds of BLEU-1 to BLEU-4, ROUGE-L and CIDEr-D of a file of captions, against pycocoevalcap in the same process.

    python benchmarks/caption_metrics.py

The captions are drawn: some 40 words each, rare and common ones as in a language (Zipf), with commas, points, numbers
and hyphens; all are different, and our cache of words is empty each time. pycocoevalcap's time holds its Java
tokenizer, which it starts twice; where there is no `java`, ours parts the words for both. Intervals are in neither.
"""

import argparse
import shutil
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from importlib.util import find_spec

import numpy as np
from ratio_lines import print_ratios

from roadcue.metrics.bootstrap import Bootstrap
from roadcue.metrics.captions import ptb_tokenizer
from roadcue.metrics.captions.scores import score_captions

Texts = Mapping[int, list[dict[str, str]]]
FIGURES = ("bleu_1", "bleu_2", "bleu_3", "bleu_4", "rouge_l", "cider")


def drawn_captions(count: int, rng: np.random.Generator, kinds: int = 4000) -> list[str]:
    """Captions of words that nobody has ever said."""
    letters = rng.choice([*"abcdefghijklmnopqrstuvwxyz"], size=(kinds, 9))
    words = ["".join(word[: rng.integers(2, 10)]) for word in letters]
    words[10], words[50], words[100] = "10", "5-meter", "road's"
    share = 1 / np.arange(1, kinds + 1)
    captions = []
    for _ in range(count):
        said = [words[i] for i in rng.choice(kinds, size=rng.integers(30, 50), p=share / share.sum())]
        said[::8] = [f"{word}," for word in said[::8]]
        said[14::15] = [f"{word}." for word in said[14::15]]
        captions.append(" ".join(said).capitalize() + ".")
    return captions


def median_seconds(score: Callable[[], list[float]], repeats: int) -> tuple[float, list[float]]:
    """Of a few runs, and the figures."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        figures = score()
        times.append(time.perf_counter() - start)
    return statistics.median(times), figures


def ours(said: list[str], wanted: list[str]) -> list[float]:
    ptb_tokenizer._words_of.cache_clear()
    figures = score_captions(said, [[text] for text in wanted], np.arange(len(said)), Bootstrap(resamples=1))
    return [figures[key].value for key in FIGURES]


def our_words(texts: Texts) -> dict[int, list[str]]:
    """What PTBTokenizer makes of them, without Java."""
    ptb_tokenizer._words_of.cache_clear()
    return {row: [" ".join(ptb_tokenizer.ptb_words(one["caption"])) for one in of] for row, of in texts.items()}


def theirs(said: list[str], wanted: list[str], java: bool) -> list[float]:
    from pycocoevalcap.bleu.bleu import Bleu
    from pycocoevalcap.cider.cider import Cider
    from pycocoevalcap.rouge.rouge import Rouge
    from pycocoevalcap.tokenizer.ptbtokenizer import PTBTokenizer

    words = PTBTokenizer().tokenize if java else our_words
    results, references = (
        words({row: [{"caption": text}] for row, text in enumerate(texts)}) for texts in (said, wanted)
    )
    bleu, _ = Bleu(4).compute_score(references, results, verbose=0)
    return [*bleu, Rouge().compute_score(references, results)[0], Cider().compute_score(references, results)[0]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--captions", type=int, nargs="+", default=[333, 3330])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="small sizes: the numbers then mean nothing")
    options = parser.parse_args()
    if options.quick:
        options.captions, options.repeats = [20], 1
    if find_spec("pycocoevalcap") is None:
        sys.exit("pycocoevalcap is not installed, which this is measured against: pip install -e '.[captions]'")
    java = shutil.which("java") is not None
    reference = "pycocoevalcap" if java else "pycocoevalcap's scorers behind our tokenizer, as there is no `java`"
    ratios = {}
    for count in options.captions:
        rng = np.random.default_rng(0)
        said, others = drawn_captions(count, rng), drawn_captions(count, rng)
        # The reference begins as what is said does, as captions of one picture are alike.
        wanted = [" ".join([*a.split()[:15], *b.split()[15:]]) for a, b in zip(said, others, strict=True)]
        seconds, figures = median_seconds(lambda said=said, wanted=wanted: ours(said, wanted), options.repeats)
        beside, expected = median_seconds(
            lambda said=said, wanted=wanted: theirs(said, wanted, java), options.repeats
        )
        apart = np.abs(np.subtract(figures, expected)).max()
        print(f"{count:,} captions: ours {seconds:.3f} s, theirs {beside:.2f} s; figures differ by {apart:.0e}")
        ratios[f"caption_metrics_{count}{'' if java else '_without_java'}"] = beside / seconds
    print_ratios(reference, ratios)


if __name__ == "__main__":
    main()
