"""METEOR by hand on small tables; the published figure stands among the golden tests, as it needs pycocoevalcap."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roadcue.errors import BadInput
from roadcue.metrics.captions import meteor_tables
from roadcue.metrics.captions.meteor import Meteor, meteor
from roadcue.metrics.captions.meteor_alignment import EXACT, PARAPHRASE, STEM, SYNONYM, Match, align
from roadcue.metrics.captions.meteor_tables import (
    MeteorTables,
    Paraphrases,
    Synonyms,
    phrase_key,
    read_meteor_tables,
)
from roadcue.metrics.captions.meteor_words import meteor_words

SETS = {"car": {1}, "auto": {1, 2}, "man": {3}, "bloke": {3}, "pavement": {4}, "sidewalk": {4}, "box": {5}}


def tables(*paraphrases):
    pairs = np.array([[phrase_key(one), phrase_key(other)] for one, other in paraphrases], np.uint64).reshape(-1, 2)
    synonyms = Synonyms({word: frozenset(numbers) for word, numbers in SETS.items()}, {"blokes": ["bloke"]})
    return MeteorTables(frozenset({"the", "a", "is", "on"}), frozenset({"vs"}), synonyms, Paraphrases.of(pairs))


class ByHand(Meteor):
    """Without snowballstemmer, which the tests need not have: the stem is the word without an s."""

    def __init__(self, tables):
        self.tables, self.stem = tables, stem


def stem(word):
    return word.removesuffix("s")


def aligned(said, wanted, *paraphrases):
    return align(said.split(), wanted.split(), tables(*paraphrases), stem)


def score(said, *wanted):
    counts = ByHand(tables()).statistics([said.split()], [[one.split() for one in wanted]])
    return float(meteor(counts.sum(0)))


def test_the_formula_by_hand():
    # Of the four words "the" and "is" are function words; "car" and "auto" are synonyms: two chunks of 2 and 1 words.
    content, function = 0.75 * (0.8 + 0), 0.25 * (1 + 0)
    precision = (0.75 * 0.8 + 0.25 * 1) / (0.75 * 2 + 0.25 * 2)
    recall = (content + function) / (0.75 * 2 + 0.25 * 1)
    mean = 1 / (0.15 / precision + 0.85 / recall)
    penalty = 0.6 * (1 / 2) ** 0.2
    assert score("the auto is red", "the car left") == pytest.approx(mean * (1 - penalty))


def test_the_figure_of_a_corpus_is_that_of_the_sums():
    said = [["the", "car"], ["a", "man", "on", "a", "bike"]]
    wanted = [[["the", "car"]], [["the", "bike"]]]
    counts = ByHand(tables()).statistics(said, wanted)
    assert float(meteor(counts[0])) == 1
    assert float(meteor(counts.sum(0))) != pytest.approx(np.mean(meteor(counts)))
    several = [counts.sum(0), counts[1]]
    np.testing.assert_allclose(meteor(np.stack(several)), [meteor(one) for one in several])


def test_matchers():
    assert aligned("walls", "wall") == [Match(0, 1, 0, 1, STEM)]
    assert aligned("auto", "car") == [Match(0, 1, 0, 1, SYNONYM)]
    assert aligned("bloke", "men") == [Match(0, 1, 0, 1, SYNONYM)]
    assert aligned("bloke", "box") == []
    assert aligned("man", "blokes") == [Match(0, 1, 0, 1, SYNONYM)]
    assert aligned("red car ahead", "in front", ("ahead", "in front")) == [Match(0, 2, 2, 1, PARAPHRASE)]
    assert aligned("in front", "red car ahead", ("ahead", "in front")) == [Match(2, 1, 0, 2, PARAPHRASE)]


def test_of_several_words_those_that_stand_together_are_matched():
    matches = aligned("the road and the car", "the car")
    assert matches == [Match(0, 1, 3, 1, EXACT), Match(1, 1, 4, 1, EXACT)]


def test_the_best_reference_counts():
    assert score("the car", "a road", "the car") == 1
    assert score("the car", "a road") == 0


def test_nothing_said_or_wanted_is_worth_nothing():
    assert score("", "the car") == score("the car", "") == score("", "") == 0


WORDS = st.lists(st.sampled_from(["the", "car", "cars", "auto", "road", "is", "left"]), max_size=9).map(" ".join)


@settings(deadline=None)
@given(WORDS, WORDS)
def test_a_score_is_a_share_and_no_word_is_matched_twice(said, wanted):
    assert 0 <= score(said, wanted) <= 1
    matches = aligned(said, wanted)
    assert len({match.start for match in matches}) == len({match.said for match in matches}) == len(matches)
    if said.split():
        assert score(said, said) == pytest.approx(1)


@pytest.mark.parametrize(
    ("words", "parted"),
    [
        ("a glass-walled 10-meter room", "a glass walled 10 meter room"),
        ("world 's do n't o'clock", "world ' s do n 't o 'clock"),
        ("at 5 p.m. near st. and etc.", "at 5 pm near st. and etc ."),
        ("and/or left_of 3.5 1,000 12:30", "and / or left _ of 3.5 1,000 12 : 30"),
        ("-lrb- a -rrb- vs. 5 % $ **", "-lrb- a -rrb- vs. 5 % $ * *"),
    ],
)
def test_words_are_parted_once_more(words, parted):
    """As METEOR 1.5 with -norm said of these."""
    assert meteor_words(words.split(), {"vs"}) == parted.split()


def test_base_forms_are_the_first_that_occur():
    synonyms = Synonyms({word: frozenset(numbers) for word, numbers in SETS.items()}, {"autos": ["auto"]})
    assert synonyms.of("boxes") == {5}
    assert synonyms.of("autos") == {1, 2}
    assert synonyms.of("cars") == {1}
    assert synonyms.of("carss") == set()


def test_without_the_package_the_command_to_install_it_is_said(monkeypatch):
    monkeypatch.setattr(meteor_tables, "find_spec", lambda name: None)
    with pytest.raises(BadInput, match=r"needs the tables of pycocoevalcap.*pip install"):
        read_meteor_tables()
