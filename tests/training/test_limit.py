"""A first try on some samples of each split: which, where their features lie, and who says so."""

import json

import numpy as np
import pytest
from main_job import exit_code

from roadcue import eval as scoring
from roadcue import train
from roadcue.training.build import build_run_encoder, open_split
from roadcue.training.config import TrainConfig
from roadcue.training.extraction import extract


def test_the_samples_are_spread_over_the_sequences_and_their_features_lie_apart(small):
    some, whole = (TrainConfig(limit=limit, grid=2, workers=0) for limit in (16, None))
    few, all_of_them = (open_split(config, "train") for config in (some, whole))
    assert np.unique(few.states.sequence, return_counts=True)[1].tolist() == [2] * 8
    assert few.description.endswith("16 rows of it, spread over 8 sequences")
    encoder = build_run_encoder(some)
    store, first = (extract(data, encoder, some) for data in (few, all_of_them))
    assert store.folder != first.folder
    np.testing.assert_allclose(store.features, first.features[first.rows_of(few.states.id)], rtol=2e-3, atol=2e-3)


def test_a_limit_beyond_the_split_is_the_split(small):
    assert open_split(TrainConfig(limit=48), "val").fingerprint == open_split(TrainConfig(), "val").fingerprint


def test_training_and_scoring_say_that_it_is_a_first_try(small, tmp_path, capsys):
    run = tmp_path / "run"
    words = ["--limit", "24", "--encoder", "none", "--epochs", "1", "--run_dir", run, "--workers", "0"]
    assert exit_code(train.main, *words) == 0
    said = "a first try: 24 samples of each split at most (--limit 24), not all of them"
    assert capsys.readouterr().out.startswith(f"{said}\n")
    facts = json.loads((run / "run.json").read_text())
    assert (facts["limit"], facts["rows"]) == (24, {"train": 24, "val": 24})
    assert exit_code(scoring.main, "--run", run, "--resamples", "10") == 0
    assert capsys.readouterr().out.startswith(f"{said}\n")
    assert json.loads((run / "metrics.json").read_text())["run"]["extent"] == said
    assert said in (run / "report.html").read_text()


@pytest.mark.parametrize("words", [["--limit", "0"], ["--limit", "9", "--past_frames", "1"]])
def test_a_limit_that_leaves_nothing_to_read_is_refused(words, capsys):
    assert exit_code(train.main, *words) == 2
    assert "--limit" in capsys.readouterr().err
