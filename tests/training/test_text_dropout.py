import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from roadcue.prompts.bvpi import parse_sections
from roadcue.training.captions.text_dropout import drop_words

HEAD = "Sidewalk: left. Road: right. RoadVsSidewalk: right_of. Nearby: a car close on the left. Far: a person."
CAPTION = "The sidewalk is wide and a car stands on it, behind a tree."


def rng(seed=0):
    return np.random.default_rng(seed)


def in_order(words, whole) -> bool:
    rest = iter(whole)
    return all(word in rest for word in words)


@given(st.integers(0, 1000), st.floats(0, 0.99))
def test_only_the_context_loses_words_and_never_all(seed, rate):
    caption = f"{CAPTION} Road: wet."  # behind Context: no section begins any more
    dropped = drop_words(f"{HEAD} Context: {caption}", rate, rng(seed))
    assert dropped.startswith(f"{HEAD} Context: ")
    kept = dropped.removeprefix(f"{HEAD} Context: ").split()
    assert kept
    assert in_order(kept, caption.split())


@given(st.text(max_size=60), st.integers(0, 1000))
def test_the_sections_of_any_text_stay(text, seed):
    before, after = parse_sections(text.strip()), parse_sections(drop_words(text, 0.5, rng(seed)))
    before.pop("Context", None), after.pop("Context", None)
    assert after == before


def test_a_free_caption_loses_words_throughout():
    words = " ".join(f"w{i}" for i in range(5000))
    kept = drop_words(words, 0.2, rng()).split()
    assert abs(len(kept) / 5000 - 0.8) < 0.02
    assert in_order(kept, words.split())


@pytest.mark.parametrize("text", [HEAD, f"{HEAD} Context:", "", f"{HEAD} Context: wet"])
def test_a_text_with_nothing_to_lose_stays_as_it_is(text):
    assert all(drop_words(text, 0.99, rng(seed)) == text for seed in range(20))


def test_the_word_that_stays_when_all_would_go_is_any_of_them():
    assert {drop_words("a b c", 0.999, rng(seed)) for seed in range(100)} == {"a", "b", "c"}


def test_a_rate_of_0_keeps_the_text_with_its_spaces():
    assert drop_words("two  spaces", 0, rng()) == "two  spaces"


def test_a_generator_drops_the_same_words_again():
    assert drop_words(CAPTION, 0.3, rng([1, 2, 3])) == drop_words(CAPTION, 0.3, rng([1, 2, 3]))
    assert len({drop_words(CAPTION, 0.3, rng([1, 2, row])) for row in range(20)}) > 10


@pytest.mark.parametrize("rate", [-0.1, 1, 20, float("nan")])
def test_what_is_no_share_is_refused(rate):
    with pytest.raises(ValueError, match="a text dropout of"):
        drop_words(CAPTION, rate, rng())
