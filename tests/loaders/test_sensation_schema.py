"""The JSON form of annotations against the document's schema."""

import pytest
from hypothesis import given
from test_sensation_format import NONE, annotation, annotations

from loaders.errors import BadInput
from loaders.sensation.schema import check, to_json


@given(annotations)
def test_every_annotation_fits_the_schema(given_one):
    check(to_json(given_one))


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
