import pytest
from drawn import DrawnDataset

from roadcue.errors import BadInput
from roadcue.training.config import TrainConfig


@pytest.fixture
def drawn(monkeypatch, tmp_path):
    """Runs read DrawnDatasets instead of files; returns a function that makes a TrainConfig for them."""
    splits = {"train": DrawnDataset("train"), "val": DrawnDataset("val", sequences=4)}

    def open_split(options, split):
        if split not in splits:
            raise BadInput(f"no split {split}")
        return splits[split]

    for module in ("fitting", "evaluation", "extraction"):
        monkeypatch.setattr(f"training.{module}.open_split", open_split)
    monkeypatch.setenv("ROADCUE_CACHE", str(tmp_path / "cache"))

    def config(**options):
        defaults = {"run_dir": str(tmp_path / "run"), "epochs": 3, "batch_size": 32, "workers": 0, "grid": 2}
        return TrainConfig(**{**defaults, **options})

    config.splits = splits
    return config
