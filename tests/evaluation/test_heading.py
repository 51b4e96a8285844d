"""What a reader has to know before the numbers."""

from sensation_folder import labelled, walker

from roadcue.evaluation.heading import are_walks
from roadcue.reports.displacement_table import WALKS
from roadcue.schema import SampleTargets

FUTURE = walker("a.jpg").future


def test_walks_are_known_by_a_pedestrian_s_labels():
    walk = SampleTargets(future=FUTURE, fields=labelled("a.jpg").row)
    drive = SampleTargets(future=FUTURE, fields={"weather": "rain"})
    assert are_walks([drive, walk])
    assert not are_walks([drive, SampleTargets(future=FUTURE)])


def test_whose_thresholds_the_figures_have_is_said():
    assert "A miss (2 m at 5 s)" in WALKS
    assert "those of driving" in WALKS
