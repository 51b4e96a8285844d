"""Line 1: rows whose pictures are unlike the training pictures are scored, and apart from them those answered."""

import numpy as np
import pytest
import torch

from roadcue.evaluation.answered import ANSWERED, scores_with_answered
from roadcue.heads.ood_detector import OOD_SCORE
from roadcue.heads.registry import build_head, head_config
from roadcue.metrics.bootstrap import Bootstrap

ROWS, FEW = 40, Bootstrap(resamples=20)
TRUTH = np.arange(ROWS) % 3


@pytest.fixture
def head():
    return build_head("cue", head_config("cue")(), 0, 0)


def said(wrong, ood_score=None):
    """Way and pace of every row, rightly but for those of `wrong`, and what it costs to be that sure."""
    answer = np.where(wrong, (TRUTH + 1) % 3, TRUTH)
    probabilities = np.full((ROWS, 2, 3), 0.1, np.float32)
    probabilities[np.arange(ROWS), :, answer] = 0.8
    arrays = {
        "cue_probabilities": probabilities,
        "cue_sets": probabilities > 0.5,
        "cue_logits": np.log(probabilities),
    }
    return arrays if ood_score is None else {**arrays, OOD_SCORE: ood_score}


def tables(head, monkeypatch, unlike, wrong):
    monkeypatch.setattr(
        type(head), "truth", lambda self, targets: torch.from_numpy(TRUTH)[targets["rows"]][:, None].expand(-1, 2)
    )
    score = np.where(unlike, 2.0, 0.5).astype(np.float32)
    methods = {"cue": said(wrong, score), "cue without features": said(wrong)}
    sequence = np.array([f"s{row % 8}" for row in range(ROWS)])
    targets = {"rows": torch.arange(ROWS)}
    return {
        table.title: table for table in scores_with_answered(head, "cue", methods, targets, sequence, unlike, FEW)
    }


def test_the_heads_line_is_there_twice_of_all_rows_and_of_those_answered(head, monkeypatch):
    unlike, wrong = np.arange(ROWS) < 10, np.arange(ROWS) < 12
    cue = tables(head, monkeypatch, unlike, wrong)["Cue"]
    assert list(cue.methods) == ["cue", "cue" + ANSWERED, "cue without features"]
    assert cue.methods["cue"]["accuracy"].value == pytest.approx(28 / 40)
    assert cue.methods["cue" + ANSWERED]["accuracy"].value == pytest.approx(28 / 30)
    assert "25.0% of all rows are unlike the training pictures" in cue.meaning
    assert f"cue{ANSWERED}: 30 of the 40 samples" in cue.meaning


def test_a_table_of_its_own_says_what_not_answering_gains(head, monkeypatch):
    unlike, wrong = np.arange(ROWS) < 10, np.arange(ROWS) < 12
    table = tables(head, monkeypatch, unlike, wrong)["Cue, answered or not"]
    assert list(table.methods) == ["cue"], "its twin sees no picture"
    figures = {name: interval.value for name, interval in table.methods["cue"].items()}
    assert figures["flagged"] == pytest.approx(0.25)
    assert figures["accuracy"] == pytest.approx(28 / 40)
    assert figures["answered"] == pytest.approx(28 / 30)
    assert figures["augrc"] < figures["augrc_probability"] == pytest.approx(12 / 40 / 2)
    curve = table.curves["cue"]
    assert (curve.coverage[-1], curve.accuracy[-1]) == (1, pytest.approx(28 / 40))
    assert curve.accuracy[0] == pytest.approx(28 / 30)
    assert table.to_json()["curves"]["cue"]["coverage"] == curve.coverage


def test_where_all_are_alike_there_is_no_second_line(head, monkeypatch):
    none = np.zeros(ROWS, bool)
    cue = tables(head, monkeypatch, none, none)["Cue"]
    assert list(cue.methods) == ["cue", "cue without features"]
    assert "0.0% of all rows" in cue.meaning
    assert list(tables(head, monkeypatch, ~none, none)["Cue"].methods) == ["cue", "cue without features"]
