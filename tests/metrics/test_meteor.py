"""METEOR by hand on small tables; the published figure stands among the golden tests, as it needs pycocoevalcap."""

import gzip
import zipfile

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
    assert Synonyms({"axe": frozenset({1}), "ax": frozenset({2})}, {}).of("axes") == {1}


def test_the_index_is_built_once_and_by_two_processes_at_once(tmp_path, monkeypatch):
    monkeypatch.setenv("ROADCUE_CACHE", str(tmp_path / "cache"))
    file = tmp_path / "paraphrase-en.gz"
    with gzip.open(file, "wt") as packed:
        packed.write("0.5\nahead\nin front\n0.1\nahead\nforward\n")
    pairs = meteor_tables._pairs

    def beaten(file):
        monkeypatch.setattr(meteor_tables, "_pairs", pairs)
        meteor_tables._paraphrases(file)  # another process, which is faster
        return pairs(file)

    monkeypatch.setattr(meteor_tables, "_pairs", beaten)
    built = meteor_tables._paraphrases(file)
    monkeypatch.setattr(meteor_tables, "_pairs", None)  # not read again
    for table in (built, meteor_tables._paraphrases(file)):
        ahead, *others = table.numbers(["ahead", "in front", "forward"]).tolist()
        assert table.of_number(ahead) == others
    assert [path.name for path in (tmp_path / "cache").iterdir()] == [f"meteor-paraphrases-{file.stat().st_size}"]


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A pycocoevalcap with tables of a few words, and an empty cache; its folder of METEOR."""
    folder = tmp_path / "pycocoevalcap" / "meteor"
    (folder / "data").mkdir(parents=True)
    content = {
        "function/english.words": "the",
        "nonbreaking/english.prefixes": "vs",
        "synonym/english.synsets": "a\n1",
    }
    with zipfile.ZipFile(folder / "meteor-1.5.jar", "w") as jar:
        for name, text in {**content, "synonym/english.exceptions": "man\nmen"}.items():
            jar.writestr(name, text)
    (folder / "data" / "paraphrase-en.gz").write_bytes(gzip.compress(b"0.5\nahead\nin front\n"))
    monkeypatch.setattr(meteor_tables, "meteor_folder", lambda: folder)
    monkeypatch.setenv("ROADCUE_CACHE", str(tmp_path / "cache"))
    return folder


def test_tables_are_read_out_of_the_package(package):
    tables = read_meteor_tables()
    assert (tables.function_words, tables.prefixes) == ({"the"}, {"vs"})
    assert (tables.synonyms.sets, tables.synonyms.irregular) == ({"a": {1}}, {"men": ["man"]})
    assert tables.paraphrases.numbers(["ahead", "behind"]).tolist()[1] == -1


@pytest.mark.parametrize(
    ("name", "damage", "message"),
    [
        ("meteor-1.5.jar", lambda whole: whole[:-30], "tables are damaged .*install them again"),
        ("meteor-1.5.jar", lambda whole: whole.replace(b"synsets", b"nothing"), "tables are damaged"),
        ("meteor-1.5.jar", None, "cannot be read .*install it again"),
        ("data/paraphrase-en.gz", lambda whole: whole[:-9], "tables are damaged"),
        ("data/paraphrase-en.gz", lambda whole: whole[:14] + b"\xff\xff" + whole[16:], "tables are damaged"),
        ("data/paraphrase-en.gz", lambda whole: b"plain text", "tables are damaged"),
        ("data/paraphrase-en.gz", lambda whole: gzip.compress(b"0.5\nahead\n"), "tables are damaged"),
    ],
)
def test_a_damaged_package_is_said_to_be(package, name, damage, message):
    file = package / name
    file.write_bytes(damage(file.read_bytes())) if damage else file.unlink()
    with pytest.raises(BadInput, match=message):
        read_meteor_tables()


def test_a_damaged_index_is_said_to_be(package, tmp_path):
    read_meteor_tables()
    (index,) = (tmp_path / "cache").iterdir()
    (index / "key.npy").write_bytes(b"")
    with pytest.raises(BadInput, match=r"meteor-paraphrases-\d+: is damaged .*delete this folder"):
        read_meteor_tables()


def test_without_the_package_the_command_to_install_it_is_said(monkeypatch):
    monkeypatch.setattr(meteor_tables, "find_spec", lambda name: None)
    with pytest.raises(BadInput, match=r"needs the tables of pycocoevalcap.*pip install"):
        read_meteor_tables()
