"""Labels as heads count them, against the loaders that read them."""

import pytest
import torch

from roadcue.errors import BadHead
from roadcue.heads.field.labels import ABSENT, KINDS, OBJECT_COLUMNS, POSITIONS, SIDES, encode_fields, no_fields
from roadcue.loaders.sensation import annotation
from roadcue.loaders.sensation.annotation import Annotation


def test_columns_and_classes_are_those_of_the_loader():
    assert SIDES == annotation.POSITIONS
    assert dict(POSITIONS) == {
        "sidewalk_pos": annotation.SIDEWALK_POSITIONS,
        "road_pos": annotation.ROAD_POSITIONS,
    }
    assert KINDS == annotation.OBJECTS
    assert (tuple(annotation.NEAR_COLUMNS.values()), tuple(annotation.FAR_COLUMNS.values())) == OBJECT_COLUMNS
    assert ABSENT == annotation.NOT_PRESENT


def test_an_annotation_is_encoded():
    near = {"car": ("Left", "Center", "Left"), "trees": ()}
    row = Annotation("a.jpg", "Outside", "Front", near, {"bicycle": ("Right",)}).row
    positions, objects = encode_fields(row)
    assert positions.tolist() == [3, 2]
    assert objects[0, KINDS.index("car")].tolist() == [1, 1, 0]
    assert objects[0, KINDS.index("trees")].tolist() == [0, 0, 0]
    assert objects[1, KINDS.index("bicycle")].tolist() == [0, 0, 1]
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
    ("fields", "said"),
    [
        ({"sidewalk_pos": "centre"}, "sidewalk_pos is 'centre', not one of Left, Center, Right, Outside"),
        ({"road_pos": "Center"}, "road_pos is 'Center'"),
        ({"m_car_outside": "Left-Front"}, "m_car_outside is 'Left-Front', neither 'not present' nor Left"),
    ],
)
def test_a_value_that_is_none_is_named(fields, said):
    with pytest.raises(BadHead, match=said):
        encode_fields(fields)
