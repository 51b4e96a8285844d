"""MPT-1B as Mosaic published it: its own configuration and names, put into those of transformers."""

import re
from pathlib import Path
from typing import Any

from transformers import MptConfig

from roadcue.errors import BadCheckpoint
from roadcue.models.checkpoint import read_json

_ONLY = {
    "alibi": (True, "learned position embeddings"),
    "no_bias": (True, "biases"),
    "attn_clip_qkv": (None, "clipped queries, keys and values"),
    "prefix_lm": (False, "a prefix that sees itself"),
    "attn_uses_sequence_id": (False, "attention within sequence ids"),
    "mlp_ratio": (4, "another width of the feed-forward"),
    "logit_scale": (None, "scaled logits"),
    "embedding_fraction": (1, "scaled gradients of the embedding"),
    "attn_pdrop": (0, "dropout"),
    "resid_pdrop": (0, "dropout"),
    "emb_pdrop": (0, "dropout"),
}
"""Key -> the one value that the model implements, and what another value would ask for."""
_DEFAULTS = {"alibi": False, "no_bias": False}
"""What MosaicGPTConfig takes where its file is silent, for the keys whose default is not the value in `_ONLY`."""
_RENAMED = (
    (re.compile(r"\.decoder_layer\."), "."),
    (re.compile(r"\.norm_([12])\."), r".ln_\1."),
    (re.compile(r"\.ffn\.up_proj\."), ".mlp.mlp_up."),
    (re.compile(r"\.ffn\.down_proj\."), ".mlp.mlp_down."),
    (re.compile(r"\.norm_f\."), ".ln_f."),
)


def mosaic_name(key: str) -> str:
    """What a weight of our `lang_encoder` is called in Mosaic's checkpoint.

    >>> mosaic_name("transformer.blocks.3.decoder_layer.ffn.up_proj.weight")
    'transformer.blocks.3.mlp.mlp_up.weight'
    """
    for ours, theirs in _RENAMED:
        key = ours.sub(theirs, key)
    return key


def read_mosaic_config(folder: Path) -> MptConfig:
    """The `mosaic_gpt` configuration of mosaicml/mpt-1b-redpajama-200b and its copies, as transformers' MptConfig.

    Sizes, `attn_qk_ln`, `softmax_scale` and `alibi_bias_max` are taken as they are. BadCheckpoint for every setting
    at once that the model does not implement: it would run and answer something else. Keys of training (init_*,
    param_init_fn) and of speed (attn_impl, low_precision_layernorm) are not looked at.
    """
    path = folder / "config.json"
    config = read_json(path)
    if config.get("model_type") != "mosaic_gpt":
        raise BadCheckpoint(
            f"{path}: model_type is {config.get('model_type')!r}, and the language model is one of type mosaic_gpt, "
            "such as mosaicml/mpt-1b-redpajama-200b; pass its folder"
        )
    settings = {key: config.get(key, _DEFAULTS.get(key, only)) for key, (only, _) in _ONLY.items()}
    asked = [f"{key} {value!r} ({_ONLY[key][1]})" for key, value in settings.items() if value != _ONLY[key][0]]
    if asked:
        raise BadCheckpoint(f"{path}: asks for {', '.join(asked)}: not implemented; pass another language model")
    try:
        return _config(config)
    except KeyError as error:
        raise BadCheckpoint(f"{path}: lacks {error.args[0]}; download it again") from error
    except Exception as error:  # transformers checks types with errors of its own
        raise BadCheckpoint(f"{path}: does not describe a language model ({error}); download it again") from error


def _config(config: dict[str, Any]) -> MptConfig:
    heads = config["n_heads"]
    if heads & (heads - 1) or config["d_model"] % heads:
        # for other numbers Mosaic's slopes of then are not those of transformers
        raise ValueError(f"n_heads is {heads}, and it must be a power of two that divides d_model")
    return MptConfig(
        **{key: config[key] for key in ("d_model", "n_heads", "n_layers", "vocab_size")},
        max_seq_len=config.get("max_seq_len", 2048),
        learned_pos_emb=False,
        attn_config={
            "qk_ln": config.get("attn_qk_ln", False),
            "softmax_scale": config.get("softmax_scale"),
            "alibi_bias_max": config.get("alibi_bias_max", 8),
        },
    )
