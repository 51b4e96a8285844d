"""Texts of people before they are learnt: one line, no control character, no special token."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roadcue.training.captions.plain_answers import AnswerCounts, plain

SIGNS = ("<image>", "<end>")


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("A wide way.", "A wide way."),
        ("  A\r\nwide\u2028 way.\n\n", "A wide way."),
        ("A \x1b[31mred\x1b[0m car\x00.", "A [31mred [0m car ."),
        ("[bold]A car[/bold] <b>here</b>", "[bold]A car[/bold] <b>here</b>"),
        ("A car \U0001f697\u200d\U0001f4a8 ahead", "A car \U0001f697\u200d\U0001f4a8 ahead"),
        ("A \ud83d car", "A ? car"),
        ("<image>A car<end>", "A car"),
        ("<ima<image>ge> x", "<ima ge> x"),
        ("\n\t ", ""),
        ("<image>", ""),
    ],
)
def test_what_is_kept_of_a_text(text, kept):
    assert plain(text, SIGNS) == kept


@given(st.text(st.sampled_from("ab <>/imagend\n\x1b\ud800\U0001f697"), max_size=60))
def test_any_text_becomes_one_line_without_signs_and_stays_so(text):
    once = plain(text, SIGNS)
    assert plain(once, SIGNS) == once == once.strip()
    assert not any(sign in once for sign in (*SIGNS, "\n", "\x1b", "  "))
    once.encode()


def test_a_hundred_thousand_letters_are_read_in_passing():
    assert len(plain("word " * 20_000 + "<image>" * 1000, SIGNS)) == 99_999


def test_what_became_of_texts_is_said_as_far_as_anything_did():
    assert AnswerCounts().sentence == ""
    said = AnswerCounts(without=3, too_long=1200).sentence
    assert said == (
        "3 have no such text and are left out; 1,200 have one that is longer than the model reads and are left out"
    )
