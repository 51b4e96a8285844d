"""An OpenFlamingo, or the part of one that is asked for, from wherever its weights lie.

It is one folder that `save_pretrained` left, or three places as it was published: CLIP, MPT, and the trained part
that joins them.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Size, Tensor
from transformers import CLIPVisionConfig, CLIPVisionModel, PreTrainedTokenizerFast

from roadcue.errors import BadCheckpoint
from roadcue.files import check_file
from roadcue.models.checkpoint import FULL, download, local_or_hub, read_json, read_tensors
from roadcue.models.checkpoint_kind import CLIP_TYPES, FLAMINGO_TYPE, refuse_parts
from roadcue.models.checkpoint_kind import read_config as read_checkpoint_config
from roadcue.models.flamingo.modeling.clip import NOT_A_WEIGHT, PREFIX, TAKES, read_vision_config, restore_positions
from roadcue.models.flamingo.modeling.config import PUBLISHED, FlamingoConfig, read_config
from roadcue.models.flamingo.modeling.model import Flamingo
from roadcue.models.flamingo.modeling.perceiver import PerceiverResampler, build_perceiver
from roadcue.models.flamingo.modeling.weights import TIED, Source, empty_model, fill, shapes_of
from roadcue.models.flamingo.mosaic import mosaic_name, read_mosaic_config
from roadcue.models.flamingo.prompt import END, ENDOFCHUNK, IMAGE, PAD
from roadcue.models.pickled import read_pickled
from roadcue.weights import load_strict, read_safetensors

CLIP = "openai/clip-vit-large-patch14"
"""The vision tower of every published OpenFlamingo."""
MPT = "anas-awadalla/mpt-1b-redpajama-200b"
"""The language model of OpenFlamingo-3B-vitl-mpt1b: mosaicml/mpt-1b-redpajama-200b with its tokeniser."""
_TYPES = (FLAMINGO_TYPE, *CLIP_TYPES)
_WEIGHTS = ("config.json", "model*.safetensors", "model.safetensors.index.json")
TOWER, RESAMPLER, LANGUAGE = "vision_encoder.", "perceiver.", "lang_encoder."
"""Where the keys of each part stand in a checkpoint of OpenFlamingo."""
EMBEDDING = LANGUAGE + "transformer.wte.weight"
_REMEDY = (
    "The three must be of one model (openai/clip-vit-large-patch14, mosaicml/mpt-1b-redpajama-200b and "
    "openflamingo/OpenFlamingo-3B-vitl-mpt1b), and cross_attn_every_n_layers that of the checkpoint."
)


class FlamingoFiles:
    """Where the files of an OpenFlamingo are; what is asked for is downloaded if it is not here.

    "mini" is the shipped miniature, "full" the published OpenFlamingo-3B-vitl-mpt1b, "org/name" another of the hub.
    A folder, here or there, holds what `save_pretrained` left, or `clip/`, `mpt/` and `checkpoint.pt`, or a CLIP
    alone; one of the hub without a config.json is an OpenFlamingo's, whose tower is CLIP ViT-L/14.
    """

    def __init__(self, name: str) -> None:
        """BadCheckpoint when there is nothing under the name."""
        self.place = local_or_hub(name, "flamingo")
        if isinstance(self.place, str) and self.place != FULL["flamingo"]:
            folder = download(self.place, _WEIGHTS)
            self.place = folder if (folder / "config.json").exists() else self.place
        if isinstance(self.place, Path) and (self.place / "config.json").exists():
            read_checkpoint_config(self.place, _TYPES, TAKES)

    @property
    def saved(self) -> Path | None:
        """The folder that has all of it, as `save_pretrained` left it; None when it comes in parts."""
        if isinstance(self.place, str) or not (config := self.place / "config.json").exists():
            return None
        return self.place if read_json(config).get("model_type") == FlamingoConfig.model_type else None

    @property
    def clip(self) -> Path:
        """The folder of the CLIP whose vision tower it is."""
        if isinstance(self.place, str):
            return download(CLIP, _WEIGHTS)
        return self.place if (self.place / "config.json").exists() else self._inside("clip")

    @property
    def mpt(self) -> Path:
        """The folder of the language model and its tokeniser."""
        if isinstance(self.place, str):
            if self.place != FULL["flamingo"]:
                raise BadCheckpoint(
                    f"checkpoint {self.place}: which language model it was trained with is not known; put that in "
                    "mpt/ of a folder, CLIP in clip/ and checkpoint.pt beside them, and pass the folder"
                )
            return download(MPT, (*_WEIGHTS, "pytorch_model*.bin", "tokenizer.json"))
        return self._inside("mpt")

    @property
    def checkpoint(self) -> Path:
        """The file of what joins the two: the Perceiver and the gated cross-attention."""
        if isinstance(self.place, str):
            return download(self.place, ("checkpoint.pt",)) / "checkpoint.pt"
        return self._inside("checkpoint.pt")

    def _inside(self, name: str) -> Path:
        assert isinstance(self.place, Path)
        if not (path := self.place / name).exists():
            refuse_parts(self.place, (FLAMINGO_TYPE,))
            raise BadCheckpoint(
                f"{path}: missing; a folder with an OpenFlamingo holds clip/ ({CLIP}), mpt/ ({MPT}) and "
                "checkpoint.pt, or what save_pretrained left"
            )
        return path


def load_whole(files: FlamingoFiles, dtype: torch.dtype = torch.float32) -> tuple[Flamingo, PreTrainedTokenizerFast]:
    """The model in `dtype`, in eval mode on the CPU, and its tokeniser; BadCheckpoint when they cannot be used."""
    if saved := files.saved:
        model = Flamingo.from_pretrained(saved, dtype=dtype)
        return model, read_tokenizer(saved, model.config)
    model = load_published(files.clip, files.mpt, files.checkpoint, dtype=dtype)
    return model, read_tokenizer(files.mpt, model.config)


def read_tokenizer(folder: Path, config: FlamingoConfig) -> PreTrainedTokenizerFast:
    """The tokeniser in `folder`/tokenizer.json, padding on the left, with the special tokens where `config` has them.

    Only that file is read, and no class that another file names. transformers 5 gives a GPT-NeoX tokeniser a padding
    token of its own, `<|padding|>`; taken for one, it would leave out `<PAD>`, the last row of the published
    embedding. BadCheckpoint when the tokeniser is not the model's, by its length or by an id.
    """
    path = folder / "tokenizer.json"
    if not path.exists():
        raise BadCheckpoint(f"{path}: missing; the tokeniser is that of EleutherAI/gpt-neox-20b: put its file there")
    try:
        check_file(path)
        tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(path), padding_side="left")
    except Exception as error:  # the tokenizers library raises bare Exception
        raise BadCheckpoint(f"{path}: does not hold a tokeniser ({error}); download it again") from error
    add_special_tokens(tokenizer)
    rows = config.text_config.vocab_size  # type: ignore[union-attr]
    wanted = {ENDOFCHUNK: config.endofchunk_token_id, IMAGE: config.image_token_id, PAD: config.pad_token_id}
    ids = {token: tokenizer.convert_tokens_to_ids(token) for token in wanted}
    if ids != wanted or len(tokenizer) != rows:
        raise BadCheckpoint(
            f"{path}: is not the tokeniser of this model: it has {len(tokenizer)} tokens with {ids}, and the model "
            f"has {rows} with {wanted}; take the one that the model was trained with"
        )
    return tokenizer


def add_special_tokens(tokenizer: PreTrainedTokenizerFast) -> None:
    """Add `<|endofchunk|>`, `<image>` and `<PAD>` in the package's order; those already there stay."""
    if END in tokenizer.get_vocab():
        tokenizer.add_special_tokens({"bos_token": END, "eos_token": END, "unk_token": END})
    tokenizer.add_special_tokens({"extra_special_tokens": [ENDOFCHUNK, IMAGE]})
    tokenizer.add_special_tokens({"pad_token": PAD})


def load_tower(files: FlamingoFiles) -> CLIPVisionModel:
    """The vision tower alone, without reading the rest; BadCheckpoint when it cannot be used."""
    saved = files.saved
    vision = read_vision_config(files.clip) if saved is None else read_config(saved / "config.json").vision_config
    assert isinstance(vision, CLIPVisionConfig)
    place, prefix = (files.clip, PREFIX) if saved is None else (saved, TOWER)
    tensors = _without(PREFIX, read_clip(place)) if saved is None else read_tensors(saved, TOWER)
    with shapes_of(place, len(tensors)):
        tower = CLIPVisionModel(vision)
    load_strict(tower, tensors, place, prefix)
    restore_positions(tower)
    return tower


def load_perceiver(files: FlamingoFiles, width: int) -> PerceiverResampler:
    """The Perceiver behind a tower `width` wide: a saved model's, or checkpoint.pt's, in the published sizes."""
    saved = files.saved
    config = PUBLISHED if saved is None else read_config(saved / "config.json")
    place = files.checkpoint if saved is None else saved
    tensors = _without(RESAMPLER, read_trained(place)) if saved is None else read_tensors(saved, RESAMPLER)
    with shapes_of(place, len(tensors)):
        perceiver = build_perceiver(config, width)
    load_strict(perceiver, tensors, place, RESAMPLER)
    return perceiver


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
    clip_weights, mpt_weights = read_clip(clip), _read_folder(mpt)
    model = empty_model(Flamingo, config, mpt, len(clip_weights) + len(mpt_weights) + len(trained))
    learnt = model.trained_state().keys()
    frozen = model.state_dict().keys() - learnt - {TIED}
    tower = {key: PREFIX + key.removeprefix(TOWER) for key in frozen if key.startswith(TOWER)}
    language = {key: mosaic_name(key.removeprefix(LANGUAGE)) for key in frozen if key.startswith(LANGUAGE)}
    own_embedding = {mosaic_name(EMBEDDING.removeprefix(LANGUAGE)): Size((own_rows, text.d_model))}
    sources = [
        Source(clip, clip_weights, tower),
        Source(mpt, mpt_weights, language, unused=own_embedding),
        Source(checkpoint, trained, {key: key for key in learnt}),
    ]
    fill(model, sources, dtype, _REMEDY)
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


def _without(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Those under the prefix, without it."""
    return {key.removeprefix(prefix): tensors[key] for key in tensors if key.startswith(prefix)}
