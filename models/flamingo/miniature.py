"""The miniature OpenFlamingo before it has learnt anything: sizes, an empty model, and the files of a checkpoint.

Same classes and keys as the published model; only the numbers are smaller. It is one folder, as `save_pretrained`
writes it, where the published model is three.
"""

from pathlib import Path

import torch
from transformers import PreTrainedTokenizerFast

from roadcue.models.flamingo.modeling.config import FlamingoConfig
from roadcue.models.flamingo.modeling.model import Flamingo
from roadcue.models.flamingo.prompt import ENDOFCHUNK, IMAGE, PAD
from roadcue.models.mini.miniature import TOWER, draw_initial_weights

VISION = TOWER | {"hidden_act": "quick_gelu"}
TEXT = {
    "d_model": 192,
    "n_heads": 4,
    "n_layers": 3,
    "max_seq_len": 2048,
    "learned_pos_emb": False,
    "attn_config": {"qk_ln": True, "alibi": True, "alibi_bias_max": 8},
}
RESAMPLER = {
    "perceiver_depth": 2,
    "perceiver_heads": 4,
    "perceiver_head_dim": 48,
    "perceiver_latents": 16,
    "cross_attn_heads": 4,
    "cross_attn_head_dim": 48,
}


def build(tokenizer: PreTrainedTokenizerFast) -> Flamingo:
    """A model with fresh weights from torch's generator, fp32, for the tokens of `tokenizer`; all of it may learn."""
    ids = {"endofchunk_token_id": ENDOFCHUNK, "image_token_id": IMAGE, "pad_token_id": PAD}
    config = FlamingoConfig(
        vision_config=VISION,
        text_config=TEXT | {"vocab_size": len(tokenizer)},
        # Nothing here was trained before the pictures are let in, so there is nothing that they could spoil.
        gate_init=0.5,
        **RESAMPLER,
        **{name: tokenizer.convert_tokens_to_ids(token) for name, token in ids.items()},
    )
    model = Flamingo(config).requires_grad_(True)
    draw_initial_weights(model)
    return model


def save(model: Flamingo, tokenizer: PreTrainedTokenizerFast, folder: Path) -> None:
    """Write the checkpoint that `Flamingo.from_pretrained` and `read_tokenizer` read: bf16 safetensors, tokenizer."""
    model.to(torch.bfloat16).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
