"""A stage two of heads on two ranks with gloo on CPUs: the same run as one rank's, bit for bit after a stop."""

from pathlib import Path

import pytest
import torch
import two_ranks_of_stage_two
from going_on import LINEAR, earlier_runs
from on_two_ranks import assert_alike, on_two_ranks
from safetensors.torch import load_file
from two_ranks_of_stage_two import SAME, configured

from roadcue.heads.field.config import FieldConfig
from roadcue.training.checkpoints import read_checkpoint
from roadcue.training.run_folder import RunFolder
from roadcue.training.stage_two.run import train_stage_two


@pytest.fixture(scope="module", autouse=True)
def _gentle(one_thread):
    pass


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a stage one of heads that draw no numbers in training; drawn data as long as it is used."""
    folder = tmp_path_factory.mktemp("two")
    with earlier_runs(folder) as run:
        run("one", head_options={**LINEAR, "field": FieldConfig(dropout=0.0)}, calibration=0.0)
        yield folder


@pytest.fixture(scope="module")
def two(folder) -> Path:
    """The same folder, in which two ranks have done all that `two_ranks_of_stage_two` holds."""
    on_two_ranks(Path(two_ranks_of_stage_two.__file__), folder)
    return folder


def weights(run: RunFolder) -> dict[str, torch.Tensor]:
    """All that a run has left of what learns."""
    files = [file for part in (run.model, run.adapter, run.encoder) for file in part.rglob("*.safetensors")]
    return {f"{file.relative_to(run.path)} {name}": one for file in files for name, one in load_file(file).items()}


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", SAME)
def test_two_ranks_train_what_one_trains(two: Path, name: str, tmp_path):
    """With an uneven last batch, of which the second rank has no row; augmented rows are the same on any rank."""
    train_stage_two(*configured(two / "one", tmp_path / "run", *SAME[name]))
    one, other = weights(RunFolder(tmp_path / "run")), weights(RunFolder(two / name))
    assert_alike(one, other, detector=False)
    before = weights(RunFolder(two / "one"))
    assert any(not torch.equal(tensor, one[key]) for key, tensor in before.items() if "heads/waypoint" in key)


def test_a_signal_to_one_rank_stops_all_at_one_step_and_they_go_on_to_the_same_bits(two: Path):
    """With dropout in the adapters, of which each rank draws numbers of its own, and with augmented pictures."""
    one, other = (weights(RunFolder(two / name)) for name in ("uninterrupted", "stopped"))
    assert one.keys() == other.keys() != set()
    assert all(torch.equal(tensor, other[name]) for name, tensor in one.items())
    assert (two / "stopped/logs" / f"from_step_{two_ranks_of_stage_two.STOPPED_AT}").is_dir()
    assert read_checkpoint(RunFolder(two / "stopped").last)["global_step"] == 6
