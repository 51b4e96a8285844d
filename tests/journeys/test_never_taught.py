"""Outputs that no row had a label of, and labels under a name that no head reads: said, and never an answer."""

import html
import json
from dataclasses import replace

import pytest
from drawn import DrawnDataset
from main_job import exit_code
from manifest_lines import driven_line
from refusal import refused
from safetensors.torch import load_file, save_file

import roadcue
from roadcue import eval as scoring
from roadcue import predict, train
from roadcue.heads.cue.head import CueHead
from roadcue.heads.field.labels import OUTPUTS
from roadcue.heads.registry import HEADS
from roadcue.loaders.registry import DATASETS, DatasetEntry

SIDES = ("Left", "Center", "Right")
KINDS = OUTPUTS[2:]
QUICK = ("--epochs", 1, "--grid", 2, "--workers", 0)
FIELD = (*QUICK, "--head", "field", "--field.hidden", 16)
WAYPOINT = (*QUICK, "--head", "waypoint", "--waypoint.hidden", 16)


def trained(capsys, *words):
    """What train.py said, in one line."""
    capsys.readouterr()
    assert exit_code(train.main, *words) == 0
    return " ".join(capsys.readouterr().out.split())


def own_data(folder, fields):
    """A manifest of 8 sequences of 3 pictures: `fields(number)` are a line's own."""
    (folder / "front").mkdir(parents=True)
    lines = []
    for number in range(24):
        split = "train" if number < 15 else "val"
        line = {**driven_line(folder, number, str(number // 3), split), "fields": fields(number)}
        lines.append(json.dumps(line) + "\n")
    (folder / "manifest.jsonl").write_text("".join(lines))
    return "--data", "manifest", "--data_dir", folder


def positions(number):
    return {"sidewalk_pos": SIDES[number % 3], "road_pos": "Left"}


def test_line_2_an_output_that_never_had_a_label_is_not_spoken(tmp_path, capsys):
    words, run = own_data(tmp_path / "own", positions), tmp_path / "run"
    sentence = "field head: 18 of the 20 outputs have no label in the training rows; they are answered unknown and "
    assert sentence + f"not scored: {', '.join(KINDS)}" in trained(capsys, *words, *FIELD, "--run_dir", run)
    assert json.loads((run / "run.json").read_text())["untaught"] == {"field": list(KINDS)}

    assert exit_code(predict.main, "--run", run, tmp_path / "own/front") == 0
    lines = [json.loads(line)["field"] for line in capsys.readouterr().out.splitlines()]
    assert len(lines) == 24
    for line in lines:
        seen = line["annotation"]
        assert (seen["object_present"], seen["object_present_outside"]) == ("unknown", "unknown")
        assert {str(place) for place in seen["objects_on_sidewalk"].values()} == {"unknown", "['unknown']"}
        assert set(seen["objects_outside_sidewalk"].values()) == {"unknown"}
        assert (line["probabilities"]["near"], line["probabilities"]["far"]) == ({}, {})
        if line["in_distribution"]:
            assert "unknown" not in (seen["sidewalk_pos"], seen["road_pos"])
            assert line["sentence"].endswith("Nearby: unknown. Far: unknown.")
    assert sum(line["in_distribution"] for line in lines) >= 12, "those that it has learnt from"
    answers = roadcue.load(run).predict(tmp_path / "own/front/0.jpg")
    assert not any(answer.annotation.near for answer in answers.values())

    # The objects of other data have labels, but these answers are none.
    every = own_data(tmp_path / "labelled", lambda number: positions(number) | dict.fromkeys(KINDS, "Left"))
    assert exit_code(scoring.main, "--run", run, *every, "--resamples", 20, "--out", tmp_path / "out") == 0
    assert sentence in " ".join(capsys.readouterr().out.split())
    metrics = json.loads((tmp_path / "out/metrics.json").read_text())
    assert metrics["untaught"] == {"field": list(KINDS)}
    titles = ["Sidewalk position", "Road position", "Road as seen from the sidewalk"]
    assert [table["title"] for table in metrics["answers"] if "or not" not in table["title"]] == titles
    assert sentence in html.unescape((tmp_path / "out/report.html").read_text())


def test_line_2_some_kinds_taught_are_answered_and_scored_without_the_others(tmp_path, capsys):
    def fields(number):
        return {"sidewalk_pos": SIDES[number % 3], "m_car": SIDES[number % 3], "m_tree": ""} | (
            {"m_person": "Left"} if number >= 15 else {}
        )

    words, run = own_data(tmp_path / "own", lambda number: {**fields(number)}), tmp_path / "run"
    refusal = refused(capsys, train.main, *words, *FIELD)
    assert "line 1: sample 0: fields['m_tree'] is read by no head; did you mean 'm_trees'?" in refusal

    words = own_data(tmp_path / "mended", lambda n: {k: v for k, v in fields(n).items() if k != "m_tree"})
    trained(capsys, *words, *FIELD, "--run_dir", run)
    answer = roadcue.load(run).predict(tmp_path / "own/front/0.jpg", baselines=True)["list everything"]
    assert answer.annotation.near == {"car": SIDES}
    assert (answer.annotation.road, answer.road_vs_sidewalk) == ("unknown", "unknown")
    assert "road_pos" not in answer.probabilities
    assert "Road: unknown. RoadVsSidewalk: unknown. Nearby: 3 cars close across" in answer.sentence
    assert answer.sentence.endswith("; the rest unknown. Far: unknown.")
    assert exit_code(scoring.main, "--run", run, "--resamples", 20) == 0
    tables = {t["title"]: t for t in json.loads((run / "metrics.json").read_text())["answers"]}
    assert list(tables) == ["Sidewalk position", "Sidewalk position, answered or not", "Objects, macro F1"]
    # Of near kinds only cars are taught, and everywhere: persons of the validation rows count nowhere.
    assert tables["Objects, macro F1"]["methods"]["list everything"]["near_presence"]["value"] == 1


def test_line_2_a_run_of_before_is_read_as_taught_all(tmp_path, capsys):
    words, run = own_data(tmp_path / "own", positions), tmp_path / "run"
    trained(capsys, *words, *FIELD, "--run_dir", run)
    for file in (run / "model/heads").glob("field*/model.safetensors"):
        weights = load_file(file)
        del weights["taught"]
        save_file(weights, file)
    answer = roadcue.load(run).predict(tmp_path / "own/front/0.jpg")["field"]
    assert len(answer.annotation.near) == len(answer.annotation.far) == 9
    assert exit_code(scoring.main, "--run", run, "--resamples", 20) == 0
    assert json.loads((run / "metrics.json").read_text())["untaught"] == {}


def test_line_2_a_taught_output_without_a_label_to_score_it_on_is_said(tmp_path, capsys):
    words = own_data(tmp_path / "own", lambda n: {**positions(n), **({"road_pos": ""} if n >= 15 else {})})
    trained(capsys, *words, *FIELD, "--run_dir", tmp_path / "run")
    assert exit_code(scoring.main, "--run", tmp_path / "run", "--resamples", 20) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "manifest val: no row has a label of road_pos, which the field head is not scored on" in said


@pytest.mark.parametrize("head", [WAYPOINT, FIELD], ids=["waypoint", "field"])
def test_line_2_a_column_that_no_head_reads_is_an_error_with_the_nearest_name(tmp_path, capsys, head):
    misspelt = {"sidewalk": "Left", "road_pos": "Left"}
    words = own_data(tmp_path / "own", lambda number: misspelt if number == 6 else positions(number))
    sentence = refused(capsys, train.main, *words, *head)
    place = f"{tmp_path / 'own/manifest.jsonl'} line 7: sample 6: fields['sidewalk'] is read by no head"
    assert sentence.startswith(f"{place}; did you mean 'sidewalk_pos'?")
    assert "leave it out, or give --plugin the file of a head that names it in `reads`" in sentence


def test_line_2_so_is_one_of_a_plugins_data_set(tmp_path, capsys, monkeypatch):
    class Misspelt(DrawnDataset):
        def targets(self, row):
            return replace(super().targets(row), fields={"sidewalk_position": "Left"})

    monkeypatch.setattr(DATASETS, "_own", dict(DATASETS._own))
    opened = DatasetEntry(lambda folder, split, *, on_bad_record: Misspelt(split), needs_folder=False)
    DATASETS.register("mine", opened)
    sentence = refused(capsys, train.main, "--data", "mine", *FIELD, "--run_dir", tmp_path / "run")
    assert "fields['sidewalk_position'] is read by no head; did you mean 'sidewalk_pos'?" in sentence


def test_line_2_a_field_that_a_registered_head_reads_stays(tmp_path, capsys, monkeypatch):
    class WeatherHead(CueHead):
        name = "weather"
        reads = ("weather",)

    words = own_data(tmp_path / "own", lambda number: {"weather": "rain"})
    run = (*WAYPOINT, "--run_dir", tmp_path / "run")
    assert "fields['weather'] is read by no head" in refused(capsys, train.main, *words, *run)
    monkeypatch.setattr(HEADS, "_own", dict(HEADS._own))
    HEADS.register("weather", WeatherHead)
    trained(capsys, *words, *run)
