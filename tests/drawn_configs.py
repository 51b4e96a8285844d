"""Runs on DrawnDatasets, of one test or of several."""

from collections.abc import Callable
from pathlib import Path

import pytest
from drawn import DrawnDataset

from roadcue.errors import BadInput
from roadcue.training.config import TrainConfig


def drawn_configs(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Callable[..., TrainConfig]:
    """Runs read DrawnDatasets instead of files, and write below `folder`, as long as `monkeypatch` lasts.

    Returns a function that makes a TrainConfig for them; its `splits` are the data sets.
    """
    splits = {"train": DrawnDataset("train"), "val": DrawnDataset("val", sequences=4)}

    def open_split(options, split):
        if split not in splits:
            raise BadInput(f"no split {split}")
        return splits[split]

    for module in ("training.heads.fitting", "evaluation.run", "training.extraction", "training.sweep.stage_two"):
        monkeypatch.setattr(f"roadcue.{module}.open_split", open_split)
    monkeypatch.setenv("ROADCUE_CACHE", str(folder / "cache"))

    def config(**options):
        defaults = {"run_dir": str(folder / "run"), "epochs": 3, "batch_size": 32, "workers": 0, "grid": 2}
        return TrainConfig(**{**defaults, **options})

    config.splits = splits
    return config
