"""The JSON form of annotations against the document's schema."""

import json
from dataclasses import replace

import pytest
import xgrammar
from hypothesis import given, settings
from hypothesis import strategies as st
from language import Language, language
from sensation_annotations import NONE, annotation, annotations

from roadcue.errors import BadInput, BadRecord
from roadcue.prompts.annotation import OBJECT_KINDS, Annotation
from roadcue.prompts.annotation_json import (
    CLOSED_SCHEMA,
    check,
    completed,
    parse_json,
    prediction_to_json,
    to_closed_json,
    to_json,
    with_annotation,
)


@settings(deadline=None)  # the first one imports jsonschema
@given(annotations)
def test_every_annotation_fits_the_schema(given_one):
    check(to_json(given_one))


def test_a_question_tells_what_is_there_and_omits_what_is_not():
    """Document 000, section 8.1."""
    asked = with_annotation("Go on.", annotation())
    known = {"sidewalk_pos": "Center", "road_pos": "Left", "object_present": "No", "object_present_outside": "No"}
    assert asked == f"Using road annotations: {json.dumps(known)}. Go on."
    with_car = with_annotation("Go on.", annotation(near={"car": ("Left",)}))
    assert '"object_present": "Yes", "objects_on_sidewalk": {' in with_car
    assert '"car": "Left"' in with_car
    assert "objects_outside_sidewalk" not in with_car


def test_the_documents_example_comes_out():
    """Document 000, section 8.3."""
    nothing = dict.fromkeys(NONE, "not present")
    assert to_json(annotation(near={"obstacle": ("Left", "Right")})) == {
        "image": "0001.jpg",
        "sidewalk_pos": "Center",
        "road_pos": "Left",
        "object_present": "Yes",
        "objects_on_sidewalk": nothing | {"obstacle": ["Left", "Right"]},
        "object_present_outside": "No",
    }


def test_of_several_places_the_one_most_in_the_way_is_kept():
    near = to_json(annotation(near={"person": ("Left", "Center"), "car": ("Right", "Left")}))["objects_on_sidewalk"]
    assert (near["person"], near["car"], near["obstacle"]) == ("Center", "Right", ["not present"])


def test_a_mirror_exchanges_left_and_right_of_positions_and_of_near_and_far_objects():
    one = annotation("Left", "Front", near={"car": ("Right", "Center")}, far={"person": ("Left",)})
    other = annotation("Right", "Front", near={"car": ("Left", "Center")}, far={"person": ("Right",)})
    assert one.mirrored == other


@given(annotations)
def test_a_prediction_names_what_it_does_not_know_and_is_else_the_same(given_one):
    document, predicted = to_json(given_one), prediction_to_json(given_one)
    for present, objects, seen in (
        ("object_present", "objects_on_sidewalk", given_one.near),
        ("object_present_outside", "objects_outside_sidewalk", given_one.far),
    ):
        named = predicted.get(objects, {})
        unknown = {kind for kind, place in named.items() if place in ("unknown", ["unknown"])}
        assert unknown == (set(OBJECT_KINDS) - seen.keys())
        assert {kind: place for kind, place in named.items() if seen.get(kind)} == {
            kind: place for kind, place in document.get(objects, {}).items() if seen.get(kind)
        }
        assert predicted[present] == ("Yes" if any(seen.values()) else "unknown" if unknown else "No")
    complete = replace(given_one, near=dict.fromkeys(OBJECT_KINDS[::-1], ()) | given_one.near, far=NONE)
    assert prediction_to_json(complete) == to_json(complete)


def test_an_unknown_position_fits_a_prediction_and_no_label():
    one = Annotation("1.jpg", "unknown", "unknown", {}, {})
    document = prediction_to_json(one)
    assert (document["sidewalk_pos"], document["road_pos"]) == ("unknown", "unknown")
    with pytest.raises(BadInput, match="sidewalk_pos: 'unknown' is not one of"):
        check(document)


@pytest.mark.parametrize(
    ("change", "place"),
    [({"sidewalk_pos": "left"}, "sidewalk_pos"), ({"objects_on_sidewalk": {"car": ["Left"]}}, "on_sidewalk/car")],
)
def test_what_does_not_fit_is_refused_with_its_place(change, place):
    with pytest.raises(BadInput, match=place):
        check(to_json(annotation()) | change)


def test_a_missing_key_is_refused():
    document = to_json(annotation())
    del document["road_pos"]
    with pytest.raises(BadInput, match="road_pos"):
        check(document)


@given(annotations)
def test_a_document_reads_back_as_it_was_written(given_one):
    document = to_json(given_one)
    assert to_json(parse_json(document, "here")) == document


def test_what_a_document_says_is_what_is_read():
    document = to_json(annotation("Outside", "Front", near={"obstacle": ("Left", "Left"), "car": ("Right",)}))
    read = parse_json(document, "here")
    assert (read.image, read.sidewalk, read.road) == ("0001.jpg", "Outside", "Front")
    assert read.near == NONE | {"obstacle": ("Left", "Left"), "car": ("Right",)}
    assert read.far == NONE
    del document["objects_on_sidewalk"]["grass"]
    assert "grass" not in parse_json(document, "here").near


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"image": "../0001.jpg"}, "image: '../0001.jpg' is not a file name"),
        ({"image": "a\ud800.jpg"}, "is not a file name"),
        ({"image": 3}, "image: 3 is not of type 'string'"),
        ({"objects_on_sidewalk": {"obstacle": ["Left", "not present"]}}, "obstacle: 'not present' stands beside"),
    ],
)
def test_a_document_that_cannot_be_meant_is_refused(change, reason):
    with pytest.raises(BadRecord, match=rf"^file, line 2: .*{reason}"):
        parse_json(to_json(annotation()) | change, "file, line 2")


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5) | st.sampled_from(["Left", "not present", "No"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["car", "obstacle", "x"]), inner),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from([*to_json(annotation()), "objects_on_sidewalk"]), json_values) | json_values)
def test_any_document_is_read_or_refused_with_its_place(changes):
    document = to_json(annotation()) | changes if isinstance(changes, dict) else changes
    try:
        parse_json(document, "file, line 2")
    except BadRecord as bad:
        assert str(bad).startswith("file, line 2: ")  # noqa: PT017 - either way is right


def closed() -> Language:
    return language(str(xgrammar.Grammar.from_json_schema(json.dumps(CLOSED_SCHEMA), any_whitespace=False)))


def all_labelled(one: Annotation) -> Annotation:
    near, far = (
        {kind: objects.get(kind, ())[:3] for kind in OBJECT_KINDS}  # the document names three obstacles at most
        for objects in (one.near, one.far)
    )
    return replace(one, near=near, far=far)


@settings(deadline=None)
@given(annotations)
def test_what_is_learnt_is_of_the_closed_schema_and_completed_it_is_the_annotation(given_one):
    whole = all_labelled(given_one)
    document = to_closed_json(whole)
    assert closed().holds(json.dumps(document))
    assert completed(document, whole.image) == to_json(whole)


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 2**32))
def test_every_document_of_the_closed_schema_ends_and_fits_the_document_once_completed(seed):
    document = json.loads(closed().drawn(seed))
    whole = completed(document, "1.jpg")
    check(whole)
    seen = any(place not in ("not present", ["not present"]) for place in document["objects_on_sidewalk"].values())
    assert whole["object_present"] == ("Yes" if seen else "No"), "whatever the document says"
    assert ("objects_on_sidewalk" in whole) == seen
    assert {kind: whole["objects_on_sidewalk"][kind] for kind in OBJECT_KINDS if seen} == {
        kind: document["objects_on_sidewalk"][kind] for kind in OBJECT_KINDS if seen
    }


def test_no_obstacle_stands_beside_one_and_nothing_is_left_open():
    document = to_closed_json(annotation())
    assert closed().holds(json.dumps(document))
    for obstacle in (["not present", "Left"], [], ["Left"] * 4):
        document["objects_on_sidewalk"]["obstacle"] = obstacle
        assert not closed().holds(json.dumps(document))
    assert not closed().holds(json.dumps(to_closed_json(annotation()), indent=1))
    assert not closed().holds(json.dumps({"image": "1.jpg", **to_closed_json(annotation())}))


def test_a_kind_that_is_not_labelled_is_not_learnt():
    unlabelled = {kind: () for kind in OBJECT_KINDS if kind != "car"}
    document = to_closed_json(Annotation("1.jpg", "Left", "Front", unlabelled, unlabelled))
    assert "car" not in document["objects_on_sidewalk"].keys() | document["objects_outside_sidewalk"].keys()


def test_what_is_no_document_is_not_completed():
    with pytest.raises(BadRecord, match=r"1\.jpg: annotation JSON, sidewalk_pos"):
        completed({**to_closed_json(annotation()), "sidewalk_pos": "Up"}, "1.jpg")
