"""The miniature SmolVLM2 before it has learnt anything: sizes, an empty model, and the files of a checkpoint.

Same classes, keys, files and preprocessing as the published model; only the numbers are smaller.
"""

import json
from pathlib import Path

import torch
from transformers import PreTrainedTokenizerFast, SmolVLMConfig, SmolVLMForConditionalGeneration

from roadcue.models.mini import PATCH, SIDE
from roadcue.models.mini.miniature import TOWER, draw_initial_weights
from roadcue.models.smol.prompt import BEGIN, END, IMAGE, PAD

VISION = TOWER | {"num_channels": 3, "hidden_act": "gelu_pytorch_tanh", "layer_norm_eps": 1e-6}
TEXT = {
    "model_type": "llama",
    "hidden_size": 192,
    "intermediate_size": 512,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 4,
    "max_position_embeddings": 2048,
    "tie_word_embeddings": False,
}
SCALE_FACTOR = 2
"""The connector lays 2 x 2 patches side by side before it projects them, so 14 x 14 patches are 49 image tokens."""
IMAGE_TOKENS = (SIDE // PATCH // SCALE_FACTOR) ** 2
PREPROCESSOR = {
    "image_processor_type": "SmolVLMImageProcessor",
    "do_convert_rgb": True,
    "do_image_splitting": True,
    "do_normalize": True,
    "do_pad": True,
    "do_rescale": True,
    "do_resize": True,
    "image_mean": [0.5, 0.5, 0.5],
    "image_std": [0.5, 0.5, 0.5],
    "max_image_size": {"longest_edge": SIDE},
    "resample": 1,
    "rescale_factor": 1 / 255,
    # One tile: the published model cuts a picture of 1536 pixels into sixteen and adds the whole.
    "size": {"longest_edge": SIDE},
}
_IDS = {"bos": BEGIN, "eos": END, "pad": PAD}


def build(tokenizer: PreTrainedTokenizerFast) -> SmolVLMForConditionalGeneration:
    """A model with fresh weights from torch's generator, fp32, for the tokens of `tokenizer`."""
    special = {f"{name}_token_id": tokenizer.convert_tokens_to_ids(token) for name, token in _IDS.items()}
    config = SmolVLMConfig(
        vision_config=VISION,
        text_config=TEXT | {"vocab_size": len(tokenizer)} | special,
        scale_factor=SCALE_FACTOR,
        image_token_id=tokenizer.convert_tokens_to_ids(IMAGE),
        **special,
    )
    model = SmolVLMForConditionalGeneration(config)
    draw_initial_weights(model)
    return model


def save(model: SmolVLMForConditionalGeneration, tokenizer: PreTrainedTokenizerFast, folder: Path) -> None:
    """Write the checkpoint as the published one is laid out: bf16 safetensors, tokenizer, processor settings."""
    model.to(torch.bfloat16).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    processor = {"image_seq_len": IMAGE_TOKENS, "processor_class": "SmolVLMProcessor"}
    for name, settings in {"preprocessor_config.json": PREPROCESSOR, "processor_config.json": processor}.items():
        (folder / name).write_text(json.dumps(settings, indent=2, sort_keys=True) + "\n", encoding="utf-8")
