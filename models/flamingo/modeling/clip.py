"""The vision tower as OpenFlamingo reads it: CLIP's patches of the last layer, before the final layer norm."""

from pathlib import Path

import torch
from torch import Tensor
from transformers import CLIPVisionConfig, CLIPVisionModel

from roadcue.errors import BadCheckpoint
from roadcue.models.checkpoint import VISION_ARCHITECTURE
from roadcue.models.checkpoint_kind import CLIP_TYPES, read_config

PREFIX = "vision_model."
"""Where the tower's keys stand in the checkpoint of the whole of CLIP."""
TAKES = "--encoder flamingo takes an OpenFlamingo, or a CLIP in transformers' layout, openai/clip-vit-large-patch14"
"""What is looked for where a tower is, in words."""
NOT_A_WEIGHT = "vision_model.embeddings.position_ids"
"""0, 1, 2, ...: older transformers saved it, and openai/clip-vit-large-patch14 has it."""


def visual_tokens(tower: CLIPVisionModel, pixels: Tensor) -> Tensor:
    """(n, 3, S, S) normalised pixels -> (n, patches, d), without the class token.

    The checkpoints were trained on open_clip <= 2.20, which gave the tokens without `ln_post`; from 2.23 it applies
    that norm first unless `final_ln_after_pool` is set (open_clip a5f3ae9, 2023-10-20).
    """
    tokens: Tensor = tower(pixels).last_hidden_state[:, 1:]
    return tokens


def restore_positions(tower: CLIPVisionModel) -> None:
    """Give a tower that was on the meta device its 0, 1, 2, ..., a buffer that no file has."""
    embeddings = tower.embeddings
    embeddings.position_ids = torch.arange(embeddings.num_positions)[None]


def read_vision_config(folder: Path) -> CLIPVisionConfig:
    """The sizes of the tower of a CLIP checkpoint, or of a tower alone; BadCheckpoint when they are of neither."""
    path = folder / "config.json"
    config = read_config(folder, CLIP_TYPES, TAKES)
    vision = config.get("vision_config", config if config["model_type"] == "clip_vision_model" else None)
    if not isinstance(vision, dict):
        raise BadCheckpoint(f"{path}: a CLIP's comes with a vision_config; download it again")
    try:
        return CLIPVisionConfig(**{key: vision[key] for key in VISION_ARCHITECTURE if key in vision})
    except Exception as error:  # transformers raises what it likes, from KeyError to errors of its own
        raise BadCheckpoint(
            f"{path}: vision_config does not describe a vision tower ({error}); download it again"
        ) from error
