"""BLEU, ROUGE-L and CIDEr-D: against the formulas word by word, and what holds whatever the captions say."""

import math
import time
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roadcue.metrics.bootstrap import Bootstrap
from roadcue.metrics.captions.bleu import bleu, bleu_counts
from roadcue.metrics.captions.cider import cider
from roadcue.metrics.captions.ngrams import CaptionPairs
from roadcue.metrics.captions.rouge_l import common_subsequence, rouge_l
from roadcue.metrics.captions.scores import score_captions

FEW = Bootstrap(20)
TEXTS = st.lists(st.sampled_from(["a", "car", "on", "the", "left", "😀", "10-15", "(", "\n"])).map(" ".join)
ROWS = st.lists(st.tuples(TEXTS, st.lists(TEXTS, min_size=1, max_size=3)), min_size=1, max_size=8)


def values(said, wanted, sequence=None):
    figures = score_captions(said, wanted, np.arange(len(said)) if sequence is None else sequence, FEW)
    return {key: interval.value for key, interval in figures.items()}


def grams(words, n):
    return Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1))


def slow_cider(said, wanted):
    """The formula with counters, a caption at a time."""
    scores = np.zeros(len(said))
    for n in range(1, 5):
        documents = Counter(gram for each in wanted for gram in set().union(*(grams(one, n) for one in each)))

        def weights(words, n=n, documents=documents):
            return {
                gram: count * (math.log(len(said)) - math.log(max(1, documents[gram])))
                for gram, count in grams(words, n).items()
            }

        for row, (words, each) in enumerate(zip(said, wanted, strict=True)):
            mine = weights(words)
            for one in each:
                theirs = weights(one)
                dot = sum(min(weight, theirs.get(gram, 0)) * theirs.get(gram, 0) for gram, weight in mine.items())
                norm = math.hypot(*mine.values()) * math.hypot(*theirs.values())
                longer = max(len(words) - 1, 0) - max(len(one) - 1, 0)
                scores[row] += (dot / norm if norm else 0) * math.exp(-(longer**2) / 72) / len(each) * 10 / 4
    return scores


def slow_bleu(said, wanted):
    matches, guesses, length, nearest = [0] * 4, [0] * 4, 0, 0
    for words, each in zip(said, wanted, strict=True):
        length += len(words)
        nearest += min((abs(len(one) - len(words)), len(one)) for one in each)[1]
        for n in range(1, 5):
            most = Counter()
            for one in each:
                most |= grams(one, n)
            matches[n - 1] += sum((grams(words, n) & most).values())
            guesses[n - 1] += max(len(words) - n + 1, 0)
    ratio = (length + 1e-15) / (nearest + 1e-9)
    brevity = math.exp(1 - 1 / ratio) if ratio < 1 else 1
    quotients = [(m + 1e-15) / (g + 1e-9) for m, g in zip(matches, guesses, strict=True)]
    return [math.prod(quotients[:k]) ** (1 / k) * brevity for k in range(1, 5)]


def slow_rouge(said, wanted):
    scores = []
    for words, each in zip(said, wanted, strict=True):
        words, each = words or [""], [one or [""] for one in each]
        common = [table_of_subsequences(words, one)[-1, -1] for one in each]
        precision = max(common) / len(words)
        recall = max(number / len(one) for number, one in zip(common, each, strict=True))
        weighted = recall + 1.44 * precision
        scores.append(2.44 * precision * recall / weighted if weighted else 0)
    return scores


def table_of_subsequences(one, other):
    table = np.zeros((len(one) + 1, len(other) + 1), int)
    for i, left in enumerate(one):
        for j, right in enumerate(other):
            table[i + 1, j + 1] = table[i, j] + 1 if left == right else max(table[i, j + 1], table[i + 1, j])
    return table


WORDS = st.lists(st.sampled_from("abcde"), max_size=12)


@settings(deadline=None)
@given(st.lists(st.tuples(WORDS, st.lists(WORDS, min_size=1, max_size=3)), min_size=1, max_size=6))
def test_arrays_say_what_counters_say(rows):
    said, wanted = [row[0] for row in rows], [row[1] for row in rows]
    pairs = CaptionPairs.of(said, wanted)
    np.testing.assert_allclose(cider(pairs, pairs.ngrams()), slow_cider(said, wanted), atol=1e-9)
    np.testing.assert_allclose(bleu(bleu_counts(pairs, pairs.ngrams()).sum(0)), slow_bleu(said, wanted), atol=1e-12)
    np.testing.assert_allclose(rouge_l(pairs), slow_rouge(said, wanted))


@settings(deadline=None)
@given(WORDS, WORDS)
def test_the_longest_common_subsequence_is_that_of_the_table(one, other):
    assert common_subsequence(one, other) == table_of_subsequences(one, other)[-1, -1]


@settings(deadline=None)
@given(ROWS, st.randoms())
def test_the_order_of_rows_changes_nothing(rows, random):
    mixed = random.sample(rows, len(rows))
    one, other = (values(*zip(*each, strict=True)) for each in (rows, mixed))
    assert one == pytest.approx(other, nan_ok=True)


@settings(deadline=None)
@given(st.lists(st.sampled_from(["a car", "the road is on the left", "two bikes 😀 ahead of us"]), min_size=1))
def test_a_caption_equal_to_its_reference_has_the_highest_score(texts):
    figures = values(texts, [[text] for text in texts])
    assert figures["rouge_l"] == pytest.approx(1)
    assert figures["bleu_1"] == pytest.approx(1, abs=1e-6)
    assert figures["words_said"] == figures["words_wanted"]
    others = values([*reversed(texts)], [[text] for text in texts])
    assert figures["cider"] >= others["cider"] - 1e-9


@settings(deadline=None)
@given(ROWS)
def test_every_figure_is_within_its_bounds(rows):
    figures = values(*zip(*rows, strict=True))
    assert all(0 <= figures[key] <= 1 + 1e-9 for key in ("rouge_l", *(f"bleu_{k}" for k in range(1, 5))))
    assert 0 <= figures["cider"] <= 10 + 1e-9


def test_nothing_said_is_worth_nothing_and_is_no_error():
    figures = values(["", "\n", "😀"], [["a car on the left"]] * 3)
    assert figures["bleu_4"] < 1e-9
    assert figures["rouge_l"] == figures["cider"] == 0
    assert values([""], [[""]])["rouge_l"] == 1  # an empty text is one empty word


def test_cider_of_one_picture_is_zero():
    assert values(["a car"], [["a car"]])["cider"] == 0


def test_cider_weighs_by_the_file_and_twice_the_rows_are_another_file():
    said, wanted = ["a red car", "the road", "a bike"], [["a car"], ["the road"], ["one bike"]]
    once, twice = values(said, wanted), values(said * 2, wanted * 2)
    assert once["bleu_2"] == pytest.approx(twice["bleu_2"])
    assert once["cider"] != pytest.approx(twice["cider"])


def test_a_line_break_shifts_no_row():
    said, wanted = ["a red car ahead", "the road is wide", "a bike left"], [["a car"], ["the road is"], ["a bike"]]
    assert values(said, wanted) == values([text.replace(" ", "\u2028") for text in said], wanted)


BREAKS = ["\n", "\r", "\r\n", "\n\n", "\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029"]
SENTENCES = st.lists(st.sampled_from(["a car", "on the left", "two bikes", "10-15 m", "is", "end."]), min_size=1)


@settings(deadline=None)
@given(st.lists(st.tuples(SENTENCES, SENTENCES, st.sampled_from(BREAKS)), min_size=1, max_size=6))
def test_line_breaks_of_every_kind_are_spaces_in_captions_and_in_references(rows):
    spaced, broken = (
        ([" ".join(one) for one, *_ in rows], [[" ".join(other)] for _, other, _ in rows]),
        ([between.join(one) for one, _, between in rows], [[between.join(other)] for _, other, between in rows]),
    )
    assert values(*broken) == values(*spaced)


def test_intervals_follow_sequences():
    texts = ["a car", "a wide road ahead", "two bikes"] * 4
    wanted = [["a car is here"], ["the road"], ["two bikes"]] * 4
    one = score_captions(texts, wanted, np.zeros(12), FEW)["bleu_1"]
    assert math.isnan(one.low)
    several = score_captions(texts, wanted, np.arange(12) // 3, FEW)  # the same three captions in each
    assert several["bleu_1"].low == pytest.approx(several["bleu_1"].high)
    rows = score_captions(texts, wanted, np.arange(12), FEW)
    assert rows["bleu_1"].low < rows["bleu_1"].value < rows["bleu_1"].high


def test_a_caption_without_reference_is_refused():
    with pytest.raises(ValueError, match="one reference or more"):
        score_captions(["a"], [[]], np.arange(1), FEW)
    with pytest.raises(ValueError, match="one reference or more"):
        score_captions([], [], np.arange(0), FEW)


@settings(deadline=None, max_examples=3)
@given(st.sampled_from(["a ", "road, ", "x", "😀"]))
def test_a_hundred_thousand_characters_are_scored_in_seconds(part):
    start = time.perf_counter()
    long = part * (100_000 // len(part))
    figures = values([long, "a car"], [[long], ["a car"]])
    assert figures["rouge_l"] == pytest.approx(1)
    assert time.perf_counter() - start < 30
