"""A SmolVLM2 of some thousand random numbers, saved as published: squares of 56 pixels, 4 x 4 patches, two blocks."""

import json
from pathlib import Path

import torch
from transformers import SmolVLMConfig, SmolVLMForConditionalGeneration

from roadcue.models.mini import SMOL

SIDE = 56


def write_tiny_smol(folder: Path, seed: int = 0) -> Path:
    """The whole model and its preprocessing, without a tokeniser."""
    torch.manual_seed(seed)
    vision = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    text = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = SmolVLMConfig(
        vision_config={**vision, "image_size": SIDE, "patch_size": 14},
        text_config={**text, "model_type": "llama", "vocab_size": 64, "num_key_value_heads": 1, "pad_token_id": 0},
        scale_factor=2,
        image_token_id=1,
        pad_token_id=0,
    )
    model = SmolVLMForConditionalGeneration(config)
    for name, weight in model.named_parameters():
        if "vision_model" in name and weight.ndim > 1:  # or the blocks would hardly change what the patches are
            torch.nn.init.normal_(weight, std=0.2)
    model.save_pretrained(folder)
    settings = json.loads((SMOL / "preprocessor_config.json").read_text())
    settings["max_image_size"] = {"longest_edge": SIDE}
    (folder / "preprocessor_config.json").write_text(json.dumps(settings))
    return folder
