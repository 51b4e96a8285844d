"""The benchmark of heads beside their ridge: what a ratio is, and that no photograph of a block is learnt from."""

from dataclasses import dataclass

import numpy as np
import pytest
import ridge_floor
from drawn import DrawnDataset
from rich.console import Console
from ridge_floor import RESIDUALS, ROWS, left_out, ratio, table

from roadcue.training.config import TrainConfig
from roadcue.training.heads.batches import StoredSplit


@pytest.fixture(autouse=True)
def _gentle(one_thread):
    pass


def test_a_ratio_is_of_the_means_over_all_photographs():
    """Not the mean of ratios, which photographs of a standing car would rule."""
    head, ridge, block = np.array([0.2, 1.0, 3.0, 2.0]), np.array([0.1, 1.0, 4.0, 3.0]), np.repeat(["a", "b"], 2)
    interval = ratio(head, ridge, block)
    assert interval.value == pytest.approx(6.2 / 8.1)
    assert (interval.low, interval.high) == (pytest.approx(5 / 7), pytest.approx(1.2 / 1.1))


def test_a_block_is_left_out_and_seeds_are_averaged(monkeypatch, capsys, tmp_path):
    seen = []

    @dataclass(frozen=True)
    class Kept:
        def read_facts(self):
            return {"residual": {}}

    def errors_of(config, splits):
        seen.append((config.head_options["waypoint"].residual, config.seed))
        assert set(splits.val.sequence) == {"train01"}
        assert set(splits.train.sequence) == {"train00", "train02"}
        return dict.fromkeys((*ROWS, "ridge"), np.full(len(splits.val), float(config.seed)))

    monkeypatch.setattr(ridge_floor, "errors_of", errors_of)
    monkeypatch.setattr(ridge_floor, "RunFolder", lambda path: Kept())
    split = StoredSplit.of(DrawnDataset(sequences=3), None)
    errors = left_out(split, "train01", None, TrainConfig(), [1, 4], tmp_path)
    assert seen == [(residual, seed) for residual in RESIDUALS for seed in (1, 4)]
    assert all((error == 2.5).all() and len(error) == 12 for error in errors.values())
    ratios = {
        key: ratio(errors[key], errors["auto", "ridge"], split.sequence[:12]) for key in errors if key[1] in ROWS
    }
    Console().print(table(errors, ratios))
    said = capsys.readouterr().out
    assert all(f"{residual}: waypoint without features" in said for residual in RESIDUALS)
