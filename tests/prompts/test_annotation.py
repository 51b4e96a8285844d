"""An annotation and its row of the published file."""

import pytest
from sensation_annotations import annotation

from roadcue.errors import BadRecord
from roadcue.prompts.annotation import COLUMNS, parse_row


def test_a_row_is_read_as_it_is_written():
    one = annotation("Left", "Front", near={"car": ("Right", "Center")}, far={"person": ("Left",)})
    assert tuple(one.row) == COLUMNS
    assert parse_row(one.row, "row 1") == one


def test_what_is_on_the_sidewalk_is_near_and_what_is_outside_of_it_is_far():
    """By the column names of the published file, spelt out."""
    row = {"image": "a.jpg", "sidewalk_pos": "Center", "road_pos": "Left", "m_car": "Left-Right"}
    parsed = parse_row({**row, "m_car_outside": "Center", "traffic_light": "not present"}, "row 1")
    assert parsed.near == {"car": ("Left", "Right"), "traffic_light": ()}
    assert parsed.far == {"car": ("Center",)}


def test_a_value_that_is_none_of_the_column_s_is_named_with_its_place():
    with pytest.raises(BadRecord, match="row 3: m_person is 'Middle', neither 'not present'"):
        parse_row({"image": "a", "sidewalk_pos": "Left", "road_pos": "Left", "m_person": "Middle"}, "row 3")
