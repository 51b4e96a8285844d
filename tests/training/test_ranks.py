"""Two ranks with gloo on CPUs: the same run as one rank's, and the arithmetic that is refused."""

import json
import os
import re
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import two_ranks
from fitted import fit
from on_two_ranks import assert_alike, on_two_ranks
from safetensors.torch import load_file

from roadcue.errors import BadInput
from roadcue.options_as_text import as_yaml
from roadcue.roadworld.sidewalk.spec import SidewalkSpec
from roadcue.roadworld.sidewalk.write import write_sidewalk
from roadcue.training.captions.fine_tuning import train_captions
from roadcue.training.checkpoints import read_checkpoint
from roadcue.training.ranks import InTurns, Ranks, losing_nobody, shared, together
from roadcue.training.steps import InOrder

RANK_1 = {"TORCHELASTIC_RUN_ID": "x", "RANK": "1", "WORLD_SIZE": "4", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "2"}


@pytest.fixture(autouse=True, scope="module")
def _gentle(one_thread):
    pass


@pytest.fixture(scope="module")
def two(tmp_path_factory) -> Path:
    """The folder in which two ranks have done all that `two_ranks` holds."""
    folder = tmp_path_factory.mktemp("two")
    write_sidewalk(SidewalkSpec(train=7, val=3, width=128, height=96), folder / "sidewalk", workers=1)
    (folder / "said").write_text(on_two_ranks(Path(two_ranks.__file__), folder)[1])
    return folder


@pytest.fixture
def make(monkeypatch, tmp_path):
    return two_ranks.configs(monkeypatch, tmp_path)


def weights(run: Path) -> dict[str, torch.Tensor]:
    files = sorted([*run.glob("model/**/*.safetensors"), *run.glob("adapter/*.safetensors")])
    return {f"{file.relative_to(run)} {name}": one for file in files for name, one in load_file(file).items()}


@pytest.mark.timeout(600)
def test_two_ranks_train_what_one_trains(two: Path, make):
    """With an uneven last batch, of which the second rank has no row, and with rows that lack labels."""
    one, other = weights(fit(make(**two_ranks.UNEVEN)).path), weights(two / "whole")
    assert_alike(one, other, detector=True)
    assert any("heads/field" in name for name in one)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("kind", two_ranks.CAPTIONS)
def test_two_ranks_fine_tune_what_one_does(two: Path, kind: str, tmp_path):
    """Texts differ in length, so that the ranks' tokens do, and the last picture is one rank's alone."""
    config = two_ranks.captions_config(two / "sidewalk", tmp_path / "run", kind)
    train_captions(config, as_yaml(config))
    one, other = weights(tmp_path / "run"), weights(two / kind)
    if kind != "nf4":
        assert_alike(one, other, detector=kind != "full")
        return
    learnt = {name: tensor for name, tensor in one.items() if "lora_B" in name}  # which begin as zeros
    assert one.keys() == other.keys() > learnt.keys()
    for name, tensor in learnt.items():  # products in bf16, whose rounding is another in another batch
        assert 0 < tensor.norm() > 10 * (other[name] - tensor).norm(), name


def test_metrics_of_the_same_weights_are_the_same(two: Path, make):
    expected = two_ranks.measured(make)
    assert sum(map(len, expected.values())) > 4
    for rank in range(2):
        found = json.loads((two / f"measured-{rank}.json").read_text())
        assert found.keys() == expected.keys()
        for name, values in expected.items():
            np.testing.assert_allclose(found[name], values, rtol=1e-9, atol=0, err_msg=name)


def test_a_signal_to_one_rank_stops_all_at_one_step_and_they_go_on_to_the_same_bits(two: Path):
    """With dropout, in which each rank draws numbers of its own."""
    one, other = weights(two / "uninterrupted"), weights(two / "stopped")
    assert one.keys() == other.keys() != set()
    assert all(torch.equal(tensor, other[name]) for name, tensor in one.items())
    assert (two / "stopped/logs/from_step_5").is_dir()
    assert read_checkpoint(two / "stopped/checkpoint/last.safetensors")["global_step"] == 3 * 6


def test_only_the_first_rank_is_heard(two: Path):
    assert "epoch" not in (two / "said").read_text()


class Positions:
    """Rows that are their positions."""

    def __len__(self) -> int:
        return 10

    def batch(self, positions):
        return positions.tolist()

    def of_epoch(self, epoch, positions):
        assert epoch == 7
        return self.batch(positions)


@pytest.mark.parametrize(("rows", "count"), [(10, 2), (7, 2), (1, 2), (5, 4), (2, 3)])
def test_the_shares_of_a_batch_are_the_batch_in_order(rows: int, count: int):
    shares = [shared(Positions().of_epoch, Ranks(rank, count))(7, np.arange(rows)) for rank in range(count)]
    assert len({len(share.batch) for share in shares}) == 1
    mine = [row for rank, share in enumerate(shares) for row in share.batch[: share.rows[rank]]]
    assert mine == list(range(rows))


@pytest.mark.parametrize(("size", "count"), [(4, 2), (5, 2), (10, 2), (3, 4), (1, 3)])
def test_batches_in_turns_are_every_batch_once(size: int, count: int):
    turns = [list(InTurns(InOrder(Positions(), size), Ranks(rank, count))) for rank in range(count)]
    assert {len(each) for each in turns} == {len(InTurns(InOrder(Positions(), size), Ranks(0, count)))}
    batches = [
        turn[rank].batch for turn in zip(*turns, strict=True) for rank in range(count) if turn[rank].rows[rank]
    ]
    assert batches == list(InOrder(Positions(), size))


def test_who_started_this_process_says_which_rank_it_is(monkeypatch):
    for name in [name for name in os.environ if name.startswith("SLURM_")]:
        monkeypatch.delenv(name)
    assert Ranks.of_environment() == Ranks()
    monkeypatch.setenv("SLURM_NTASKS", "4")  # of a job in whose script no srun stands before the command
    monkeypatch.setenv("SLURM_PROCID", "0")
    assert Ranks.of_environment() == Ranks()
    step = {"SLURM_STEP_NUM_TASKS": "4", "SLURM_STEP_NUM_NODES": "2", "SLURM_PROCID": "3", "SLURM_LOCALID": "1"}
    for name, value in step.items():
        monkeypatch.setenv(name, value)
    assert Ranks.of_environment() == Ranks(3, 4, 1, 2)
    for name, value in RANK_1.items():
        monkeypatch.setenv(name, value)
    assert Ranks.of_environment() == Ranks(1, 4, 1, 2)


def test_starts_of_a_job_and_jobs_of_one_number_meet_at_different_ports(monkeypatch):
    """Two clusters on a machine count their jobs alike, and what a job's last start has left may still listen."""
    joined, ports = [], []
    monkeypatch.setattr(torch.distributed, "init_process_group", lambda *_, **__: joined.append(1))
    for name in ("MASTER_PORT", "MASTER_ADDR", "RANK", "LOCAL_RANK", "WORLD_SIZE", "GROUP_RANK"):
        monkeypatch.setenv(name, "")  # so that what is set below is put back
    monkeypatch.delenv("TORCHELASTIC_RUN_ID", raising=False)
    slurm = {"SLURM_JOB_ID": "2", "SLURM_LAUNCH_NODE_IPADDR": "127.0.0.1", "SLURM_NODEID": "0"}
    for srun in ("45877", "45879"):
        monkeypatch.delenv("MASTER_PORT")
        for name, value in {**slurm, "SLURM_SRUN_COMM_PORT": srun}.items():
            monkeypatch.setenv(name, value)
        Ranks(0, 2, 0, 2).join("cpu")
        ports.append(os.environ["MASTER_PORT"])
    assert (len(joined), len(set(ports))) == (2, 2)


@pytest.mark.parametrize(
    ("ranks", "devices", "nodes", "device", "said"),
    [
        (Ranks(0, 4, 0, 2), 4, None, "cpu", "--devices 4 on --nodes 2 make 8 processes, and there are 4, 2 on each"),
        (Ranks(0, 4, 0, 2), None, 1, "cpu", "--devices 2 on --nodes 1 make 2 processes, and there are 4"),
        (Ranks(), 1, 2, "cpu", "--devices 1 on --nodes 2 make 2 processes, and there are 1"),
        (Ranks(0, 3, 0, 2), None, None, "cpu", "3 processes do not spread evenly over 2 nodes"),
        (Ranks(0, 4, 0, 1), None, None, "cuda", "4 processes on a node in which each sees 2 GPUs"),
        (Ranks(0, 2, 0, 1), None, None, "cuda:1", "--device cuda:1: 2 processes take a GPU each"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_numbers(monkeypatch, ranks, devices, nodes, device, said):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(BadInput, match=re.escape(said)):
        ranks.check(devices, nodes, device)


def test_another_rank_that_has_ended_is_one_sentence():
    said = "[/pytorch/third_party/gloo/gloo/transport/tcp/pair.cc:561] Connection closed by peer [127.0.0.1]:4771"
    for error in (RuntimeError(said), torch.distributed.DistNetworkError("unreachable")):
        with pytest.raises(BadInput, match=r"another process of this run has ended.*--resume auto"), losing_nobody():
            raise error
    with pytest.raises(RuntimeError, match="ours"), losing_nobody():
        raise RuntimeError("ours")


def test_a_process_that_is_to_be_several_becomes_torchrun(monkeypatch, make):
    started = []
    monkeypatch.setattr(os, "execv", lambda *given: started.append(given))
    monkeypatch.setattr(sys, "argv", ["train.py", "--devices", "2"])
    with pytest.raises(BadInput, match="make 2 processes"):  # which is not reached where execv does not return
        together(lambda *_: None, make(devices=2), "", "cpu")
    words = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", "train.py", "--devices", "2"]
    assert started == [(sys.executable, [sys.executable, *words])]
    with pytest.raises(BadInput, match="--devices 2 on --nodes 2 make 4 processes, and there are 1"):
        together(lambda *_: None, make(devices=2, nodes=2), "", "cpu")


def test_what_fits_is_not_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    Ranks(0, 4, 0, 2).check(2, 2, "cuda")
    Ranks(0, 4, 0, 2).check(None, None, "cpu")
    Ranks().check(None, None, "cuda:1")
