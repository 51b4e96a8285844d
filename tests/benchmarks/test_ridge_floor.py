"""The benchmark of heads beside their ridge: what a ratio is, and that no photograph of a block is learnt from."""

from dataclasses import dataclass

import numpy as np
import pytest
import ridge_floor
from drawn import DrawnDataset
from rich.console import Console
from ridge_floor import RESIDUALS, ROWS, left_out, ratio, table

from roadcue.heads.waypoint.config import WaypointConfig
from roadcue.training.config import TrainConfig
from roadcue.training.heads.batches import StoredSplit
from roadcue.training.heads.residual_choice import ResidualChoice

CHOSEN = dict(zip(ROWS, ("none", "ego"), strict=True))


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
    """What the first seed's trial chose for each head is trained with the other seeds, and each row is its head's."""
    seen = []
    chosen = {head: ResidualChoice(WaypointConfig(residual=residual), {}, 0) for head, residual in CHOSEN.items()}

    @dataclass(frozen=True)
    class Kept:
        def read_facts(self):
            return {"residual": {head: choice.to_json() for head, choice in chosen.items()}}

    def errors_of(options, seed, config, splits, path):
        seen.append((options.residual, seed))
        assert set(splits.val.sequence) == {"train01"}
        assert set(splits.train.sequence) == {"train00", "train02"}
        off = {"auto": 0, "none": 0, "ego": 3}[options.residual]
        return dict.fromkeys((*ROWS, "ridge"), np.full(len(splits.val), float(seed + off)))

    monkeypatch.setattr(ridge_floor, "errors_of", errors_of)
    monkeypatch.setattr(ridge_floor, "RunFolder", lambda path: Kept())
    split = StoredSplit.of(DrawnDataset(sequences=3), None)
    errors = left_out(split, "train01", None, TrainConfig(), [1, 4], tmp_path)
    assert seen == [("auto", 1), ("none", 4), ("ego", 4), ("none", 1), ("none", 4), ("ego", 1), ("ego", 4)]
    assert all((error == error[0]).all() and len(error) == 12 for error in errors.values())
    mean = {key: error[0] for key, error in errors.items()}
    assert [mean["auto", row] for row in ROWS] == [2.5, 4.0]
    assert [mean[residual, row] for residual in ("none", "ego") for row in ROWS] == [2.5, 2.5, 5.5, 5.5]
    ratios = {
        key: ratio(errors[key], errors["auto", "ridge"], split.sequence[:12]) for key in errors if key[1] in ROWS
    }
    Console().print(table(errors, ratios))
    said = capsys.readouterr().out
    assert all(f"{residual}: waypoint without features" in said for residual in RESIDUALS)
