"""A Flamingo of a few thousand random numbers, its gates open, and the three published files of one."""

import json
from pathlib import Path

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from torch import Tensor

from roadcue.models.flamingo.modeling.config import FlamingoConfig
from roadcue.models.flamingo.modeling.model import Flamingo
from roadcue.models.flamingo.modeling.weights import TIED
from roadcue.models.flamingo.mosaic import mosaic_name

WORDS = ("<|endoftext|>", "<|padding|>", "Output", ":", "A", "road", "car", "left", "right", "ahead")
ENDOFCHUNK, IMAGE, PAD = len(WORDS), len(WORDS) + 1, len(WORDS) + 2
MOSAIC = {
    "model_type": "mosaic_gpt",
    "d_model": 32,
    "n_heads": 4,
    "n_layers": 3,
    "mlp_ratio": 4,
    "max_seq_len": 64,
    "vocab_size": 40,
    "attn_qk_ln": True,
    "attn_clip_qkv": None,
    "attn_pdrop": 0,
    "softmax_scale": None,
    "alibi": True,
    "alibi_bias_max": 8,
    "no_bias": True,
}
"""More rows than the tokeniser has words, as with the published weights."""
VISION = {
    "hidden_size": 24,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "image_size": 28,
    "patch_size": 14,
    "hidden_act": "quick_gelu",
}
SMALL = {
    "cross_attn_heads": 2,
    "cross_attn_head_dim": 8,
    "perceiver_depth": 2,
    "perceiver_heads": 2,
    "perceiver_head_dim": 8,
    "perceiver_latents": 4,
    "endofchunk_token_id": ENDOFCHUNK,
    "image_token_id": IMAGE,
    "pad_token_id": PAD,
}


def tiny_config(**settings) -> FlamingoConfig:
    text = {
        "d_model": 32,
        "n_heads": 4,
        "n_layers": 3,
        "max_seq_len": 64,
        "vocab_size": len(WORDS) + 3,
        "learned_pos_emb": False,
        "attn_config": {"qk_ln": True},
    }
    return FlamingoConfig(**{"vision_config": VISION, "text_config": text, **SMALL, **settings})


def tiny_flamingo(seed: int = 0, **settings) -> Flamingo:
    """In eval mode, with gates far open and every weight large enough that all of the parts are heard."""
    torch.manual_seed(seed)
    model = Flamingo(tiny_config(**settings)).eval()
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if name.endswith("gate"):
                weight.fill_(1.0)
            elif weight.ndim > 1:
                weight.normal_(std=0.3)
            else:
                weight.add_(0.1 * torch.randn_like(weight))
    return model


def drawn_images(rows: int, images: int, seed: int = 0) -> Tensor:
    """(rows, images, 3, 28, 28) noise."""
    return torch.randn(rows, images, 3, 28, 28, generator=torch.Generator().manual_seed(seed))


def write_tokenizer(folder: Path) -> None:
    """A GPT-NeoX tokeniser in form: words, an end of text that is also padding in name only, nothing of ours."""
    tokenizer = Tokenizer(models.WordLevel({word: row for row, word in enumerate(WORDS)}, unk_token=WORDS[0]))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.decoder = decoders.Fuse()
    tokenizer.add_special_tokens(list(WORDS[:2]))
    tokenizer.save(str(folder / "tokenizer.json"))


def write_published(model: Flamingo, folder: Path) -> tuple[Path, Path, Path]:
    """The three files of a model as they are published; MPT's own embedding is another, and longer."""
    clip, mpt, checkpoint = folder / "clip", folder / "mpt", folder / "checkpoint.pt"
    clip.mkdir(parents=True)
    mpt.mkdir()
    state = {key: value for key, value in model.state_dict().items() if key != TIED}
    tower = {key.replace("vision_encoder.", "vision_model."): state[key] for key in state if "vision_encoder." in key}
    positions = torch.arange(5)[None]
    save_file(tower | {"vision_model.embeddings.position_ids": positions}, clip / "model.safetensors")
    (clip / "config.json").write_text(json.dumps({"model_type": "clip", "vision_config": VISION}))
    trained = model.trained_state()
    torch.save(trained, checkpoint)
    language = {
        mosaic_name(key.removeprefix("lang_encoder.")): state[key]
        for key in state
        if key.startswith("lang_encoder.") and key not in trained
    }
    torch.save(language | {"transformer.wte.weight": torch.randn(40, 32)}, mpt / "pytorch_model.bin")
    (mpt / "config.json").write_text(json.dumps(MOSAIC))
    write_tokenizer(mpt)
    return clip, mpt, checkpoint
