"""What is asked and learnt for each kind of text, out of a row's targets."""

import json

import numpy as np
import pytest
from sensation_annotations import NONE, annotation

from roadcue.prompts.annotation_json import completed, to_json
from roadcue.prompts.instructions import ANNOTATION, BVPI, CUE, PATH
from roadcue.prompts.path_text import parse
from roadcue.schema import SampleTargets
from roadcue.training.captions.targets import answer_for, instruction_for
from roadcue.training.captions.validation import claims_of

BLOCKED = annotation("Center", "Left", near={"car": ("Center",)})
WALK = SampleTargets(fields=BLOCKED.row, caption="A car ahead.", bvpi="Sidewalk: center.")
AHEAD = np.stack([2 * 0.25 * np.arange(1, 21), np.zeros(20)], axis=1).astype(np.float32)
DRIVE = SampleTargets(future=AHEAD)


class Asked:
    instruction = "Describe the scene."


def test_each_kind_of_text_has_its_question():
    asked = {target: instruction_for(target, Asked()) for target in ("bvpi", "caption", "cue", "json", "path")}
    assert asked == {
        "bvpi": BVPI, "caption": "Describe the scene.", "cue": CUE, "json": ANNOTATION, "path": PATH
    }  # fmt: skip


def test_a_walker_is_told_the_way_by_the_rule_of_his_labels():
    assert answer_for("cue", WALK) == "Deviate right, slow down."
    known = SampleTargets(future=AHEAD, fields=BLOCKED.row)
    assert answer_for("cue", known) == "Deviate right, slow down.", "and not by his own path"


def test_a_driver_is_told_the_way_that_he_takes():
    aside = AHEAD + np.stack([np.zeros(20), 0.2 * np.arange(1, 21)], axis=1).astype(np.float32)
    assert answer_for("cue", DRIVE) == "Keep straight, keep pace."
    assert answer_for("cue", SampleTargets(future=aside)) == "Deviate left, keep pace."


def test_an_annotation_is_learnt_in_the_form_that_ends():
    document = json.loads(answer_for("json", WALK))
    assert "image" not in document
    assert document["objects_on_sidewalk"]["car"] == "Center"
    assert completed(document, BLOCKED.image) == to_json(BLOCKED)


def test_a_path_is_learnt_as_five_points():
    np.testing.assert_allclose(parse(answer_for("path", DRIVE)), [[2, 0], [4, 0], [6, 0], [8, 0], [10, 0]])


@pytest.mark.parametrize("target", ["bvpi", "caption", "cue", "json", "path"])
def test_a_row_without_targets_has_no_text(target):
    assert answer_for(target, SampleTargets()) == ""
    unlabelled = SampleTargets(fields={"sidewalk_pos": "", "road_pos": ""})
    assert answer_for(target, unlabelled) == ""


def test_what_a_text_of_each_kind_claims():
    fields = {("sidewalk", "center"), ("road", "left"), ("relation", "left_of"), ("near", "car", "Center")}
    assert claims_of(answer_for("json", WALK), "json") == fields
    bvpi = "Sidewalk: center. Road: left. RoadVsSidewalk: left_of. Nearby: a car close on the center. Context: No."
    assert claims_of(bvpi, "bvpi") == fields
    assert claims_of("Nearby: a car.", "bvpi") == {("near", "car")}
    assert claims_of("Deviate right, slow down.", "cue") == {("deviate right",), ("slow down",)}


@pytest.mark.parametrize(
    "text", ["", "{", "[1]", "null", '{"sidewalk_pos": "Up"}', "[" * 100_000, "Deviate up, run."]
)
def test_a_text_that_cannot_be_read_claims_nothing(text):
    assert not claims_of(text, "json") | claims_of(text, "cue") | claims_of(text, "bvpi")


def test_nothing_is_claimed_of_what_is_not_there():
    assert claims_of(answer_for("json", SampleTargets(fields=annotation(near=NONE).row)), "json") == {
        ("sidewalk", "center"),
        ("road", "left"),
        ("relation", "left_of"),
    }
