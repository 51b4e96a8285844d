"""What a BVPI text claims, whoever wrote it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roadcue.prompts.annotation import OBJECT_KINDS, ROAD_POSITIONS, SIDES, SIDEWALK_POSITIONS, Annotation
from roadcue.prompts.bvpi import (
    SECTIONS,
    compose,
    compose_prediction,
    parse_sections,
    position_word,
    road_vs_sidewalk,
)
from roadcue.prompts.claims import MENTIONED_KINDS, Claims, claim_set, parse_claims

OBJECT_SETS = st.dictionaries(
    st.sampled_from(OBJECT_KINDS), st.lists(st.sampled_from(SIDES), max_size=4).map(tuple), max_size=9
)
ANNOTATIONS = st.builds(
    Annotation,
    st.just("1.jpg"),
    st.sampled_from(SIDEWALK_POSITIONS),
    st.sampled_from(ROAD_POSITIONS),
    *2 * [OBJECT_SETS],
)


def mentioned(objects):
    return {
        kind: tuple(place for place in SIDES if place in where)
        for kind, where in objects.items()
        if where and kind in MENTIONED_KINDS
    }


@given(ANNOTATIONS, st.sampled_from(["", "A car on the left. Nearby: a man on the right.", "Road: left."]))
def test_what_is_composed_is_claimed(annotation, caption):
    assert parse_claims(compose(annotation, caption)) == Claims(
        position_word(annotation.sidewalk),
        position_word(annotation.road),
        road_vs_sidewalk(annotation.sidewalk, annotation.road),
        mentioned(annotation.near),
        mentioned(annotation.far),
    )


@given(ANNOTATIONS)
def test_what_a_prediction_does_not_know_it_does_not_claim(annotation):
    text = compose_prediction(annotation)
    assert parse_claims(text) == parse_claims(compose(annotation, ""))
    for objects, section in ((annotation.near, "Nearby"), (annotation.far, "Far")):
        known = set(MENTIONED_KINDS) <= objects.keys()
        assert ("unknown" in parse_sections(text).get(section, "")) != known
        if section == "Nearby" and not known:
            assert "no important close objects" not in text


L, C, R = (("Left",), ("Center",), ("Right",))


@pytest.mark.parametrize(
    ("section", "claimed"),
    [
        ("a car close on the left and a person on the right", {"car": L, "person": R}),
        ("a car and a person on the left", {"car": L, "person": L}),
        (
            "cars, people and 2 bikes across the left, centre, and right",
            dict.fromkeys(["car", "person", "bicycle"], SIDES),
        ),
        ("on the left a car, on the right two men", {"car": L, "person": R}),
        ("a barrier on both sides", {"obstacle": ("Left", "Right")}),
        ("a woman right ahead", {"person": C}),
        ("a car", {"car": ()}),
        ("a car on the left; a car on the right", {"car": ("Left", "Right")}),
        ("a traffic light on the right, a traffic sign on the left", {"traffic_light": R, "traffic_sign": L}),
        ("a signal on the left", {"traffic_light": L}),
        ("no cars", {}),
        ("no close objects are visible", {}),
        ("no cars or people on the left, but a bicycle on the right", {"bicycle": R}),
        ("no cars and a person on the left", {"person": L}),
        ("a person on the left without a bicycle", {"person": L}),
        ("cars are not visible", {}),
        ("cars and people are not present", {}),
        ("car: none", {}),
        ("there aren't any people on the left", {}),
        ("not only a car on the left but also a person on the right", {"car": L, "person": R}),
        ("many scarce carpets, designed by a manager", {}),
        ("a pedestrian crossing on the left, a bike lane and a car park on the right", {}),
        ("trees on the left", {}),
        ("no close objects, just a person on the left", {"person": L}),
        ("no cars, only people on the left", {"person": L}),
        ("not a single car", {}),
        ("no car, person, sign, or bin close; a hydrant on the right", {"obstacle": R}),
        ("a car on the left, not on the right", {"car": L}),
        ("a car not in the center but on the right", {"car": R}),
        ("a traffic light pole on the left and a sign post on the right", {"traffic_light": L, "traffic_sign": R}),
        ("a pole on the left; a trash can on the right", {"obstacle": ("Left", "Right")}),
        ("a car that can pass on the left", {"car": L}),
        ("many cars on\tthe\u00a0left, and   a   person ahead", {"car": L, "person": C}),
        ("", {}),
    ],
)
def test_objects_of_a_section(section, claimed):
    claims = parse_claims(f"Sidewalk: left. Nearby: {section}. Far: {section}. Context: a car on the left.")
    assert (claims.near, claims.far) == (claimed, claimed)


@pytest.mark.parametrize(
    ("text", "sidewalk"),
    [
        ("Sidewalk: Left.", "left"),
        ("SIDEWALK : on the left side", "left"),
        ("Sidewalk: centred.", "center"),
        ("Sidewalk: not present.", "unknown"),
        ("Sidewalk: left or right.", ""),
        ("Sidewalk: leftover.", ""),
        ("Sidewalk: left. Sidewalk: right.", "left"),
        ("Sidewalk: left. The road is on the right.", "left"),
        ("**Sidewalk:** left **Road:** right", "left"),
        ("**Sidewalk**: left", "left"),
        ("Road:right.Sidewalk:left.", "left"),
        ("Sidewalk: not left.", ""),
        ("Sidewalk: it isn't left.", ""),
        ("The sidewalk is left.", ""),
        ("Context: none. Sidewalk: left.", ""),
    ],
)
def test_a_position_is_stated_once_or_not_at_all(text, sidewalk):
    assert parse_claims(text).sidewalk == sidewalk


def test_the_relation_is_of_two_spellings():
    assert parse_claims("RoadVsSidewalk: left of.").relation == "left_of"
    assert parse_claims("RoadVsSidewalk: crossing_front.").relation == "crossing_front"


WORDS = st.sampled_from(
    [
        *SECTIONS,
        *(f"{name}:" for name in SECTIONS),
        "no",
        "a",
        "car",
        "people",
        "left",
        "right",
        ";",
        ".",
        ",",
        "and",
        "not",
    ]
)


@given(st.text(max_size=200) | st.lists(WORDS, max_size=30).map(" ".join))
def test_any_text_claims_something_of_the_known_or_nothing(text):
    claims = parse_claims(text)
    for objects in (claims.near, claims.far):
        assert objects.keys() <= set(MENTIONED_KINDS)
        assert all(set(where) <= set(SIDES) for where in objects.values())


@pytest.mark.parametrize("again", ["a car, no ", "no ", "car ", "car is ", ", ", "not on ", "Sidewalk ", "x\n"])
def test_a_text_that_goes_on_and_on_is_read_in_passing(again):
    """Models do repeat themselves. A pattern that tries every pair of places would take minutes here."""
    assert parse_claims(f"Sidewalk: {again * 20_000} Nearby: {again * 20_000}").far == {}


def test_claims_one_by_one():
    near, far = "Nearby: cars on the left and right; a person.", "Far: a bicycle on the left."
    assert claim_set(parse_claims(f"Sidewalk: left. Road: left or right. {near} {far}")) == {
        ("sidewalk", "left"),
        ("near", "car", "Left"),
        ("near", "car", "Right"),
        ("near", "person"),
        ("far", "bicycle", "Left"),
    }
    assert claim_set(Claims()) == frozenset()
