"""Labels as heads count them."""

import pytest
import torch

from roadcue.errors import BadHead
from roadcue.heads.field.labels import OBJECT_COLUMNS, POSITION_CLASSES, encode_fields, no_fields
from roadcue.prompts.annotation import OBJECT_KINDS, Annotation


def test_columns_and_classes_are_counted_in_the_order_that_saved_heads_know():
    assert dict(POSITION_CLASSES) == {
        "sidewalk_pos": ("Left", "Center", "Right", "Outside"),
        "road_pos": ("Not present", "Left", "Front", "Right"),
    }
    kinds = [
        "m_bicycle",
        "m_car",
        "m_person",
        "m_traffic_sign",
        "traffic_light",
        "m_obstacle",
        "m_grass",
        "m_plants",
        "m_trees",
    ]
    assert (tuple(kinds), tuple(f"{kind}_outside" for kind in kinds)) == OBJECT_COLUMNS


def test_an_annotation_is_encoded():
    near = {"car": ("Left", "Center", "Left"), "trees": ()}
    row = Annotation("a.jpg", "Outside", "Front", near, {"bicycle": ("Right",)}).row
    positions, objects = encode_fields(row)
    assert positions.tolist() == [3, 2]
    assert objects[0, OBJECT_KINDS.index("car")].tolist() == [1, 1, 0]
    assert objects[0, OBJECT_KINDS.index("trees")].tolist() == [0, 0, 0]
    assert objects[1, OBJECT_KINDS.index("bicycle")].tolist() == [0, 0, 1]
    assert objects.isnan().any(dim=2).sum() == 18 - 3


@pytest.mark.parametrize("fields", [{}, {"weather": "rain"}, {"sidewalk_pos": "", "m_car": ""}])
def test_what_is_not_labelled_is_unknown(fields):
    positions, objects = encode_fields(fields)
    unknown = no_fields(1)
    assert torch.equal(positions, unknown[0][0])
    assert objects.isnan().all()
    assert objects.shape == unknown[1][0].shape
    assert (positions == -1).all()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"sidewalk_pos": "centre"}, "sidewalk_pos is 'centre', not one of Left, Center, Right, Outside"),
        ({"road_pos": "Center"}, "road_pos is 'Center'"),
        ({"m_car_outside": "Left-Front"}, "m_car_outside is 'Left-Front', neither 'not present' nor Left"),
    ],
)
def test_a_value_that_is_none_is_named(fields, message):
    with pytest.raises(BadHead, match=message):
        encode_fields(fields)


def test_words_that_differ_in_blanks_and_case_are_read():
    as_written = encode_fields({"sidewalk_pos": "Left", "m_car": "Center-Left", "m_person": "not present"})
    positions, objects = encode_fields({"sidewalk_pos": " left", "m_car": "center-left ", "m_person": "Not present"})
    assert torch.equal(positions, as_written[0])
    assert torch.equal(objects.nan_to_num(-1), as_written[1].nan_to_num(-1))
