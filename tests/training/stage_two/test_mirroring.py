"""Mirroring: everything that heads read follows the picture, and twice is nothing."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from roadcue.errors import BadInput, BadRecord
from roadcue.heads.cue.answers import cue_truth
from roadcue.heads.cue.config import CueConfig
from roadcue.heads.cue.rules import CUES, path_cues
from roadcue.heads.field.labels import OBJECT_COLUMNS, OUTPUTS, POSITION_CLASSES, pedestrian_labels
from roadcue.heads.registry import HEADS, build_head, field_names, head_class, head_config
from roadcue.prompts.annotation import NOT_PRESENT, SIDES
from roadcue.prompts.bvpi import road_vs_sidewalk
from roadcue.prompts.mirror import has_mirror_rule, mirrored_fields, mirrored_text
from roadcue.schema import PAST_STATES, STATE_COLUMNS, WAYPOINTS, Intent, Preference, SampleTargets
from roadcue.training.stage_two.mirroring import (
    check_mirrored_labels,
    mirrored_camera,
    mirrored_intent,
    mirrored_past,
    mirrored_pictures,
    mirrored_targets,
    unmirrored_cameras,
)

metres = st.floats(-50, 50, width=32)
paths = arrays(np.float32, (WAYPOINTS, 2), elements=metres)
object_cells = st.lists(st.sampled_from(SIDES), max_size=4).map(lambda sides: "-".join(sides) or NOT_PRESENT)
cells = {column: st.sampled_from(classes) for column, classes in POSITION_CLASSES.items()}
cells |= {column: object_cells for columns in OBJECT_COLUMNS for column in columns}
fields = st.fixed_dictionaries({}, optional=cells)
targets = st.builds(
    SampleTargets,
    future=st.none() | paths,
    preferences=st.lists(st.builds(Preference, xy=paths, score=st.floats(0, 10)), max_size=2).map(tuple),
    fields=fields,
    caption=st.none() | st.text(max_size=30) | st.just("A car on the left, a wall to the RIGHT."),
    bvpi=st.none() | st.just("Sidewalk: right. Road: left. RoadVsSidewalk: left_of."),
    cluster=st.none() | st.just("Cut_ins"),
)


def same(one: SampleTargets, other: SampleTargets) -> bool:
    paths = zip([p.xy for p in one.preferences], [p.xy for p in other.preferences], strict=True)
    scores = [p.score for p in one.preferences] == [p.score for p in other.preferences]
    bare = [replace(targets, future=None, preferences=()) for targets in (one, other)]
    none = one.future is None and other.future is None
    future = none or np.array_equal(one.future, other.future)  # type: ignore[arg-type]
    return bare[0] == bare[1] and scores and bool(future) and all(np.array_equal(*pair) for pair in paths)


@cache
def heads():
    return [build_head(name, head_config(name)(), 0, 0) for name in HEADS]


@given(targets)
def test_mirrored_twice_is_nothing_for_all_that_the_heads_of_the_registry_read(given_one):
    other = mirrored_targets(given_one)
    assert same(mirrored_targets(other), given_one)
    for head in heads():
        before, after = head.encode_target(given_one), head.encode_target(mirrored_targets(other))
        assert before.keys() == after.keys()
        assert all(torch.equal(before[name].nan_to_num(-7), after[name].nan_to_num(-7)) for name in before)


def test_every_label_of_every_head_has_a_rule():
    assert set(field_names()) > set(OUTPUTS)
    for column in field_names():
        assert has_mirror_rule(column), f"{column}: say in prompts/mirror.py what it is in a mirror"
    for column, classes in POSITION_CLASSES.items():
        others = [mirrored_fields({column: value})[column] for value in classes]
        assert sorted(others) == sorted(classes)
        assert [value for value, other in zip(classes, others, strict=True) if value != other] == ["Left", "Right"]


@given(fields)
def test_labels_are_those_of_the_other_side(given_fields):
    before, after = (
        pedestrian_labels(SampleTargets(fields=each)) for each in (given_fields, mirrored_fields(given_fields))
    )
    assert torch.equal(before["objects"].flip(2).nan_to_num(-7), after["objects"].nan_to_num(-7))
    sidewalk, road = after["positions"].tolist()
    assert sidewalk == {-1: -1, 0: 2, 1: 1, 2: 0, 3: 3}[before["positions"][0].item()]
    assert road == {-1: -1, 0: 0, 1: 3, 2: 2, 3: 1}[before["positions"][1].item()]


@given(paths)
def test_a_mirrored_drive_turns_the_other_way_at_the_same_pace(future):
    options = CueConfig()
    other = mirrored_targets(SampleTargets(future=future)).future
    cue, pace = path_cues(torch.from_numpy(future)[None], options.offset_m, options.offset_at_s)[0].tolist()
    labels = {"future": torch.from_numpy(other)[None], "positions": torch.full((1, 2), -1)}
    labels["objects"] = torch.full((1, 2, 9, 3), torch.nan)
    assert cue_truth(options, labels)[0].tolist() == [len(CUES) - 1 - cue, pace]


@pytest.mark.parametrize("sidewalk", POSITION_CLASSES["sidewalk_pos"])
@pytest.mark.parametrize("road", POSITION_CLASSES["road_pos"])
def test_the_road_is_on_the_other_side_of_the_sidewalk(sidewalk, road):
    other = mirrored_fields({"sidewalk_pos": sidewalk, "road_pos": road})
    assert road_vs_sidewalk(*other.values()) == mirrored_text(road_vs_sidewalk(sidewalk, road))


@given(arrays(np.float32, (PAST_STATES, 6), elements=metres | st.just(np.float32("nan"))), st.sampled_from(Intent))
def test_states_and_intent_turn_the_other_way(past, intent):
    other = mirrored_past(past)
    signs = [-1 if name in ("y", "vy", "ay") else 1 for name in STATE_COLUMNS]
    assert np.array_equal(other, past * np.array(signs, np.float32), equal_nan=True)
    assert np.array_equal(mirrored_past(other), past, equal_nan=True)
    assert mirrored_intent(mirrored_intent(intent)) is intent
    assert (mirrored_intent(intent) is intent) == (intent in (Intent.UNKNOWN, Intent.GO_STRAIGHT))


def test_pictures_change_places_with_those_of_the_other_side():
    pictures = {name: np.full((2, 3, 3), i, np.uint8) for i, name in enumerate(["FRONT_LEFT", "FRONT"])}
    pictures["FRONT"][:, 0] = 9
    other = mirrored_pictures(pictures)
    assert list(other) == ["FRONT_RIGHT", "FRONT"]
    assert (other["FRONT"][:, 2] == 9).all()
    assert (other["FRONT"][:, 0] == 1).all()
    assert (other["FRONT_RIGHT"] == 0).all()
    assert all(np.array_equal(mirrored_pictures(other)[name], pictures[name]) for name in pictures)


def test_cameras_are_mirrored_by_the_words_of_their_names():
    assert mirrored_camera("FRONT_LEFT 10 frames before") == "FRONT_RIGHT 10 frames before"
    assert mirrored_camera("left") == "right"
    assert mirrored_camera("BRIGHT") == "BRIGHT"
    assert unmirrored_cameras(("FRONT", "FRONT_LEFT", "FRONT_RIGHT")) == []
    assert unmirrored_cameras(("FRONT", "SIDE_LEFT", "FRONT_RIGHT")) == ["SIDE_LEFT", "FRONT_RIGHT"]


def test_a_head_whose_field_has_no_rule_is_refused(monkeypatch):
    check_mirrored_labels(heads())
    cue = next(head for head in heads() if head.name == "cue")
    monkeypatch.setattr(head_class("cue"), "reads", ("lane",))
    with pytest.raises(BadInput, match=r"'lane' of the head 'cue'"):
        check_mirrored_labels([cue])


@pytest.mark.parametrize("field", [{"road_pos": "Leftish"}, {"m_car": "Left-Up"}])
def test_a_label_that_is_none_is_not_mirrored(field):
    with pytest.raises(BadRecord, match="is '"):
        mirrored_fields(field)
