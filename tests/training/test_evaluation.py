import json

import numpy as np
import pytest
from test_fitting import fit

from loaders.errors import BadInput
from training.config import EvalConfig
from training.evaluation import evaluate_run


@pytest.fixture
def run(drawn):
    return fit(drawn(epochs=2))


def test_the_table_the_numbers_and_the_page_come_out(run, capsys):
    evaluate_run(EvalConfig(run=str(run.path), resamples=100))
    numbers = json.loads((run.path / "metrics.json").read_text())
    names = {method["name"] for method in numbers["methods"]}
    assert {"waypoint", "waypoint without features", "ridge", "constant velocity", "stand still"} <= names
    assert numbers["sees_image"] == ["waypoint"]
    assert numbers["samples"] == 48
    assert numbers["sequences"] == 4
    page = (run.path / "report.html").read_text()
    assert "val00" in page or "val01" in page or "val02" in page or "val03" in page
    said = capsys.readouterr().out
    assert "waypoint without features" in said
    assert "drawn data, val" in said


def test_the_numbers_are_those_of_the_saved_heads(run):
    evaluate_run(EvalConfig(run=str(run.path), resamples=10))
    first = json.loads((run.path / "metrics.json").read_text())
    evaluate_run(EvalConfig(run=str(run.path), resamples=10))
    again = json.loads((run.path / "metrics.json").read_text())
    assert first["methods"] == again["methods"]


def test_another_encoder_than_the_run_s_is_refused(run):
    facts = run.read_facts()
    changed = next(name for name in facts["encoder_parts"] if "weight" in name)
    facts["encoder_parts"][changed] = "others"
    run.write_facts(facts)
    with pytest.raises(BadInput, match=changed):
        evaluate_run(EvalConfig(run=str(run.path)))


def test_a_folder_without_a_run_points_to_its_neighbours(run, tmp_path):
    with pytest.raises(BadInput, match=str(run.path)):
        evaluate_run(EvalConfig(run=str(tmp_path / "typo")))


def test_an_unfinished_run_is_said(run):
    run.facts.unlink()
    with pytest.raises(BadInput, match="finish"):
        evaluate_run(EvalConfig(run=str(run.path)))


def test_rows_without_a_log_are_not_scored(run, drawn):
    drawn.splits["val"].states.future[:10] = np.nan
    evaluate_run(EvalConfig(run=str(run.path), resamples=10))
    assert json.loads((run.path / "metrics.json").read_text())["samples"] == 38
