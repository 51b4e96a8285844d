"""Words as Stanford's tokenizer parts them: the examples are what CoreNLP 3.4.1 said of these texts."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roadcue.metrics.captions.ptb_tokenizer import ptb_words

BREAKS = "\n\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('The path is clear, "10-meter" wide; go!', "the path is clear 10-meter wide go"),
        ("(left) {x} [y]", "-lrb- left -rrb- -lcb- x -rcb- -lsb- y -rsb-"),
        (
            "can't CAN'T isn’t it’s they've dogs' cannot gonna",
            "ca n't ca n't is n't it 's they 've dogs can not gon na",
        ),
        ("l'automne d'hiver O'Neill rock'n'roll the '90s", "l'automne d'hiver o'neill rock 'n' roll the '90s"),
        ("state-of-the-art 10-15 -5 -x x- a--b -- —", "state-of-the-art 10-15 -5 x x a b"),
        (
            "and/or left/center/right left_of/right_of a/b/c/d",
            "and/or left/center/right left_of / right_of a/b/c / d",
        ),
        ("AT&T Q&A a & b a_b", "at&t q&a a & b a_b"),
        (
            "3.5 1,000 12:30 12/25/2020 10:30pm 10am 5.0L 5m 4x4",
            "3.5 1,000 12:30 12/25/2020 10:30 pm 10am 5.0 l 5m 4x4",
        ),
        ("10% $5 US$5 £10 €5 1½ km/h", "10 % $ 5 us$ 5 # 10 $ 5 1 1/2 km/h"),
        ("U.S. is at 5 p.m. The a.m.", "u.s. is at 5 p.m. the a.m."),
        ("wearing a.", "wearing a."),
        ("line B. The line B. and It is B. It is", "line b the line b. and it is b it is"),
        ("Mr. St. Ave. etc. vs. approx. max. km.", "mr. st. ave. etc. vs. approx max km"),
        ("No. 5 is no. Then", "no. 5 is no then"),
        ("left.the 0023.jpg alibaba.com flickr-2.jpg", "left.the 0023.jpg alibaba.com flickr-2 jpg"),
        ("navigation.; a", "navigation. a"),
        ("** *** x*y ?! :) <br> <unk> a<b", "** *** x * y ?! :-rrb- <br> <unk> a < b"),
        ("http://a.b/c.d. www.foo.com/bar. me@mail.de.", "http://a.b/c.d www.foo.com/bar me@mail.de"),
        ("emoji 😀 a😀b ☺ naïve Straße 青岛路", "emoji a b ☺ naïve straße 青岛路"),
        ("“hi” ‘hi’ «x» ... … ''", "hi hi x"),
        ('see <a href="x">text</a> here', 'see <a href="x"> text </a> here'),
    ],
)
def test_as_stanford_says(text, words):
    assert ptb_words(text) == words.split()


@pytest.mark.parametrize("line_break", BREAKS)
def test_every_line_break_is_a_space(line_break):
    assert ptb_words(f"a car.{line_break}The road{line_break}{line_break}ends") == ["a", "car", "the", "road", "ends"]


@given(st.text())
def test_words_are_in_lower_case_and_hold_no_space(text):
    for word in ptb_words(text):
        assert word == word.lower()
        assert len(word.split()) == 1


@given(st.lists(st.sampled_from(["road", "Left", "10-meter", "bike,", "end.", "(a"])))
def test_spaces_part_words(pieces):
    assert ptb_words(" ".join(pieces)) == ptb_words("  ".join(pieces)) == ptb_words(BREAKS.join(pieces))


@pytest.mark.parametrize("part", ["a", "a,", "a.", "<a ", "a-", "1,", "a@", "((", "😀", "no. ", "www.", '<a b="c" '])
def test_a_hundred_thousand_characters_take_seconds(part):
    start = time.perf_counter()
    ptb_words(part * (100_000 // len(part)))
    assert time.perf_counter() - start < 30
