"""Pictures of both splits under two names: what is scored has been trained on, which no list of file names shows."""

import json

import pytest
from drawn import DrawnDataset
from fitted import fit

from roadcue.evaluation.config import EvalConfig
from roadcue.evaluation.run import evaluate_run
from roadcue.heads.cue.config import CueConfig

SMALL = {"cue": CueConfig(hidden=16)}


class Borrowing(DrawnDataset):
    """Some of its rows show the FRONT picture of another split's row."""

    def __init__(self, split, other, rows):
        super().__init__(split, sequences=2)
        self._other, self._rows = other, rows

    def image(self, row, camera):
        return self._other.image(self._rows[row], camera) if row in self._rows else super().image(row, camera)


def test_pictures_of_both_splits_are_said_and_kept_and_stand_on_the_page(drawn, capsys):
    train = DrawnDataset("train", sequences=4)
    drawn.splits.update(train=train, val=Borrowing("val", train, {5: 17, 9: 30}))
    run = fit(drawn(head="waypoint,cue", head_options=SMALL, epochs=1))
    said = (
        "of val, 2 pictures are also among those that are trained on, the first in memory: row 5: sample val00-005, "
        "the same as in memory: row 17: sample train01-005; what is scored there has been seen before"
    )
    assert f"warning: {said}\n" in capsys.readouterr().err
    assert json.loads(run.facts.read_text())["same_pictures"] == said
    evaluate_run(EvalConfig(run=str(run.path), resamples=10))
    assert json.loads((run.path / "metrics.json").read_text())["run"]["seen before"] == said
    assert said in (run.path / "report.html").read_text()


@pytest.mark.parametrize("encoder", ["none", "smol"])
def test_of_different_pictures_and_of_none_nothing_is_said(drawn, capsys, encoder):
    run = fit(drawn(encoder=encoder, epochs=1))
    assert json.loads(run.facts.read_text())["same_pictures"] == ""
    assert "trained on" not in capsys.readouterr().err
