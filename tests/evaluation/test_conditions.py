"""Under which conditions a captioner is asked."""

import numpy as np
import pytest
from drawn import DrawnDataset

from roadcue.errors import BadInput
from roadcue.evaluation.conditions import FREE, SPOILT, parse_conditions
from roadcue.loaders import picture_file


def test_pictures_are_those_of_the_condition():
    data = DrawnDataset("val", sequences=3, frames=4)
    free, grey, others, blur = parse_conditions("free, grey,others,blur")
    assert free.name == FREE
    assert free.on(data, 0) is data
    assert [each.sees for each in (free, grey, others, blur)] == [True, False, False, True]
    picture = picture_file.decode(grey.on(data, 0).image(5, "FRONT"), "here")
    assert (picture == 128).all()
    dealt = others.on(data, 0)
    of_row = {data.image(row, "FRONT"): row for row in range(len(data))}
    taken = np.array([of_row[dealt.image(row, "FRONT")] for row in range(len(data))])
    assert (data.states.sequence[taken] != data.states.sequence).all()
    assert len({each.on(data, 0).fingerprint for each in (free, grey, others, blur)}) == 4
    assert dealt.fingerprint != others.on(data, 1).fingerprint


@pytest.mark.parametrize("kind", SPOILT)
def test_every_kind_makes_another_picture_of_its_size(kind):
    data = DrawnDataset("val", sequences=1, frames=2)
    (condition,) = parse_conditions(kind)
    spoilt, own = (
        picture_file.decode(each.image(1, "FRONT"), "here").astype(int) for each in (condition.on(data, 0), data)
    )
    assert spoilt.shape == own.shape
    assert (spoilt != own).mean() > 0.2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("dark", "'dark' is none of free"),
        ("grey+blur", "grey and blur are both of the picture"),
        ("grey,grey", "names a condition twice"),
        ("free+grammar", "free is all that it says"),
        ("", "'' is none of"),
    ],
)
def test_a_wrong_word_is_said(text, message):
    with pytest.raises(BadInput, match=message.replace("+", r"\+")):
        parse_conditions(text)


def test_words_are_joined():
    (one,) = parse_conditions("text_only+grammar+grey")
    assert (one.few_shot, one.text_only, one.grammar, one.pictures, one.sees) == (True, True, True, "grey", False)
    (two,) = parse_conditions("few_shot")
    assert (two.few_shot, two.text_only, two.grammar, two.pictures, two.sees) == (True, False, False, "", True)


def test_one_sequence_has_no_others():
    with pytest.raises(BadInput, match="one sequence holds"):
        parse_conditions("others")[0].on(DrawnDataset("val", sequences=1, frames=4), 0)
