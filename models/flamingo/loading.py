"""Weights into a Flamingo: all of them checked, then each copied once, and no random ones made before."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Size, Tensor

from roadcue.errors import BadCheckpoint
from roadcue.models.checkpoint import VISION_ARCHITECTURE, read_json, read_tensors
from roadcue.models.flamingo.modeling.clip import restore_positions
from roadcue.models.flamingo.modeling.config import FlamingoConfig
from roadcue.models.flamingo.modeling.model import Flamingo
from roadcue.weights import audit

TIED = "lang_encoder.lm_head.weight"
"""The output layer, which is the input embedding and is in no file."""
_TEXT = ("d_model", "n_heads", "n_layers", "max_seq_len", "vocab_size", "layer_norm_epsilon", "learned_pos_emb")
_ATTENTION = ("qk_ln", "alibi_bias_max", "softmax_scale")
AnyFlamingo = TypeVar("AnyFlamingo", bound=Flamingo)


@dataclass(frozen=True)
class Part:
    """Tensors from one place: what each is called in the model, and there; and what is there and not used."""

    source: Path
    tensors: Mapping[str, Tensor]
    names: Mapping[str, str]
    unused: Mapping[str, Size] = field(default_factory=dict)


def empty_model(cls: type[AnyFlamingo], config: FlamingoConfig) -> AnyFlamingo:
    """The model on the meta device: shapes without memory."""
    with torch.device("meta"):
        return cls(config).eval()


def fill(model: Flamingo, parts: Sequence[Part], dtype: torch.dtype, remedy: str) -> None:
    """Make the tensors of the parts the weights of a model on the meta device, converted to `dtype`.

    The parts together must name every weight. BadCheckpoint lists what is missing, unexpected or misshapen in all of
    them. Each tensor is copied, for the file it is mapped from may go; what was mapped is given back as memory runs
    short, so that the peak is the model itself.
    """
    weights = {key: value for key, value in model.state_dict().items() if key != TIED}
    problems = [f"{part.source}: {found}" for part in parts if (found := _audit(part, weights))]
    if problems:
        raise BadCheckpoint("\n".join(["the weights are not those of this Flamingo", *problems, remedy]))
    state = {key: part.tensors[name].to(dtype, copy=True) for part in parts for key, name in part.names.items()}
    assert state.keys() == weights.keys(), "the parts do not cover the model"
    model.load_state_dict(state, strict=False, assign=True)
    model.lang_encoder.lm_head.weight = model.lang_encoder.transformer.wte.weight
    restore_positions(model.vision_encoder)


def _audit(part: Part, weights: Mapping[str, Tensor]) -> str:
    unused = {name: torch.empty(shape, device="meta") for name, shape in part.unused.items()}
    return audit({name: weights[key] for key, name in part.names.items()} | unused, part.tensors)


def load_saved(cls: type[AnyFlamingo], folder: Path, dtype: torch.dtype) -> AnyFlamingo:
    """What `save_pretrained` left in `folder`: config.json and safetensors; BadCheckpoint if it cannot be used."""
    model = empty_model(cls, read_config(folder / "config.json"))
    tensors = read_tensors(folder)
    part = Part(folder, tensors, {key: key for key in model.state_dict() if key != TIED})
    fill(model, [part], dtype, "Its config.json and its safetensors must be of one checkpoint: copy both again.")
    return model


def read_config(path: Path) -> FlamingoConfig:
    """The configuration that `save_pretrained` left; a file decides sizes and ids, not how code is loaded or run."""
    found = read_json(path)
    if found.get("model_type") != FlamingoConfig.model_type:
        raise BadCheckpoint(
            f"{path}: model_type is {found.get('model_type')!r} and not {FlamingoConfig.model_type!r}; a published "
            "OpenFlamingo comes in three parts, which load_published reads"
        )
    try:
        vision, text = found["vision_config"], found["text_config"]
        own = _known(found, [key for key in FlamingoConfig.__annotations__ if not key.endswith("_config")])
        attention = _known(text["attn_config"], _ATTENTION)
        return FlamingoConfig(
            **own,
            vision_config=_known(vision, VISION_ARCHITECTURE),
            text_config=_known(text, _TEXT) | {"attn_config": attention},
        )
    except Exception as error:  # transformers raises what it likes, from KeyError to errors of its own
        raise BadCheckpoint(f"{path}: is of no Flamingo ({type(error).__name__}: {error}); copy it again") from error


def _known(found: Mapping[str, Any], keys: Sequence[str]) -> dict[str, Any]:
    return {key: found[key] for key in keys if key in found}
