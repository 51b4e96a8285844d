"""Which layers of OpenFlamingo LoRA changes.

Of CLIP all linear ones in its blocks; of MPT its attention, and the gated cross-attention before it.
"""

from collections.abc import Mapping

from roadcue.models.adapters import LoraTargets

_CLIP = (*(f"self_attn.{name}_proj" for name in ("q", "k", "v", "out")), "mlp.fc1", "mlp.fc2")
TOWER = LoraTargets("encoder.layers", _CLIP)
"""Of the tower alone, named as in transformers' CLIPVisionModel: what an adapter of heads is for."""
TARGETS: Mapping[str, LoraTargets] = {
    "vision": LoraTargets(f"vision_encoder.{TOWER.blocks}", _CLIP),
    "text": LoraTargets(
        "lang_encoder.transformer.blocks",
        (
            "decoder_layer.attn.Wqkv",
            "decoder_layer.attn.out_proj",
            *(f"gated_cross_attn_layer.attn.{name}" for name in ("to_q", "to_kv", "to_out")),
        ),
    ),
}
"""Scope -> layers of the whole model, RoadCue's Flamingo."""
