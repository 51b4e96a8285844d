"""Annotations of SENSATION, one and any."""

from hypothesis import strategies as st

from roadcue.prompts.annotation import OBJECT_KINDS, ROAD_POSITIONS, SIDES, SIDEWALK_POSITIONS, Annotation

NONE = dict.fromkeys(OBJECT_KINDS, ())

objects = st.dictionaries(st.sampled_from(OBJECT_KINDS), st.lists(st.sampled_from(SIDES), max_size=5).map(tuple))
annotations = st.builds(
    Annotation,
    image=st.from_regex(r"[\w-]{1,22}\.jpg", fullmatch=True),
    sidewalk=st.sampled_from(SIDEWALK_POSITIONS),
    road=st.sampled_from(ROAD_POSITIONS),
    near=objects,
    far=objects,
)


def annotation(sidewalk="Center", road="Left", near=(), far=()) -> Annotation:
    return Annotation("0001.jpg", sidewalk, road, NONE | dict(near), NONE | dict(far))
