"""What a reader has to know before the numbers."""

import json
import re
from dataclasses import replace

import numpy as np
import torch
from drawn import DrawnDataset
from fitted import fit
from sensation_folder import labelled, walker

from roadcue.evaluation.config import EvalConfig
from roadcue.evaluation.heading import are_walks
from roadcue.evaluation.run import evaluate_run
from roadcue.heads.baselines.waypoint import MAX_CURVATURE
from roadcue.heads.waypoint.unicycle import roll_out
from roadcue.metrics.displacement import displacement, per_frame
from roadcue.reports.displacement_table import WALKS
from roadcue.schema import STEP_S, SampleTargets

FUTURE = walker("a.jpg").future


def test_walks_are_known_by_a_pedestrian_s_labels():
    walk = SampleTargets(future=FUTURE, fields=labelled("a.jpg").row)
    drive = SampleTargets(future=FUTURE, fields={"weather": "rain"})
    assert are_walks([drive, walk])
    assert not are_walks([drive, SampleTargets(future=FUTURE)])


def test_whose_thresholds_the_figures_have_is_said():
    """The thresholds that are said are those by which paths are scored and driven."""
    metres, seconds, radius = map(
        float, re.search(r"A miss \((.+) m at (.+) s\).*\(no turn tighter than (.+) m in radius", WALKS).groups()
    )
    logged, aside = np.zeros((2, 20, 2)), np.zeros((2, 20, 2))
    aside[:, round(seconds / STEP_S) - 1, 1] = metres - 0.01, metres + 0.01
    assert per_frame(displacement(aside, logged))["miss_rate"].tolist() == [0, 1]
    speed, full_lock = torch.full((1,), 1.4), torch.full((1, 20), MAX_CURVATURE)
    path = roll_out(torch.zeros(1, 20), full_lock, speed)[0]
    centre = torch.tensor([0.0, radius])
    torch.testing.assert_close((path - centre).norm(dim=1), torch.full((20,), radius), atol=1e-3, rtol=0)
    assert "those of driving" in WALKS


def test_line_7_what_is_doubted_of_the_states_stands_with_the_run_and_its_scores(drawn):
    drawn.splits["val"] = val = DrawnDataset("val", sequences=4)
    val.states = replace(val.states, past=val.states.past * np.array([1, 1, 3.6, 3.6, 1, 1], np.float32))
    run = fit(drawn(encoder="none", epochs=1))
    doubt = "drawn val: speeds look like km/h (in the past speeds are 3.6 times those of the positions)"
    (warning,) = json.loads(run.facts.read_text())["state_warnings"]
    assert warning.startswith(doubt)
    assert "the first memory: row 0: sample val00-000; states must be metres" in warning
    evaluate_run(EvalConfig(run=str(run.path), resamples=10))
    assert json.loads((run.path / "metrics.json").read_text())["run"]["states"] == warning
    assert doubt in (run.path / "report.html").read_text()
    drawn.splits["val"] = DrawnDataset("val", sequences=4)
    evaluate_run(EvalConfig(run=str(run.path), resamples=10))
    assert "states" not in json.loads((run.path / "metrics.json").read_text())["run"]
