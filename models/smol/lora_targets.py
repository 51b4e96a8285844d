"""Which layers of SmolVLM2 LoRA changes: all linear ones in the blocks of a tower, as QLoRA does.

Dettmers et al. 2023, arXiv 2305.14314, section 4: with fewer layers LoRA falls behind full fine-tuning.
"""

from collections.abc import Mapping

from roadcue.models.adapters import LoraTargets
from roadcue.models.smol.loading import PREFIX

_ATTENTION = ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj")
VISION = LoraTargets(f"{PREFIX}encoder.layers", (*_ATTENTION, "self_attn.out_proj", "mlp.fc1", "mlp.fc2"))
TEXT = LoraTargets(
    "model.text_model.layers",
    (*_ATTENTION, "self_attn.o_proj", "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"),
)
TARGETS: Mapping[str, LoraTargets] = {"vision": VISION, "text": TEXT}
"""Scope -> layers, named as in SmolVLMForConditionalGeneration, which AutoModelForImageTextToText loads."""
