"""A sweep of a stage two: its controls, its tables, and what is left of it."""

import csv
import json
from dataclasses import replace

import pytest
import torch

from roadcue.command_line import parse
from roadcue.errors import BadInput
from roadcue.training.config import TrainConfig
from roadcue.training.run_folder import RunFolder
from roadcue.training.stage_two.earlier_run import taken_over
from roadcue.training.sweep.stage_two import StageOne, compared, controls, scored_run
from roadcue.training.sweep.sweep import planned, sweep


def asked(earlier, folder, *words):
    given = ["--from", str(earlier.path), "--stage", "lora", "--epochs", "1", "--batch_size", "48", "--workers", "0"]
    return parse(TrainConfig, [*given, "--run_dir", str(folder), *words])


def test_a_control_is_trained_for_every_setting_that_is_not_of_the_encoder(runs, tmp_path):
    words = ["--sweep", "lora.rank=2,4", "--sweep", "lr=1e-3,1e-2", "--lora.dropout", "0.5", "--accumulate", "2"]
    planned_runs = planned(*asked(runs(), tmp_path / "sweep", *words, "--augment", "0.5", "--seeds", "2"), tmp_path)
    controls = [run for run in planned_runs if run.config.stage == "heads"]
    assert [(run.config.lr, run.config.seed) for run in controls] == [(1e-3, 0), (1e-3, 1), (1e-2, 0), (1e-2, 1)]
    assert planned_runs[: len(controls)] == controls
    assert len(planned_runs) == 4 + 8
    for control in controls:
        assert (control.config.augment, control.config.epochs, control.config.lora) == (0.5, 1, None)
        assert control.config.from_run == str(runs().path)


@pytest.mark.parametrize("stages", ["lora,full", "full,lora,heads"])
def test_line_1_where_the_stage_itself_is_swept_the_control_comes_first(stages, runs, tmp_path):
    words = ["--from", str(runs().path), "--run_dir", str(tmp_path), "--sweep", f"stage={stages}", "--seeds", "2"]
    planned_runs = planned(*parse(TrainConfig, words), tmp_path)
    swept = [stage for stage in stages.split(",") if stage != "heads"]
    expected = [stage for stage in ("heads", *swept) for _ in range(2)]
    assert [run.config.stage for run in planned_runs] == expected, "one control, whether it is asked for or not"


def test_line_1_of_another_head_its_name_alone_is_told(runs, tmp_path):
    config, _ = parse(TrainConfig, ["--from", str(runs().path), "--run_dir", str(tmp_path)])
    with pytest.raises(BadInput, match=r"other options: --head cue, and the run has waypoint,field; leave them out"):
        taken_over(replace(config, head="cue", head_options={}))


def test_a_control_has_no_option_of_an_encoder_that_learns():
    text, beside = controls("stage: lora\nlora: {rank: 4}\nlr: 0.1\n", [{"lora.rank": "2"}, {"lora.rank": "4"}])
    assert text == "lr: 0.1\n"
    assert beside == [{"stage": "heads"}]


@pytest.fixture(scope="module")
def swept(runs, tmp_path_factory):
    folder = tmp_path_factory.mktemp("swept") / "sweep"
    sweep(*asked(runs(), folder, "--sweep", "lora.rank=1,8", "--encoder_lr", "1"))
    return folder


def test_every_setting_stands_beside_stage_one_and_the_control(swept):
    figures = {
        each["figure"]: each["lines"] for each in json.loads((swept / "unfreezing.json").read_text())["figures"]
    }
    assert next(iter(figures)) == "ADE 5 s (m)"
    for lines in figures.values():
        assert [line["name"] for line in lines] == ["stage one", "control", "lora.rank=1", "lora.rank=8"]
        heads, control, one, eight = (line["trainable"] for line in lines)
        assert heads == control
        assert eight - control == 8 * (one - control) > 0
        assert lines[1]["over_control"] is None is lines[0]["over_first"]
        assert all(line["over_first"] and line["step_s"] > 0 and line["memory_gib"] > 0 for line in lines[1:])
    assert (swept / "unfreezing-waypoint.svg").read_text().startswith("<svg")


def test_what_is_left_of_it_is_as_of_other_sweeps(swept):
    names = [run["name"] for run in json.loads((swept / "sweep.json").read_text())["runs"]]
    assert names == ["stage=heads-seed0", "lora.rank=1-seed0", "lora.rank=8-seed0"]
    with (swept / "sweep.csv").open() as file:
        lines = list(csv.DictReader(file))
    assert {(line["stage"], line["lora.rank"]) for line in lines} == {("heads", ""), ("", "1"), ("", "8")}
    assert all("--from_run" in line["command"] for line in lines)
    assert "--stage lora" in RunFolder(swept / "lora.rank=8-seed0").read_facts()["command"]


def test_runs_are_scored_with_the_encoder_that_they_have_left(runs, swept):
    first = StageOne.of(str(runs().path), [])
    trained = RunFolder(swept / "lora.rank=8-seed0")
    scores, val = scored_run(trained, "lora", {}, "")
    assert torch.equal(val.targets["future"], first.val.targets["future"])
    own = json.loads((swept / "unfreezing.json").read_text())["figures"][0]["lines"][3]["figure"]
    lines = {
        line.name: line
        for figure, of in compared(first, {"lora": [(trained, scores)]})
        for line in of[:2]
        if figure.name == "waypoint"
    }
    assert lines["lora"].figure.value == pytest.approx(own["value"])
