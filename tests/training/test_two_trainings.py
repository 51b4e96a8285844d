"""Two trainings in one `--run_dir`: the second is told who is there; a killed one is taken over."""

import signal
import subprocess
import sys

import pytest

from roadcue import train
from roadcue.errors import BadInput
from roadcue.training.run_folder import RunFolder

HOLDS = """
import sys
from roadcue.training.run_folder import RunFolder
folder = RunFolder.for_training(sys.argv[1], "auto")
folder.take()
print("there", flush=True)
sys.stdin.read()
"""


def test_two_trainings_in_one_run_dir(tmp_path, capsys):
    run = tmp_path / "run"
    first = subprocess.Popen(
        [sys.executable, "-c", HOLDS, run], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert first.stdout.readline() == "there\n"
        words = ["--encoder", "none", "--head", "waypoint", "--run_dir", str(run), "--resume", "auto"]
        assert train.main(words) == 2
        said = capsys.readouterr().err
        assert said.startswith(f"error: process {first.pid} on ")
        assert f"is training in {run}; wait until it has ended, or choose another --run_dir" in said
        assert said.count("\n") == 1
        (run / "checkpoint").mkdir()
        (run / f".config.yaml.{_host()}-{first.pid}.partial").write_text("half")
        first.send_signal(signal.SIGKILL)
        first.wait()
        folder = RunFolder.for_training(run, "auto")
        folder.take()
        assert [path.name for path in run.iterdir() if path.is_file()] == [".lock"]
        del folder
        assert [path.name for path in run.iterdir()] == ["checkpoint"]
    finally:
        first.kill()
        first.wait()


def _host():
    from roadcue.left_over import partial_name

    return partial_name("x").removeprefix(".x.").rpartition("-")[0]


def test_a_run_that_is_refused_leaves_no_folder(tmp_path):
    folder = RunFolder.for_training(tmp_path / "run", "no")
    folder.take()
    assert (tmp_path / "run").is_dir()
    del folder
    assert not (tmp_path / "run").exists()


def test_a_file_in_the_way_is_said(tmp_path):
    (tmp_path / "run").write_text("")
    with pytest.raises(BadInput, match="is a file and no folder"):
        RunFolder(tmp_path / "run" / "x").take()
