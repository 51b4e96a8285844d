"""OpenFlamingo as it was published, in three places: CLIP, MPT and the trained part that joins them."""

from pathlib import Path
from typing import Any

import torch
from torch import Size, Tensor

from roadcue.errors import BadCheckpoint
from roadcue.models.checkpoint import read_tensors
from roadcue.models.flamingo.loading import TIED, Part, empty_model, fill
from roadcue.models.flamingo.modeling.clip import NOT_A_WEIGHT, PREFIX, read_vision_config
from roadcue.models.flamingo.modeling.config import FlamingoConfig
from roadcue.models.flamingo.modeling.model import Flamingo
from roadcue.models.flamingo.mosaic import mosaic_name, read_mosaic_config
from roadcue.models.pickled import read_pickled
from roadcue.weights import read_safetensors

TOWER, LANGUAGE = "vision_encoder.", "lang_encoder."
EMBEDDING = LANGUAGE + "transformer.wte.weight"
_REMEDY = (
    "The three must be of one model (openai/clip-vit-large-patch14, mosaicml/mpt-1b-redpajama-200b and "
    "openflamingo/OpenFlamingo-3B-vitl-mpt1b), and cross_attn_every_n_layers that of the checkpoint."
)


def load_published(
    clip: Path, mpt: Path, checkpoint: Path, *, dtype: torch.dtype = torch.float32, **settings: Any
) -> Flamingo:
    """The model of a CLIP folder, a folder of Mosaic's MPT and a `checkpoint.pt`, in eval mode on the CPU.

    The folders hold config.json and model.safetensors (or its shards) or pytorch_model.bin; the checkpoint is a file
    of torch.save, flat or under "model_state_dict", or safetensors. `settings` are fields of FlamingoConfig, for a
    checkpoint that is not OpenFlamingo-3B-vitl-mpt1b: cross_attn_every_n_layers, token ids. The vocabulary is as
    large as the checkpoint's embedding, which takes the place of MPT's. BadCheckpoint lists all that does not fit.
    """
    trained = read_trained(checkpoint)
    if (embedding := trained.get(EMBEDDING)) is None or embedding.ndim != 2:
        raise BadCheckpoint(f"{checkpoint}: {EMBEDDING} is missing or no matrix; it is no checkpoint of OpenFlamingo")
    text = read_mosaic_config(mpt)
    own_rows, text.vocab_size = text.vocab_size, embedding.shape[0]
    config = FlamingoConfig(vision_config=read_vision_config(clip), text_config=text, **settings)
    ids = {name: getattr(config, name) for name in ("endofchunk_token_id", "image_token_id", "pad_token_id")}
    if max(ids.values()) >= text.vocab_size:
        raise BadCheckpoint(
            f"{checkpoint}: its vocabulary has {text.vocab_size} rows, too few for {ids}; pass its ids"
        )
    model = empty_model(Flamingo, config)
    learnt = model.trained_state().keys()
    frozen = model.state_dict().keys() - learnt - {TIED}
    tower = {key: PREFIX + key.removeprefix(TOWER) for key in frozen if key.startswith(TOWER)}
    language = {key: mosaic_name(key.removeprefix(LANGUAGE)) for key in frozen if key.startswith(LANGUAGE)}
    own_embedding = {mosaic_name(EMBEDDING.removeprefix(LANGUAGE)): Size((own_rows, text.d_model))}
    parts = [
        Part(clip, read_clip(clip), tower),
        Part(mpt, _read_folder(mpt), language, unused=own_embedding),
        Part(checkpoint, trained, {key: key for key in learnt}),
    ]
    fill(model, parts, dtype, _REMEDY)
    return model


def read_trained(checkpoint: Path) -> dict[str, Tensor]:
    """The tensors of a `checkpoint.pt` under their plain names, without what DataParallel and checkpointing added."""
    if checkpoint.suffix == ".safetensors":
        held = dict(read_safetensors(checkpoint))
    else:
        held = read_pickled(checkpoint, "model_state_dict")
    plain = {key.removeprefix("module.").replace("_checkpoint_wrapped_module.", ""): held[key] for key in held}
    if len(plain) < len(held):
        raise BadCheckpoint(f"{checkpoint}: holds weights twice, with and without a prefix; save one state_dict")
    return plain


def read_clip(folder: Path) -> dict[str, Tensor]:
    """The tensors of the vision tower in a CLIP folder, under their names there."""
    tensors = _read_folder(folder, PREFIX)
    return {key: tensors[key] for key in tensors if key != NOT_A_WEIGHT}


def _read_folder(folder: Path, prefix: str = "") -> dict[str, Tensor]:
    """The tensors whose keys start with `prefix`, from safetensors, or from pytorch_model.bin if there are none."""
    pickled = folder / "pytorch_model.bin"
    if pickled.exists() and not any(folder.glob("model.safetensors*")):
        tensors = {key: value for key, value in read_pickled(pickled).items() if key.startswith(prefix)}
        if not tensors:
            raise BadCheckpoint(
                f"{pickled}: no key starts with {prefix!r}; this is not a checkpoint that has this part"
            )
        return tensors
    tensors = read_tensors(folder, prefix)
    return {prefix + key: value for key, value in tensors.items()}
