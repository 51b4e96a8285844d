"""A sweep from its command to its table."""

import json

import pytest
from main_job import scored
from refusal import QUICK, refused, trained
from waymo_shards import write_shards

from roadcue import train

FRAMES = [(f"{number:032x}-000", number + 1) for number in range(6)]


@pytest.fixture
def words(tmp_path):
    folder = tmp_path / "shards"
    folder.mkdir()
    write_shards(folder, {"training_x.tfrecord": FRAMES[:4], "val_x.tfrecord": FRAMES[4:]})
    data = ("--data", "waymo_e2e", "--data_dir", folder, "--encoder", "none")
    return (*data, "--run_dir", tmp_path / "sweep")


def test_a_sweep_and_a_bigger_one_on_top_of_it(words, tmp_path, capsys):
    output = trained(capsys, *words, "--sweep", "lr=1e-3,1e-2", "--sweep", "ema=0,0.9")
    assert "4 settings, 4 runs" in " ".join(output.split())
    error = refused(capsys, train.main, *QUICK, *words, "--sweep", "lr=1e-3", "--sweep", "ema=0")
    assert "--resume auto" in error
    again = ("--sweep", "lr=1e-3,1e-2", "--sweep", "ema=0,0.9", "--seeds", 2, "--resume", "auto")
    assert "8 runs, of which 4 are finished" in trained(capsys, *words, *again)
    swept = json.loads((tmp_path / "sweep" / "sweep.json").read_text())
    best = swept["heads"]["waypoint"][0]["settings"]
    first, _ = [run for run in swept["runs"] if run["settings"] == best]
    metrics = scored(tmp_path / "sweep" / first["name"])
    head = next(method for method in metrics["methods"] if method["name"] == "waypoint")
    assert head["overall"]["ade_5s"]["value"] == pytest.approx(
        first["heads"]["waypoint"]["Displacement against the log"]["waypoint"]["ade_5s"]
    )


def test_a_sweep_that_does_not_fit(words, tmp_path, capsys):
    error = refused(capsys, train.main, *QUICK, *words, "--sweep", "waypoint.hiden=16,32")
    assert error == "--sweep: there is no option --waypoint.hiden; did you mean --waypoint.hidden?"
    assert not (tmp_path / "sweep").exists()
