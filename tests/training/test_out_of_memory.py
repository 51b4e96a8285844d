"""Memory that runs out in a training is said with its sizes and with the options that take less of it."""

from types import SimpleNamespace

import pytest
import torch
from fitted import fit

from roadcue.errors import BadInput
from roadcue.training.config import TrainConfig
from roadcue.training.heads.module import HeadsModule
from roadcue.training.out_of_memory import less_memory, memory_said

ON_GPU = torch.OutOfMemoryError(
    "CUDA out of memory. Tried to allocate 512.00 MiB. GPU 0 has a total capacity of 8 GiB"
)


def stage_two(**changed):
    given = {"batch_size": 16, "accumulate": 1, "gradient_checkpointing": False, "precision": "fp32", "stage": "lora"}
    return SimpleNamespace(lora=SimpleNamespace(rank=16), **{**given, **changed})


def test_a_training_whose_step_gets_no_memory_ends_in_a_sentence(drawn, monkeypatch):
    def hungry(*_: object) -> None:
        torch.empty(10**15)

    monkeypatch.setattr(HeadsModule, "training_step", hungry)
    with pytest.raises(BadInput) as caught:
        fit(drawn(epochs=1, batch_size=8))
    said = str(caught.value)
    assert said.startswith("out of memory in the training on cpu: 3725290.30 GiB more were wanted at once; at most ")
    assert said.endswith("Each of these takes less: --precision bf16 (now fp32), --batch_size 4 (now 8)")


def test_a_gpus_words_are_understood():
    wanted = r"on cpu: 0\.50 GiB more were wanted at once; at most [\d.]+ GiB were held"
    with pytest.raises(BadInput, match=wanted), memory_said(stage_two(), "cpu"):
        raise ON_GPU


def test_what_numpy_gets_not_is_said_too():
    with pytest.raises(BadInput, match=r"745472\.00 GiB more were wanted"), memory_said(stage_two(), "cpu"):
        raise MemoryError("Unable to allocate 728. TiB for an array with shape (100000000000000,)")


def test_other_errors_stay_what_they_are():
    with pytest.raises(RuntimeError, match="shapes"), memory_said(stage_two(), "cpu"):
        raise RuntimeError("shapes cannot be multiplied")


def test_the_options_of_stage_two_come_with_their_present_sizes():
    assert less_memory(stage_two()) == [
        "--accumulate 2 (now 1: 16 rows at once)",
        "--gradient_checkpointing (now off)",
        "--precision bf16 (now fp32)",
        "--lora.rank 8 (now 16)",
        "--batch_size 8 (now 16)",
    ]


def test_line_2_a_caption_run_is_told_of_adapters_and_of_nf4():
    plain = TrainConfig(head="caption", encoder="smol")
    assert less_memory(plain) == [
        "--stage lora (an adapter in the place of all that learns now)",
        "--accumulate 2 (now 1: 4 rows at once)",
        "--gradient_checkpointing (now off)",
        "--batch_size 2 (now 4)",
    ]
    adapted = TrainConfig(head="caption", encoder="smol", stage="lora")
    assert less_memory(adapted)[:2] == ["--quantize nf4 (now off)", "--dtype bf16 (now fp32)"]
    in_nf4 = TrainConfig(head="caption", encoder="smol", stage="lora", dtype="bf16", quantize="nf4")
    assert less_memory(in_nf4)[0] == "--accumulate 2 (now 1: 4 rows at once)"


def test_what_is_turned_already_is_not_named():
    least = {"batch_size": 1, "gradient_checkpointing": True, "precision": "bf16"}
    assert less_memory(stage_two(**least)) == ["--lora.rank 8 (now 16)"]
    assert less_memory(stage_two(**least, stage="full")) == []
    [accumulate, *_] = less_memory(stage_two(accumulate=4))
    assert accumulate == "--accumulate 8 (now 4: 4 rows at once)"
    whole = stage_two(**least, stage="full")
    with pytest.raises(BadInput, match="Take a machine with more memory"), memory_said(whole, "cpu"):
        raise ON_GPU
