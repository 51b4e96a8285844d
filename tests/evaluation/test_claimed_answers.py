"""What texts answer to the questions of heads."""

import json

import numpy as np
import pytest
import torch
from drawn import DrawnDataset
from hypothesis import given
from hypothesis import strategies as st
from sensation_annotations import annotation, annotations

from roadcue.evaluation.caption_frames import caption_frames
from roadcue.evaluation.claimed_answers import (
    MENTIONED,
    NEAR,
    OF_TARGET,
    Answers,
    answer_words,
    answers_of,
    field_answers,
    points_of,
    row_answers,
)
from roadcue.evaluation.constant_texts import mean_path
from roadcue.evaluation.frames import Frames
from roadcue.heads.cue.rules import blocked_sides, walking_cue
from roadcue.heads.field.labels import pedestrian_labels
from roadcue.prompts.annotation import OBJECT_KINDS
from roadcue.prompts.annotation_json import to_json
from roadcue.prompts.bvpi import compose
from roadcue.prompts.claims import Claims
from roadcue.prompts.path_text import compose as compose_path
from roadcue.schema import SampleTargets


def targets_of(labels):
    rows = [pedestrian_labels(SampleTargets(fields=one.row)) for one in labels]
    stacked = {name: torch.stack([row[name] for row in rows]) for name in rows[0]}
    return {"future": torch.full((len(labels), 20, 2), torch.nan), **stacked}


def whole(one):
    """With a label of every kind."""
    return annotation(one.sidewalk, one.road, one.near, one.far)


@given(st.lists(annotations.map(whole), min_size=1, max_size=4))
def test_the_gold_texts_are_right_in_all_that_is_asked(labels):
    found = row_answers([answers_of(compose(one, "Told.")) for one in labels], targets_of(labels))
    assert set(found) == set(OF_TARGET["bvpi"])
    for question, rows in found.items():
        assert (rows.right == 1).all(), question
        np.testing.assert_array_equal(rows.answer, rows.truth)
        assert np.isnan(rows.probability).all()
    cues = [walking_cue(one.sidewalk, one.road, blocked_sides(one.near)) for one in labels]
    assert list(zip(found["cue"].answer, found["pace"].answer, strict=True)) == cues
    assert set(found[NEAR].labelled) == {"bicycle, car, person, traffic_sign, traffic_light, obstacle"}


@given(st.lists(annotations.map(whole), min_size=1, max_size=4))
def test_what_texts_claim_in_the_form_of_the_field_head(labels):
    said = field_answers([answers_of(compose(one, "Told.")) for one in labels])
    truth = targets_of(labels)
    np.testing.assert_array_equal(said["position"], truth["positions"].numpy())
    near = truth["objects"].numpy()[:, 0] == 1
    np.testing.assert_array_equal(said["seen"][:, 0][:, MENTIONED], near[:, MENTIONED])
    assert not said["seen"][:, 1].any()


def test_what_a_text_does_not_claim_is_no_class():
    near = Claims(near={"car": ()})
    said = field_answers([Answers(Claims()), Answers(near)])
    assert (said["position"] == -1).all()
    assert not said["seen"][0].any()
    assert said["seen"][1, 0].any(axis=1).tolist() == [kind == "car" for kind in OBJECT_KINDS]


def test_annotation_json_answers_as_well():
    one = annotation("Left", "Right", {"obstacle": ("Left", "Right"), "trees": ("Left",)})
    document = to_json(one)
    del document["image"]
    found = row_answers([answers_of(json.dumps(document))], targets_of([one]))
    assert all((rows.right == 1).all() for rows in found.values())
    assert found[NEAR].answer == "obstacle Left-Right"


@pytest.mark.parametrize(
    ("text", "cue", "pace"),
    [
        ("Deviate left, slow down.", "deviate left", "slow down"),
        ("keep straight", "keep straight", ""),
        ("Deviate left or deviate right, stop.", "", "stop"),
        ("The way is clear.", "", ""),
        ("Sidewalk: center. Nearby: a car on the center.", "", ""),
        ("Sidewalk: center. Road: left. Keep straight.", "keep straight", ""),
        ("Sidewalk: center. Road: left. Nearby: a car close on the center.", "deviate right", "slow down"),
        ("Sidewalk: front. Road: left. Nearby: a car close on the center.", "", ""),
    ],
)
def test_a_cue_is_that_of_the_rule_or_of_the_words(text, cue, pace):
    found = answers_of(text)
    assert (found.cue, found.pace) == (cue, pace)


@pytest.mark.parametrize("text", ["", "{", '{"sidewalk_pos": "Left"}', "[" * 10_000, "{" + '"a":{' * 10_000, "null"])
def test_what_is_no_answer_says_nothing(text):
    assert answer_words([answers_of(text)]) == {}


def test_a_question_that_was_asked_is_there_though_nobody_answers():
    labels = [annotation(near={"car": ("Left",)})]
    targets = targets_of(labels)
    assert row_answers([answers_of("A nice day.")], targets) == {}
    found = row_answers([answers_of("A nice day.")], targets, OF_TARGET["bvpi"])
    assert set(found) == set(OF_TARGET["bvpi"])
    assert {question: rows.right[0] for question, rows in found.items() if rows.right[0]} == {NEAR: 5 / 6}
    assert found["road"].answer == ""


def test_the_constant_of_paths_is_the_mean_of_the_known_ones():
    future = np.zeros((4, 20, 2), np.float32)
    future[1] = np.arange(1, 21)[:, None] * [1.0, 0.5]
    future[2], future[3, -1] = np.nan, np.nan
    np.testing.assert_allclose(points_of([mean_path(future)])[0], future[1, [3, 7, 11, 15, 19]] / 2)
    assert mean_path(future[2:]) == ""


def test_paths_are_read_at_their_five_points(tmp_path):
    future = np.arange(40, dtype=np.float32).reshape(20, 2)
    points = points_of([compose_path(future), "nothing"])
    np.testing.assert_allclose(points[0], future[[3, 7, 11, 15, 19]])
    assert np.isnan(points[1]).all()
    data = DrawnDataset("val", sequences=1, frames=2)
    frames = caption_frames(
        data, np.arange(2), {"caption": [Answers(Claims())] * 2}, (), {"caption": points}, None, {}
    )
    frames.write(tmp_path / "frames.parquet")
    kept = Frames.read(tmp_path / "frames.parquet").columns["caption:points"]
    np.testing.assert_allclose(kept.reshape(2, 5, 2), points)


def test_what_is_not_labelled_is_not_judged():
    targets = targets_of([annotation()])
    targets["positions"][:, 0] = -1
    targets["objects"][:, 0, OBJECT_KINDS.index("car")] = torch.nan
    found = row_answers([answers_of("Sidewalk: left. Road: left. Nearby: a car on the left.")], targets)
    assert set(found) == {"road", NEAR}, "neither sidewalk, relation nor the cue have a truth"
    assert found[NEAR].right == 1
    assert "car" not in found[NEAR].labelled[0]


def test_a_kind_without_a_side_is_there_and_wrong():
    found = row_answers([Answers(answers_of("Nearby: a car.").claims, near=True)], targets_of([annotation()]))
    assert found[NEAR].answer == "car"
    assert found[NEAR].right == pytest.approx(5 / 6)
