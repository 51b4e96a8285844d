"""The sizes and token ids of a Flamingo; those of the published OpenFlamingo-3B-vitl-mpt1b by name."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from huggingface_hub.dataclasses import strict
from transformers import CLIPVisionConfig, MptConfig, PreTrainedConfig

from roadcue.errors import BadCheckpoint
from roadcue.models.checkpoint import VISION_ARCHITECTURE, read_json

_TEXT = ("d_model", "n_heads", "n_layers", "max_seq_len", "vocab_size", "layer_norm_epsilon", "learned_pos_emb")
_ATTENTION = ("qk_ln", "alibi_bias_max", "softmax_scale")


@strict
class FlamingoConfig(PreTrainedConfig):
    """The defaults are those of the package (`open_flamingo` 2.0.1) and of the published checkpoint.

    Gated cross-attention stands before every `cross_attn_every_n_layers`-th block of the language model, counted from
    one as in the package: with 2, before the second, the fourth, ... `gate_init` is what both gates of a new block
    start from, before the tanh: 0 leaves the language model as it was, more lets the pictures in from the first step.
    The ids are where the tokeniser adds `<|endofchunk|>`, `<image>` and `<PAD>`.
    """

    model_type = "open_flamingo"
    sub_configs = {"vision_config": CLIPVisionConfig, "text_config": MptConfig}  # noqa: RUF012 - transformers' own way

    vision_config: dict[str, Any] | PreTrainedConfig | None = None
    text_config: dict[str, Any] | PreTrainedConfig | None = None
    cross_attn_every_n_layers: int = 1
    only_attend_immediate_media: bool = True
    cross_attn_heads: int = 8
    cross_attn_head_dim: int = 64
    perceiver_depth: int = 6
    perceiver_heads: int = 8
    perceiver_head_dim: int = 64
    perceiver_latents: int = 64
    ff_mult: int = 4
    gate_init: float = 0.0
    endofchunk_token_id: int = 50277
    image_token_id: int = 50278
    pad_token_id: int = 50279
    tie_word_embeddings: bool = True

    def __post_init__(self, **kwargs: Any) -> None:
        if not isinstance(self.vision_config, CLIPVisionConfig):
            self.vision_config = CLIPVisionConfig(**(self.vision_config or VIT_L_14))
        if not isinstance(self.text_config, MptConfig):
            self.text_config = MptConfig(**(self.text_config or MPT_1B))
        super().__post_init__(**kwargs)

    @property
    def gated_layers(self) -> list[int]:
        """The blocks of the language model, counted from zero, that have gated cross-attention before them."""
        every, layers = self.cross_attn_every_n_layers, self.text_config.n_layers  # type: ignore[union-attr]
        return list(range(every - 1, layers, every))


VIT_L_14 = {
    "hidden_size": 1024,
    "intermediate_size": 4096,
    "num_hidden_layers": 24,
    "num_attention_heads": 16,
    "image_size": 224,
    "patch_size": 14,
    "hidden_act": "quick_gelu",
}
"""The vision tower of openai/clip-vit-large-patch14: 303,179,776 parameters, 256 tokens of a picture.

open_clip counts 303,966,208: its tower ends in the projection into the space of the texts, which is not read.
"""

MPT_1B = {
    "d_model": 2048,
    "n_heads": 16,
    "n_layers": 24,
    "max_seq_len": 2048,
    "vocab_size": 50280,
    "learned_pos_emb": False,
    "attn_config": {"qk_ln": True, "alibi": True, "alibi_bias_max": 8},
}
"""mosaicml/mpt-1b-redpajama-200b whose vocabulary OpenFlamingo resized from 50,432 rows to its tokeniser's."""

PUBLISHED = FlamingoConfig()
"""openflamingo/OpenFlamingo-3B-vitl-mpt1b."""


def read_config(path: Path) -> FlamingoConfig:
    """The configuration that `save_pretrained` left; a file decides sizes and ids, not how code is loaded or run."""
    config = read_json(path)
    if config.get("model_type") != FlamingoConfig.model_type:
        raise BadCheckpoint(
            f"{path}: model_type is {config.get('model_type')!r} and not {FlamingoConfig.model_type!r}; a published "
            "OpenFlamingo comes in three parts, which load_published reads"
        )
    try:
        vision, text = config["vision_config"], config["text_config"]
        own = _known(config, [key for key in FlamingoConfig.__annotations__ if not key.endswith("_config")])
        attention = _known(text["attn_config"], _ATTENTION)
        return FlamingoConfig(
            **own,
            vision_config=_known(vision, VISION_ARCHITECTURE),
            text_config=_known(text, _TEXT) | {"attn_config": attention},
        )
    except Exception as error:  # transformers raises what it likes, from KeyError to errors of its own
        raise BadCheckpoint(
            f"{path}: is not the configuration of a Flamingo ({type(error).__name__}: {error}); copy it again"
        ) from error


def _known(config: Mapping[str, Any], keys: Sequence[str]) -> dict[str, Any]:
    """What is found under those keys, and nothing else."""
    return {key: config[key] for key in keys if key in config}
