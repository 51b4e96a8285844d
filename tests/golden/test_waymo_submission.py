"""A submission for frames of the golden shards, whatever is in them, as if they were the test split."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from main_job import exit_code
from test_waymo_main_job import part_with_futures

from roadcue import eval as scoring
from roadcue import train
from roadcue.loaders.waymo_e2e import open_waymo_e2e
from roadcue.loaders.waymo_e2e import schema_pb2 as schema
from roadcue.loaders.waymo_e2e.submission.__main__ import main as validator
from roadcue.loaders.waymo_e2e.submission.archive import unpack
from roadcue.loaders.waymo_e2e.submission.frames import FRAMES_FILE


def test_waymo_submission_for_golden_shards(
    golden_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One frame of each sequence; the path submitted is the constant velocity of its official states."""
    monkeypatch.setenv("ROADCUE_CACHE", str(tmp_path / "cache"))
    golden, test, run, out = golden_dir / "waymo_e2e", tmp_path / "test", tmp_path / "run", tmp_path / "entry.tar.gz"
    test.mkdir()
    for shard in golden.glob("*.tfrecord*"):
        shutil.copy(shard, test / f"test_{shard.name}")
    expected = json.loads((golden / "expected.json").read_text())
    chosen = {name.rpartition("-")[0]: name for name in expected}
    listed = {sequence: int(name.rpartition("-")[2]) for sequence, name in chosen.items()}
    (test / FRAMES_FILE).write_text(json.dumps(listed))

    share = part_with_futures(open_waymo_e2e(golden, "all"))
    words = ("--data", "waymo_e2e", "--data_dir", golden, "--split_by", "sequence", "--val_fraction", share)
    words = (*words, "--encoder", "none", "--epochs", 1, "--run_dir", run, "--workers", 0)
    assert exit_code(train.main, *words) == 0
    entry = ("--submission", out, "--account", "me@example.org", "--method", "m", "--row", "constant velocity")
    assert exit_code(scoring.main, "--run", run, "--data_dir", test, *entry) == 0
    assert validator(["check", str(out), "--frames", str(test / FRAMES_FILE)]) == 0

    (content,) = unpack(out.read_bytes())[0].values()
    submission = schema.E2EDChallengeSubmission.FromString(content)
    assert sorted(one.frame_name for one in submission.predictions) == sorted(chosen.values())
    for one in submission.predictions:
        velocity = np.float32(expected[one.frame_name]["past"])[-1, 2:4]
        path = np.stack([one.trajectory.pos_x, one.trajectory.pos_y], axis=1)
        np.testing.assert_allclose(path, np.arange(1, 21)[:, None] / 4 * velocity, rtol=1e-5, atol=1e-5)
