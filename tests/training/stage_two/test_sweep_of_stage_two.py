"""A sweep of a stage two: its controls, its tables, and what is left of it."""

import csv
import json

import pytest
import torch

from roadcue.command_line import parse
from roadcue.training.config import TrainConfig
from roadcue.training.run_folder import RunFolder
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
