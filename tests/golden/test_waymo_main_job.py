"""The main job on the golden shards, whatever is in them: train.py, eval.py, table, numbers and page."""

from pathlib import Path

import numpy as np
import pytest
from main_job import train_and_score

from roadcue.errors import BadInput
from roadcue.loaders.split import split_by_sequence
from roadcue.loaders.waymo_e2e import WaymoE2E, open_waymo_e2e


def part_with_futures(dataset: WaymoE2E) -> float:
    """A share of the sequences for validation with which both parts have a log to learn from or to score against."""
    for share in (0.4, 0.3, 0.5, 0.2, 0.6, 0.1, 0.8):
        parts = [split_by_sequence(dataset, part, val_fraction=share) for part in ("train", "val")]
        if all(np.isfinite(part.states.future).all(axis=(1, 2)).any() for part in parts):
            return share
    raise BadInput("the golden shards have a future in fewer than two sequences")


@pytest.mark.parametrize("cameras", ["FRONT", "FRONT,REAR"])
def test_waymo_main_job_on_golden_shards(golden_dir, tmp_path, monkeypatch, cameras):
    """REAR is missing in some frames: a learned vector stands in for it."""
    monkeypatch.setenv("ROADCUE_CACHE", str(tmp_path / "cache"))
    folder: Path = golden_dir / "waymo_e2e"
    share = part_with_futures(open_waymo_e2e(folder, "all"))
    metrics = train_and_score(
        tmp_path / "run",
        *("--data", "waymo_e2e", "--data_dir", folder, "--split_by", "sequence", "--val_fraction", share),
        *("--cameras", cameras, "--missing_camera", "learned", "--epochs", 3, "--grid", 2),
    )
    assert str(folder) in metrics["run"]["data"]
    assert metrics["sees_image"] == ["waypoint"]
    assert f"features of {cameras.replace(',', ', ')}" in metrics["run"]["head"]
