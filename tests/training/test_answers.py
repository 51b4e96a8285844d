"""Heads that answer questions, from training over evaluation to the library."""

import json

import numpy as np
import pytest
import torch
from fitted import fit

import roadcue
from roadcue.errors import BadInput
from roadcue.evaluation.config import EvalConfig
from roadcue.evaluation.run import evaluate_run
from roadcue.heads.cue.config import CueConfig
from roadcue.heads.field.config import FieldConfig
from roadcue.heads.field.words import field_predictions
from roadcue.heads.multi_head import MultiHeadModel
from roadcue.heads.waypoint.config import WaypointConfig
from roadcue.loaders import picture_file
from roadcue.prompts import annotation_json as schema
from roadcue.schema import SampleTargets
from roadcue.training.build import build_run_encoder
from roadcue.training.config import TrainConfig
from roadcue.training.extraction import stored_split
from roadcue.training.heads.batches import labels_of
from roadcue.training.heads.predictions import predict

SMALL = {"waypoint": WaypointConfig(hidden=16), "field": FieldConfig(hidden=16), "cue": CueConfig(hidden=16)}


def heads(names, **options):
    """Blind ones, where it does not matter what they see."""
    small = {name: SMALL[name] for name in names.split(",")}
    return {"head": names, "head_options": small, "epochs": 2, "encoder": "none", **options}


@pytest.fixture
def pedestrian(drawn):
    """Drawn data of somebody who comes without past states and without a path."""
    for dataset in drawn.splits.values():
        dataset.states.past[:] = np.nan
        dataset.states.future[:] = np.nan
        dataset.states.intent[:] = 0
    return drawn


def test_several_heads_train_and_are_scored_in_one_pass(drawn, capsys):
    config = drawn(**heads("waypoint,field,cue", encoder="smol"))
    run = fit(config)
    output = capsys.readouterr().out
    assert "kept for calibration: 24 rows of 2 sequences; trained on: 72 rows of 6 sequences" in output
    last = output.splitlines()[-3]
    assert "ADE@5s vs log: waypoint " in last
    assert "balanced accuracy of sidewalk and road: field 0." in last
    assert "cue accuracy: cue 0." in last
    assert last.count(", without features ") == 3, "a twin stands behind its head, which it does not name again"
    evaluate_run(EvalConfig(run=str(run.path), resamples=50))
    numbers = json.loads((run.path / "metrics.json").read_text())
    assert {"waypoint", "ridge"} <= {method["name"] for method in numbers["methods"]}
    tables = {table["title"]: table for table in numbers["answers"]}
    assert list(tables) == [
        "Sidewalk position",
        "Sidewalk position, answered or not",
        "Road position",
        "Road position, answered or not",
        "Road as seen from the sidewalk",
        "Objects, macro F1",
        "Cue",
        "Cue, answered or not",
        "Pace",
        "Pace, answered or not",
    ]
    for table in tables.values():
        table["methods"] = {name: figures for name, figures in table["methods"].items() if "answered" not in name}
    fields = tables["Sidewalk position"]
    assert list(fields["methods"]) == ["field", "field without features", "majority field", "list everything"]
    everything = tables["Objects, macro F1"]["methods"]["list everything"]
    assert everything["near_presence"]["value"] > 0
    assert fields["samples"] == sum(row % 5 != 3 for row in range(48))
    assert tables["Road position"]["samples"] < fields["samples"]
    majority = fields["methods"]["majority field"]["balanced_accuracy"]["value"]
    assert majority == pytest.approx(1 / 3)  # three of the four classes occur
    relation = tables["Road as seen from the sidewalk"]
    assert relation["samples"] <= tables["Road position"]["samples"]
    assert set(relation["methods"]["field"]) == {"accuracy", "balanced_accuracy", "macro_f1"}
    assert list(tables["Cue"]["methods"]) == ["cue", "cue without features", "majority cue"]
    model = MultiHeadModel.from_pretrained(run.model).eval()
    split = stored_split(
        drawn.splits["val"],
        build_run_encoder(config),
        config,
        labels=labels_of(drawn.splits["val"], model.heads.values()),
    )
    true = model.heads["cue"].truth(split.targets)[:, 0].numpy()
    known = true != -1  # some labels are too few for the rule
    assert tables["Cue"]["samples"] == known.sum() < len(true)
    sets = predict(model, split).answers["cue"]["cue_sets"][known, 0]
    covered = np.take_along_axis(sets, true[known, None], axis=1).mean()
    assert tables["Cue"]["methods"]["cue"]["coverage"]["value"] == pytest.approx(covered)
    assert numbers["sees_image"] == ["cue", "field", "waypoint"]
    page = (run.path / "report.html").read_text()
    assert "Sidewalk position" in page
    assert "majority cue" in page


def test_without_paths_nothing_about_paths_is_said(pedestrian, capsys):
    run = fit(pedestrian(**heads("cue,field")))
    evaluate_run(EvalConfig(run=str(run.path), resamples=50))
    numbers = json.loads((run.path / "metrics.json").read_text())
    assert "methods" not in numbers
    assert len(numbers["answers"]) == 6
    page = (run.path / "report.html").read_text()
    assert "ADE" not in page
    assert "drawn data, val" in page


def test_the_rows_kept_for_calibration_are_not_trained_on(pedestrian):
    """Whatever labels they bear, the weights stay; only the temperatures know of them."""
    plain = MultiHeadModel.from_pretrained(fit(pedestrian(**heads("field"))).model)
    train = pedestrian.splits["train"]
    from roadcue.training.heads.batches import StoredSplit
    from roadcue.training.heads.holdout import keep_for_calibration

    _, kept = keep_for_calibration(StoredSplit.of(train, None), 0.2)
    labels = train.targets

    def other(row):
        fields = dict(labels(row).fields)
        if row in kept.rows and "sidewalk_pos" in fields:
            fields["sidewalk_pos"] = "Outside"
        return SampleTargets(fields=fields)

    train.targets = other
    run = fit(pedestrian(**heads("field", run_dir=str(pedestrian().run_dir) + "2")))
    changed = MultiHeadModel.from_pretrained(run.model)
    for (name, one), two in zip(plain.state_dict().items(), changed.state_dict().values(), strict=True):
        assert torch.equal(one, two) == (
            name != "roadcue.heads.field.head.temperature" and "temperature" not in name
        ), name


def test_without_calibration_every_row_is_trained_on_and_no_cue_is_ruled_out(pedestrian, capsys):
    run = fit(pedestrian(**heads("cue", calibration=0.0)))
    assert "kept for calibration" not in capsys.readouterr().out
    head = MultiHeadModel.from_pretrained(run.model).heads["cue"]
    assert head.calibration.threshold.tolist() == [torch.inf, torch.inf]
    assert json.loads(run.facts.read_text())["calibration"] is None


@pytest.mark.parametrize(
    ("names", "needs"),
    [("waypoint", "a logged future, which the waypoint head"), ("field,waypoint", "a logged future")],
)
@pytest.mark.parametrize("data", ["sensation", "bdd100k"])
def test_a_head_that_the_data_cannot_teach_is_refused(pedestrian, names, needs, data):
    for split in pedestrian.splits.values():
        split.name = data
    with pytest.raises(BadInput, match=rf"no row has both features and {needs}") as refused:
        fit(pedestrian(**heads(names)))
    reads_states = data == "sensation"
    assert ("its pictures come without states, which states.jsonl can give" in str(refused.value)) == reads_states
    assert {split.reads for split in pedestrian.splits.values()} == {0}  # said before a picture is encoded


def test_a_single_sequence_to_calibrate_on_is_refused_before_a_picture_is_encoded(pedestrian):
    pedestrian.splits["train"].states.sequence[:] = "walk-0000001"
    with pytest.raises(BadInput, match=r"only 1 sequence to train on, so none is left to calibrate on"):
        fit(pedestrian(**heads("cue", encoder="smol")))
    assert {split.reads for split in pedestrian.splits.values()} == {0}


def test_a_label_that_is_none_is_refused_with_its_row(pedestrian):
    pedestrian.splits["train"].targets = lambda row: SampleTargets(fields={"road_pos": "centre"})
    with pytest.raises(BadInput, match="memory: row 0: sample train00-000: road_pos is 'centre', not one of"):
        fit(pedestrian(**heads("field")))


def test_a_head_is_named_once():
    with pytest.raises(ValueError, match="names a head twice"):
        TrainConfig(head="cue,cue")


def test_cameras_are_those_of_the_data_set_where_none_are_named():
    assert TrainConfig(data="sidewalk").camera_names == ("CHEST",)
    assert TrainConfig(data="roadworld").camera_names == ("FRONT",)
    assert TrainConfig(data="sidewalk", cameras="A,B").camera_names == ("A", "B")
    with pytest.raises(ValueError, match="--cameras A,B: a captioner is shown the pictures of one camera"):
        TrainConfig(data="sidewalk", cameras="A,B", head="caption")


def test_the_library_answers_without_past_states(pedestrian):
    run = fit(pedestrian(**heads("field,cue", encoder="smol", epochs=1)))
    dataset = pedestrian.splits["val"]
    pictures = [picture_file.decode(dataset.image(row, "FRONT"), "here") for row in range(3)]
    road = roadcue.load(run.path)
    several, one = (road.predict(images, baselines=True) for images in (pictures, pictures[1]))
    for name in ("field", "field without features", "majority field"):
        answer = one[name]
        assert answer.json == several[name][1].json
        schema.check(answer.json)
        assert answer.sentence.startswith(f"Sidewalk: {answer.annotation.sidewalk.lower()}.")
        assert f"RoadVsSidewalk: {answer.road_vs_sidewalk}." in answer.sentence
        assert sum(answer.probabilities["road_pos"].values()) == pytest.approx(1)
        assert set(answer.probabilities["near"]) == set(answer.annotation.near)
    for name in ("cue", "majority cue"):
        answer = one[name]
        assert answer.cue == several[name][1].cue
        assert answer.probabilities[answer.cue] == max(answer.probabilities.values())
        assert answer.sure == (len(answer.cues) == len(answer.paces) == 1)
        assert answer.sentence.startswith("Not sure.") != answer.sure
    with pytest.raises(BadInput, match="3 pasts"):
        road.predict(pictures[:2], past=np.zeros((3, 16, 6)), intent=[0] * 3)


def test_a_run_with_paths_still_needs_past_states(drawn):
    run = fit(drawn(**heads("waypoint,cue")))
    dataset = drawn.splits["val"]
    picture = picture_file.decode(dataset.image(0, "FRONT"), "here")
    road = roadcue.load(run.path)
    with pytest.raises(BadInput, match="past is missing: this run predicts paths"):
        road.predict(picture)
    with pytest.raises(BadInput, match="intent is missing"):
        road.predict(picture, past=dataset.states.past[0])
    answer = road.predict(picture, past=dataset.states.past[0], intent="GO_LEFT")
    assert answer["waypoint"].waypoints_m.shape == (20, 2)
    assert answer["cue"].cue in answer["cue"].probabilities


def test_an_answer_in_words():
    seen = np.zeros((1, 2, 9, 3), bool)
    seen[0, 0, 1], seen[0, 1, 4, 2] = [True, True, False], True
    prediction = {
        "position": np.array([[1, 3]]),
        "seen": seen,
        "position_probabilities": np.full((1, 2, 4), 0.25),
        "presence_probabilities": np.full((1, 2, 9), 0.5),
    }
    (answer,) = field_predictions(prediction, np.ones(20, bool))
    assert answer.sentence == (
        "Sidewalk: center. Road: right. RoadVsSidewalk: right_of. "
        "Nearby: 2 cars close on the left and center. Far: a traffic light farther away on the right."
    )
    assert answer.json["objects_on_sidewalk"]["car"] == "Center"
    assert json.loads(json.dumps(answer.to_json())) == {
        "annotation": answer.json,
        "probabilities": answer.probabilities,
        "in_distribution": None,
        "ood_score": None,
        "reason": None,
    }
