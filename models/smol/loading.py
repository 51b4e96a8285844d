"""SmolVLM2 out of its checkpoint: the vision tower alone, or the whole model with its tokeniser."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from transformers import (
    GenerationConfig,
    Idefics3Config,
    Idefics3ForConditionalGeneration,
    PreTrainedTokenizerFast,
    SmolVLMConfig,
    SmolVLMForConditionalGeneration,
)
from transformers.models.smolvlm.configuration_smolvlm import SmolVLMVisionConfig
from transformers.models.smolvlm.modeling_smolvlm import SmolVLMVisionTransformer

from roadcue.errors import BadCheckpoint
from roadcue.models.checkpoint import VISION_ARCHITECTURE, read_json, read_tensors, tensor_names
from roadcue.models.checkpoint_kind import SMOL_TYPES, read_config
from roadcue.models.preprocessing import PREPROCESSOR_FILES
from roadcue.models.smol.prompt import BEGIN, END, GLOBAL_IMAGE, IMAGE, PAD, SPECIAL
from roadcue.weights import load_strict, shapes_alone, write_safetensors

PREFIX = "model.vision_model."
"""Where the tower's keys stand in the checkpoint of the whole model."""
_WITHOUT_OUTPUT = "vision_model."
"""Where they stand in what `AutoModel` saves: the model without its output layer."""
_TAKES = "--encoder smol takes a SmolVLM2 or SmolVLM (model_type smolvlm or idefics3)"
_WHOLE: Mapping[str, tuple[Any, Any]] = {
    "smolvlm": (SmolVLMConfig, SmolVLMForConditionalGeneration),
    "idefics3": (Idefics3Config, Idefics3ForConditionalGeneration),
}
"""Model type -> transformers' classes, which differ in their names alone: what is saved is of its type again."""
_TEXT = (
    "vocab_size",
    "hidden_size",
    "intermediate_size",
    "num_hidden_layers",
    "num_attention_heads",
    "num_key_value_heads",
    "head_dim",
    "hidden_act",
    "max_position_embeddings",
    "rms_norm_eps",
    "rope_parameters",
    "rope_theta",
    "attention_bias",
    "mlp_bias",
    "bos_token_id",
    "eos_token_id",
    "pad_token_id",
)
"""All that is read from a `text_config`."""
_TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json")
_BEFORE_THE_TOKENIZERS = ("processor_config.json", "chat_template.json")
"""Where transformers' processor looks for a chat template before it takes the tokeniser's."""
_EMBEDDING, _OUTPUT = "model.text_model.embed_tokens.weight", "lm_head.weight"


def check_family(folder: Path) -> None:
    """BadCheckpoint when a folder's config.json is of no SmolVLM; it says what the folder is."""
    _read_config(folder)


def load_tower(folder: Path) -> SmolVLMVisionTransformer:
    """The vision tower alone, without reading the rest; BadCheckpoint when it cannot be used."""
    bare = any(key.startswith(_WITHOUT_OUTPUT) for key in tensor_names(folder))
    prefix = _WITHOUT_OUTPUT if bare else PREFIX
    tensors = read_tensors(folder, prefix)
    tower = empty_tower(folder, len(tensors))
    load_strict(tower, tensors, folder, prefix)
    return tower


def save_tower(tower: SmolVLMVisionTransformer, folder: Path, base: Path) -> None:
    """Write the tower alone under the keys of the whole model, with the sizes and the preprocessing of `base`."""
    folder.mkdir(parents=True, exist_ok=True)
    write_safetensors(folder / "model.safetensors", {PREFIX + key: w for key, w in tower.state_dict().items()})
    for name in (*PREPROCESSOR_FILES, "config.json"):  # this last: with it there is a checkpoint
        if (base / name).exists():
            shutil.copyfile(base / name, folder / name)


def empty_tower(folder: Path, held: int) -> SmolVLMVisionTransformer:
    """The tower of a folder's config.json on the meta device: shapes without memory.

    A key that `vision_config` omits has the value of transformers' class, as for the library that wrote the file;
    most sizes are checked once more by the shapes of the weights, of which there are `held`.
    """
    vision = _read_config(folder)["vision_config"]
    try:
        with shapes_alone(held):
            return SmolVLMVisionTransformer(SmolVLMVisionConfig(**_known(vision, VISION_ARCHITECTURE)))
    except Exception as error:  # transformers raises what it likes, from KeyError to errors of its own
        raise BadCheckpoint(
            f"{folder / 'config.json'}: vision_config does not describe a vision tower ({error}); download it again"
        ) from error


def load_whole(
    folder: Path, dtype: torch.dtype = torch.float32
) -> tuple[SmolVLMForConditionalGeneration, PreTrainedTokenizerFast]:
    """The model in `dtype`, in eval mode on the CPU, and its tokeniser; BadCheckpoint when they cannot be used."""
    config = _read_config(folder)
    tensors = read_tensors(folder)
    if any(key.startswith(_WITHOUT_OUTPUT) for key in tensors):
        raise BadCheckpoint(
            f"{folder}: is what AutoModel saves, without the layer that writes words: --encoder smol takes its tower "
            "for heads. For captions load and save the whole, with AutoModelForImageTextToText"
        )
    model = _empty_model(config, folder / "config.json", len(tensors))
    if model.config.tie_word_embeddings and _EMBEDDING in tensors:
        tensors.setdefault(_OUTPUT, tensors[_EMBEDDING])
    load_strict(model, tensors, folder)
    model.tie_weights()
    model.to(dtype)
    text = model.model.text_model
    text.rotary_emb = type(text.rotary_emb)(model.config.text_config)  # in no file, and fp32 always
    tokenizer = _read_tokenizer(folder, model.config)
    model.generation_config = GenerationConfig(
        eos_token_id=tokenizer.convert_tokens_to_ids(END), pad_token_id=tokenizer.pad_token_id
    )
    return model.eval(), tokenizer


def _empty_model(config: Mapping[str, Any], path: Path, held: int) -> SmolVLMForConditionalGeneration:
    """The whole model of a config.json on the meta device; only the language model of the published ones is built."""
    configuration, whole = _WHOLE[config["model_type"]]
    text = config.get("text_config")
    if not isinstance(text, dict) or text.get("model_type", "llama") != "llama":
        raise BadCheckpoint(f"{path}: its text_config is not that of a llama, SmolVLM2's; pass another checkpoint")
    try:
        architecture = configuration(
            vision_config=_known(config["vision_config"], VISION_ARCHITECTURE),
            text_config=_known(text, _TEXT) | {"model_type": "llama"},
            pad_token_id=text.get("pad_token_id"),
            **_known(config, ("scale_factor", "image_token_id", "tie_word_embeddings")),
        )
        with shapes_alone(held):
            return whole(architecture)
    except Exception as error:  # transformers raises what it likes, from KeyError to errors of its own
        raise BadCheckpoint(f"{path}: does not describe a SmolVLM2 ({error}); download it again") from error


def _read_config(folder: Path) -> dict[str, Any]:
    """A config.json of a SmolVLM with a vision_config."""
    config = read_config(folder, SMOL_TYPES, _TAKES)
    if not isinstance(config.get("vision_config"), dict):
        raise BadCheckpoint(f"{folder / 'config.json'}: a SmolVLM2's comes with a vision_config; download it again")
    return config


def _known(config: Mapping[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
    """What is found under those keys, and nothing else: a file decides sizes, not how code is loaded or run."""
    return {key: config[key] for key in keys if key in config}


def _read_tokenizer(folder: Path, config: SmolVLMConfig) -> PreTrainedTokenizerFast:
    """The tokeniser in `folder`, padding on the left, with its chat template.

    No class that a file names is taken. BadCheckpoint when a file is missing or damaged, when there is no chat
    template, and when a special token is not a token or has another id than the model's.
    """
    if missing := [name for name in _TOKENIZER_FILES if not (folder / name).is_file()]:
        raise BadCheckpoint(f"{folder / missing[0]}: missing; the whole model needs it, download it again")
    try:
        tokenizer = PreTrainedTokenizerFast.from_pretrained(
            folder, local_files_only=True, padding_side="left", bos_token=BEGIN, eos_token=END, pad_token=PAD
        )
    except Exception as error:  # the tokenizers library raises bare Exception
        raise BadCheckpoint(f"{folder / 'tokenizer.json'}: does not hold a tokeniser ({error})") from error
    tokenizer.chat_template = _chat_template(folder, tokenizer)
    if not isinstance(tokenizer.chat_template, str):
        raise BadCheckpoint(f"{folder}: has no chat template (chat_template.jinja or .json); download it again")
    rows = config.text_config.vocab_size
    # to an Idefics3 this one is text (transformers' Idefics3Processor)
    needed = [token for token in SPECIAL if token != GLOBAL_IMAGE or config.model_type != "idefics3"]
    strange = [token for token in needed if token not in tokenizer.get_vocab()]
    if strange or len(tokenizer) > rows or tokenizer.convert_tokens_to_ids(IMAGE) != config.image_token_id:
        raise BadCheckpoint(
            f"{folder / 'tokenizer.json'}: is not the tokeniser of this model, which has {rows} tokens with {IMAGE} "
            f"at {config.image_token_id}" + (f"; it lacks {', '.join(strange)}" if strange else "")
        )
    return tokenizer


def _chat_template(folder: Path, tokenizer: PreTrainedTokenizerFast) -> Any:
    """What is written for a conversation, in the order of transformers' processor; None where nothing says it."""
    files = [folder / name for name in _BEFORE_THE_TOKENIZERS if (folder / name).exists()]
    found = (read_json(path).get("chat_template") for path in files)
    return next((template for template in found if template is not None), tokenizer.chat_template)
