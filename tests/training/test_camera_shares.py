"""Line 5 of "Never sure without ground": rows that lack a camera are said, and stand in the run's numbers."""

import json

import pytest
from drawn import DrawnDataset
from fitted import fit

from roadcue.evaluation.config import EvalConfig
from roadcue.evaluation.run import evaluate_run
from roadcue.loaders.dataset import Subset
from roadcue.training.camera_shares import camera_shares, cameras_said


def test_line_5_the_share_of_rows_per_camera_is_said_and_kept(drawn, capsys):
    drawn.splits["train"] = DrawnDataset("train", sequences=4, without_rear=range(24))
    drawn.splits["val"] = DrawnDataset("val", sequences=2, without_rear=range(8))
    run = fit(drawn(epochs=1, cameras="FRONT,REAR"))
    said = capsys.readouterr().out
    stand_in = "; zero vectors stand in for the others (--missing_camera)"
    assert f"\ncameras of train: FRONT in 100%, REAR in 50% of 48 rows{stand_in}\n" in said
    of_val = f"cameras of val: FRONT in 100%, REAR in 66.7% of 24 rows{stand_in}"
    assert f"\n{of_val}\n" in said
    assert said.index(of_val) < said.index("run folder: ")
    facts = json.loads(run.facts.read_text())
    assert facts["cameras"] == {
        "train": {"FRONT": 1.0, "REAR": 0.5},
        "val": {"FRONT": 1.0, "REAR": pytest.approx(2 / 3)},
    }
    evaluate_run(EvalConfig(run=str(run.path), resamples=10))
    assert f"\n{of_val}\n" in capsys.readouterr().out
    numbers = json.loads((run.path / "metrics.json").read_text())
    assert numbers["cameras"] == {"FRONT": 1.0, "REAR": pytest.approx(2 / 3)}
    assert numbers["run"]["cameras"] == of_val
    assert of_val in (run.path / "report.html").read_text()


def test_line_5_cameras_that_all_rows_have_are_said_without_a_warning(drawn):
    assert cameras_said(drawn.splits["val"], drawn()) == "cameras of val: FRONT in 100% of 48 rows"


def test_line_5_a_run_without_an_encoder_has_no_cameras(drawn):
    assert camera_shares(drawn.splits["val"], drawn(encoder="none")) == {}
    assert cameras_said(drawn.splits["val"], drawn(encoder="none")) == ""


def test_line_5_nearly_all_rows_are_not_all_and_nearly_none_are_some(drawn):
    config = drawn(cameras="REAR")
    one_lacks = DrawnDataset("val", sequences=200, without_rear=[7])
    assert "REAR in 99.9% of 2,400 rows;" in cameras_said(one_lacks, config)
    one_has = DrawnDataset("val", sequences=200, without_rear=range(1, 2400))
    assert "REAR in 0.1% of 2,400 rows;" in cameras_said(one_has, config)
    assert "REAR in 0% of 3 rows;" in cameras_said(Subset(one_has, one_has.states.frame[3:6], "val"), config)
