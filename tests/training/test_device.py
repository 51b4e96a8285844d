"""Which device a `--device` means, and what is said of one that is not there or cannot compute in a format."""

from contextlib import nullcontext
from types import SimpleNamespace

import pytest
import torch

from roadcue.command_line import parse
from roadcue.errors import BadEncoder, BadInput
from roadcue.evaluation.config import EvalConfig
from roadcue.inference.config import PredictConfig
from roadcue.models.registry import build_captioner, build_encoder
from roadcue.training.build import device, device_name
from roadcue.training.config import TrainConfig
from roadcue.training.trainer import fit


@pytest.fixture
def two_old_gpus(monkeypatch):
    """Two GPUs that have no bf16."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda on: f"Tesla T4 {torch.device(on).index or 0}")
    monkeypatch.setattr(torch.cuda, "device", lambda on: nullcontext())
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: including_emulation)


def test_one_of_several_gpus_is_named_by_its_number(two_old_gpus):
    assert [device(name) for name in ("auto", "cpu", "cuda", "cuda:1")] == ["cuda", "cpu", "cuda", "cuda:1"]
    assert device_name("cuda:1") == "Tesla T4 1"
    with pytest.raises(BadInput, match=r"--device cuda:2: the GPUs here are cuda:0 to cuda:1; use one of them"):
        device("cuda:2")


def test_without_a_gpu_there_is_the_cpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert (device("auto"), device_name("auto")) == ("cpu", "cpu")
    for name in ("cuda", "cuda:1"):
        with pytest.raises(BadInput, match=f"--device {name}: this PyTorch sees no CUDA device; use --device cpu"):
            device(name)


@pytest.mark.parametrize(
    ("config", "words"), [(TrainConfig, []), (EvalConfig, ["--run", "x"]), (PredictConfig, ["--run", "x", "a.jpg"])]
)
def test_what_is_no_device_is_refused_by_every_command(config, words, capsys):
    assert parse(config, [*words, "--device", "cuda:1"])[0].device == "cuda:1"
    with pytest.raises(SystemExit):
        parse(config, [*words, "--device", "gpu"])
    assert "--device gpu: choose auto, cpu, cuda, or a GPU by its number, such as cuda:1" in capsys.readouterr().err


@pytest.mark.parametrize("build", [build_encoder, build_captioner])
def test_a_gpu_without_bf16_is_told_of_fp16(two_old_gpus, build):
    with pytest.raises(BadEncoder, match="--dtype bf16: this GPU has no bf16; use --dtype fp16"):
        build("smol", dtype="bf16", device="cuda:1")
    assert build("smol", dtype="bf16").description.endswith("bf16")


def test_nor_is_it_trained_in_bf16(two_old_gpus):
    with pytest.raises(BadInput, match="--precision bf16: this GPU has no bf16; use --precision fp32"):
        fit(*[None] * 3, SimpleNamespace(precision="bf16"), device="cuda")
