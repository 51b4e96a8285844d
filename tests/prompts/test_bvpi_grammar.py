"""The grammar of BVPI texts, what is valid without it, and what labels make: one language."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from language import language
from sensation_annotations import annotation, annotations

from roadcue.prompts.annotation import ROAD_POSITIONS, SIDEWALK_POSITIONS
from roadcue.prompts.bvpi import OBJECT_NAMES, compose, parse_sections, position_word, road_vs_sidewalk
from roadcue.prompts.bvpi_grammar import BVPI_EBNF, bvpi_fault, is_valid_bvpi
from roadcue.prompts.claims import parse_claims

CAPTIONS = st.text(st.characters(exclude_categories=["C", "Z"], include_characters=" "), min_size=1).filter(str.strip)
HEAD = "Sidewalk: center. Road: left. RoadVsSidewalk: left_of."
NEAR = "Nearby: a car close on the left; a traffic sign close on the right."
TEXT = f"{HEAD} {NEAR} Far: 3 people farther away on the left."
WHOLE = f"{TEXT} Context: A wide way."


@settings(deadline=None)
@given(annotations, CAPTIONS)
def test_what_labels_and_a_caption_make_is_of_the_language_and_valid(given_one, caption):
    text = compose(given_one, caption)
    assert bvpi_fault(text) == ""
    assert language(BVPI_EBNF).holds(text)


def test_each_pair_of_positions_has_its_relation_and_no_other():
    relations = {"left_of", "right_of", "crossing_front", "unknown"}
    for sidewalk in SIDEWALK_POSITIONS:
        for road in ROAD_POSITIONS:
            true = road_vs_sidewalk(sidewalk, road)
            for said in relations:
                head = f"Sidewalk: {position_word(sidewalk)}. Road: {position_word(road)}. RoadVsSidewalk: {said}."
                text = f"{head} Nearby: no important close objects visible. Context: A way."
                assert (is_valid_bvpi(text), language(BVPI_EBNF).holds(text)) == (said == true, said == true), text


def kinds_and_places(section: str) -> dict[str, tuple[str, ...]]:
    """What a section of the grammar says, read phrase by phrase: kind -> its places."""
    said = {}
    for phrase in section.split("; "):
        (kind,) = (
            kind
            for kind, (one, many) in OBJECT_NAMES.items()
            if re.match(rf"(?:{one}|\d+ {many}) (?:close|farther)", phrase)
        )
        assert kind not in said
        said[kind] = tuple(side for side in ("Left", "Center", "Right") if side.lower() in phrase)
    return said


@settings(deadline=None, max_examples=150)
@given(st.integers(0, 2**32))
def test_every_text_of_the_grammar_is_valid_and_read_without_loss(seed):
    text = language(BVPI_EBNF).drawn(seed)
    assert bvpi_fault(text) == ""
    claims, sections = parse_claims(text), parse_sections(text)
    assert [sections[name] for name in ("Sidewalk", "Road", "RoadVsSidewalk")] == [
        claims.sidewalk,
        claims.road,
        claims.relation,
    ]
    near = sections["Nearby"]
    assert claims.near == ({} if near == "no important close objects visible" else kinds_and_places(near))
    assert claims.far == (kinds_and_places(sections["Far"]) if "Far" in sections else {})
    assert sections["Context"]


def test_the_drawn_texts_have_many_kinds_and_none():
    drawn = [parse_claims(language(BVPI_EBNF).drawn(seed)) for seed in range(100)]
    assert {len(claims.near) for claims in drawn} >= {0, 1, 2, 3}
    assert {len(claims.far) for claims in drawn} >= {0, 1, 2}


FAULTS = {
    "": "the sections are none",
    "A wide way.": "the sections are none",
    TEXT: "the sections are Sidewalk, Road, RoadVsSidewalk, Nearby, Far, not Sidewalk",
    f"Yes. {WHOLE}": "before the first section",
    WHOLE.replace("Road: left.", ""): "the sections are Sidewalk, RoadVsSidewalk",
    WHOLE.replace("Road: left.", "Road: left. Road: left."): "the sections are Sidewalk, Road, Road",
    f"Road: left. Sidewalk: center. {WHOLE.partition('left. ')[2]}": "the sections are Road, Sidewalk",
    WHOLE.replace("center", "front"): "Sidewalk is 'front', not one of left, center, right, unknown",
    WHOLE.replace("Road: left", "Road: center"): "Road is 'center', not one of unknown, left, front, right",
    WHOLE.replace("left_of", "right_of"): "RoadVsSidewalk is 'right_of', which follows as left_of",
    WHOLE.replace("a car close", "a dog close"): "Nearby: 'a dog close on the left' is none of the phrases",
    WHOLE.replace("a car close", "a car farther away"): "Nearby: 'a car farther away on the left' is none",
    WHOLE.replace("3 people farther away", "3 people close"): "Far: '3 people close on the left' is none",
    WHOLE.replace("a traffic sign close on the right", "a car close on the right"): "of a kind that has been named",
    WHOLE.replace("3 people", "1 people"): "or one that is called several",
    WHOLE.replace("a car close on the left", "a car close on the left and right"): "fewer things than places",
    WHOLE.replace("3 people farther away on the left", "2 people farther away across the left, center, and right"): (
        "fewer things than places"
    ),
    WHOLE.replace("A wide way.", ""): "Context says nothing",
}


@pytest.mark.parametrize("text", FAULTS)
def test_what_is_not_valid_is_said_in_words_and_is_not_of_the_grammar(text):
    assert FAULTS[text] in bvpi_fault(text)
    assert not is_valid_bvpi(text)
    assert not language(BVPI_EBNF).holds(text)


def test_the_text_that_the_faults_are_made_of_is_valid():
    assert bvpi_fault(WHOLE) == ""
    assert language(BVPI_EBNF).holds(WHOLE)


@given(st.text(max_size=80), st.integers(0, 300))
def test_any_text_behind_the_beginning_of_a_valid_one_is_judged(text, kept):
    fault = bvpi_fault(WHOLE[:kept] + text)
    assert fault.isprintable()
    assert len(fault) < 300


def test_headings_may_be_spelt_as_readers_take_them():
    assert is_valid_bvpi(WHOLE.replace("Sidewalk: c", "**SIDEWALK:** c").replace("Far:", "far :"))


def test_a_hundred_of_a_kind_are_more_than_the_grammar_counts():
    crowd = compose(annotation(near={"person": ("Left",) * 99}), "A way.")
    assert language(BVPI_EBNF).holds(crowd)
    assert not language(BVPI_EBNF).holds(crowd.replace("99", "100"))
