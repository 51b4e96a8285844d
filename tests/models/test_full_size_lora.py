"""What learns of the published sizes, counted on the meta device and by hand."""

import pytest
import torch
from tower_memory import smol_config
from transformers import SmolVLMForConditionalGeneration

from roadcue.models.adapters import adapter_parameters, attach_lora
from roadcue.models.flamingo import lora_targets as flamingo
from roadcue.models.flamingo.modeling.config import PUBLISHED
from roadcue.models.flamingo.modeling.model import Flamingo
from roadcue.models.smol import lora_targets as smol

RANK = 16


def rank_times(*layers: tuple[int, int]) -> int:
    """LoRA's numbers in a block of layers with so many inputs and outputs: r inputs + r outputs each."""
    return RANK * sum(inputs + outputs for inputs, outputs in layers)


COUNTS = {
    "smol": {
        "vision": 27 * rank_times(*[(1152, 1152)] * 4, (1152, 4304), (4304, 1152)),
        "text": 24 * rank_times(*[(2048, 2048)] * 4, *[(2048, 8192)] * 2, (8192, 2048)),
    },
    "flamingo": {
        "vision": 24 * rank_times(*[(1024, 1024)] * 4, (1024, 4096), (4096, 1024)),
        "text": 24 * rank_times((2048, 3 * 2048), (2048, 2048), (2048, 512), (1024, 2 * 512), (512, 2048)),
    },
}
"""Of q, k, v, out and the two of a tower's MLP; q, k, v, o, gate, up, down of a llama; Wqkv and out_proj of MPT, and
q, k and v, out of its gated cross-attention."""
TARGETS = {"smol": smol.TARGETS, "flamingo": flamingo.TARGETS}


def full_size(family: str) -> torch.nn.Module:
    with torch.device("meta"):
        if family == "flamingo":
            return Flamingo(PUBLISHED).eval()
        return SmolVLMForConditionalGeneration(smol_config())


def test_the_counts_are_those_that_are_published():
    """8.7 M and 18.1 M of SmolVLM2-2.2B, 7.1 M and 7.5 M of OpenFlamingo-3B."""
    assert COUNTS == {
        "smol": {"vision": 8_695_296, "text": 18_087_936},
        "flamingo": {"vision": 7_077_888, "text": 7_471_104},
    }


@pytest.mark.parametrize("scope", ["vision", "text", "both"])
@pytest.mark.parametrize("family", ["smol", "flamingo"])
def test_what_learns_is_in_the_scope_and_as_much_as_by_hand(family, scope):
    model = full_size(family)
    chosen = {name: targets for name, targets in TARGETS[family].items() if scope in (name, "both")}
    with torch.device("meta"):
        attached = attach_lora(model, chosen, rank=RANK, alpha=32.0, dropout=0.05)
    assert attached.parameters == {name: COUNTS[family][name] for name in chosen}
    learnt = {name: weight for name, weight in model.named_parameters() if weight.requires_grad}
    assert sum(weight.numel() for weight in learnt.values()) == sum(attached.parameters.values())
    assert learnt.keys() == adapter_parameters(model).keys()
    assert all(weight.is_meta for weight in learnt.values())
    of_vision = [name for name in learnt if "vision" in name.split(".lora_")[0]]
    assert bool(of_vision) == (scope != "text")
    assert (len(of_vision) == len(learnt)) == (scope == "vision")


def test_names_alone_would_reach_the_other_tower():
    """Why layers are named with their tower: of 5.14 M numbers by q_proj, v_proj 1.99 M are in the vision tower."""
    both = {
        "vision": 27 * rank_times(*[(1152, 1152)] * 2),
        "text": 24 * rank_times(*[(2048, 2048)] * 2),
    }
    assert both == {"vision": 1_990_656, "text": 3_145_728}
    named = [name for name, _ in full_size("smol").named_modules() if name.endswith(("q_proj", "v_proj"))]
    assert sum("vision_model" in name for name in named) == 2 * 27
    assert sum("text_model" in name for name in named) == 2 * 24
