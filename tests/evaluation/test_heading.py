"""What a reader has to know before the numbers."""

import re

import numpy as np
import torch
from sensation_folder import labelled, walker

from roadcue.evaluation.heading import are_walks
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
