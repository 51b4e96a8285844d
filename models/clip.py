"""CLIP (Radford et al. 2021, arXiv 2103.00020) as a judge: how alike a picture and a text are. It learns nothing.

Its weights are no part of RoadCue, and none that were published have been run with this file: its tests make small
random ones and compare with transformers.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Self

import torch
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn.functional import normalize
from transformers import CLIPConfig, CLIPModel

from roadcue.errors import BadCheckpoint
from roadcue.files import check_file
from roadcue.models.checkpoint import (
    VISION_ARCHITECTURE,
    describe_checkpoint,
    download,
    local_or_hub,
    read_json,
    read_tensors,
)
from roadcue.models.freezing import FrozenModule
from roadcue.models.pickled import read_pickled
from roadcue.models.preprocessing import CLIP_MEAN, CLIP_STD, Normalisation, Preprocessing, clip_preprocessing
from roadcue.weights import load_strict, shapes_alone

_TEXT_ARCHITECTURE = (
    "vocab_size",
    "hidden_size",
    "intermediate_size",
    "num_hidden_layers",
    "num_attention_heads",
    "max_position_embeddings",
    "hidden_act",
    "layer_norm_eps",
)
"""All that is read from a `text_config`, for the reason of `VISION_ARCHITECTURE`."""
_NO_IDS = {"bos_token_id": 0, "eos_token_id": 0, "pad_token_id": 0}
_FILES = ("config.json", "tokenizer.json", "model*.safetensors", "model.safetensors.index.json")
_PICKLED = "pytorch_model.bin"
_NO_WEIGHTS = {f"{part}_model.embeddings.position_ids" for part in ("text", "vision")}
"""0, 1, 2, ...: older transformers saved them."""
_BEGIN, _END = "<|startoftext|>", "<|endoftext|>"
_AT_ONCE = 64
"""Texts that are read together."""


class TextVectors(NamedTuple):
    """`vectors` (n, d) fp32 of length 1 on the CPU; `cut` (n,) bool: the texts whose end was not read."""

    vectors: Tensor
    cut: Tensor


class Clip(FrozenModule):
    """A frozen CLIP: the cosine of a picture's vector and a text's is their dot product.

    `cropped` is its own preprocessing, `squashed` that of document 000's scores: the whole picture made square by
    a bilinear filter. Both give (3, S, S) uint8 of the side that its weights learnt with.
    """

    def __init__(self, model: CLIPModel, tokenizer: Tokenizer, *, origin: str) -> None:
        """`origin` says in words whose weights they are. BadCheckpoint for a tokeniser that is not the model's."""
        super().__init__()
        self.model, self.tokenizer = model.float(), tokenizer
        text, vision = model.config.text_config, model.config.vision_config
        self._ends = [_id(tokenizer, token, text.vocab_size) for token in (_BEGIN, _END)]
        self.longest_text: int = text.max_position_embeddings
        if self.longest_text < len(self._ends) + 1:
            raise BadCheckpoint(f"{origin}: reads texts of {self.longest_text} tokens alone; take another CLIP")
        self.cropped = clip_preprocessing(vision.image_size, "crop")
        self.squashed = Preprocessing(vision.image_size, CLIP_MEAN, CLIP_STD, "bilinear", "squash")
        self.normalise = Normalisation(self.cropped)
        self.description = f"CLIP: {origin}, patches of {vision.patch_size} in pictures of {vision.image_size} pixels"
        self.freeze()

    @classmethod
    def from_pretrained(cls, name: str) -> Self:
        """A CLIP in the layout of the hub, by folder or by hub id; BadCheckpoint when it cannot be used."""
        place = local_or_hub(name, "clip")
        folder = place if isinstance(place, Path) else _download(place)
        config = _read_config(folder)
        weights = _read_weights(folder)
        model = _empty_model(folder / "config.json", config, len(weights))
        load_strict(model, weights, folder)
        for part in (model.text_model, model.vision_model):  # buffers that no file has
            positions = part.embeddings.position_ids.shape[-1]
            part.embeddings.position_ids = torch.arange(positions)[None]
        return cls(model, _read_tokenizer(folder / "tokenizer.json"), origin=describe_checkpoint(name, "clip"))

    @torch.no_grad()
    def picture_vectors(self, pixels: Tensor) -> Tensor:
        """(b, 3, S, S) uint8 -> (b, d) fp32 of length 1, on the CPU; ValueError for other input."""
        pooled = self.model.vision_model(self.normalise(pixels)).pooler_output
        return normalize(self.model.visual_projection(pooled), dim=-1).cpu()

    @torch.no_grad()
    def text_vectors(self, texts: Sequence[str]) -> TextVectors:
        """Of n texts; one of more tokens than the model reads, 77 of the published ones, is cut there.

        As CLIP's own `tokenize(truncate=True)` does, the end's token stands in the last place then. Tokens that mean
        more than text are read as text.
        """
        begin, end = self._ends
        vectors, cut = [torch.empty(0, self.model.config.projection_dim)], []
        for some in _batches(texts):
            rows = [each.ids for each in self.tokenizer.encode_batch_fast(some, add_special_tokens=False)]
            cut += [len(row) + 2 > self.longest_text for row in rows]
            rows = [[begin, *row[: self.longest_text - 2], end] for row in rows]
            vectors.append(self._read(rows))
        return TextVectors(torch.cat(vectors), torch.tensor(cut, dtype=torch.bool))

    def _read(self, rows: Sequence[Sequence[int]]) -> Tensor:
        """(b, d) of b token rows. No token sees a later one, so that what fills a row up changes nothing."""
        longest, (_, end) = max(map(len, rows)), self._ends
        ids = torch.tensor([[*row, *[end] * (longest - len(row))] for row in rows], device=self.normalise.mean.device)
        hidden = self.model.text_model(ids).last_hidden_state
        ends = torch.tensor([len(row) - 1 for row in rows], device=ids.device)
        pooled = hidden[torch.arange(len(rows), device=ids.device), ends]
        return normalize(self.model.text_projection(pooled), dim=-1).cpu()


def _batches(texts: Sequence[str]) -> Iterator[list[str]]:
    for first in range(0, len(texts), _AT_ONCE):
        yield [*texts[first : first + _AT_ONCE]]


def _download(hub_id: str) -> Path:
    """The folder of a CLIP on the hub: safetensors, or where there are none what torch.save wrote."""
    folder = download(hub_id, _FILES)
    return folder if any(folder.glob("model*.safetensors")) else download(hub_id, (*_FILES, _PICKLED))


def _read_config(folder: Path) -> dict[str, Any]:
    """A config.json of a CLIP with its two parts."""
    path = folder / "config.json"
    config = read_json(path)
    parts = [config.get(name) for name in ("text_config", "vision_config")]
    if config.get("model_type") != "clip" or not all(isinstance(part, dict) for part in parts):
        raise BadCheckpoint(
            f"{path}: model_type is {config.get('model_type')!r}, and a whole CLIP in transformers' layout is needed "
            "here, such as openai/clip-vit-base-patch32; pass its folder"
        )
    return config


def _empty_model(path: Path, config: Mapping[str, Any], held: int) -> CLIPModel:
    """On the meta device, of the sizes that a config.json says, for so many tensors."""
    text, vision = config["text_config"], config["vision_config"]
    # Where a text ends is known without the ids in the file, which are wrong in older ones.
    text = {key: text[key] for key in _TEXT_ARCHITECTURE if key in text} | _NO_IDS
    vision = {key: vision[key] for key in VISION_ARCHITECTURE if key in vision}
    try:
        sizes = CLIPConfig(text_config=text, vision_config=vision, projection_dim=config.get("projection_dim", 512))
        with shapes_alone(held):
            return CLIPModel(sizes)
    except Exception as error:  # transformers raises what it likes, from KeyError to errors of its own
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise BadCheckpoint(f"{path}: does not describe a CLIP ({reason}); download it again") from error


def _read_weights(folder: Path) -> dict[str, Tensor]:
    pickled = folder / _PICKLED
    only_pickled = pickled.exists() and not any(folder.glob("model*.safetensors"))
    held = read_pickled(pickled) if only_pickled else read_tensors(folder)
    return {key: tensor for key, tensor in held.items() if key not in _NO_WEIGHTS}


def _read_tokenizer(path: Path) -> Tokenizer:
    """Only that file is read, and no class that another file names."""
    if not path.is_file():
        raise BadCheckpoint(f"{path}: missing; the checkpoint's folder must hold it, download it again")
    try:
        check_file(path)
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # the tokenizers library raises bare Exception
        raise BadCheckpoint(f"{path}: does not hold a tokeniser ({error}); download it again") from error
    tokenizer.no_truncation()
    tokenizer.no_padding()
    tokenizer.encode_special_tokens = True
    return tokenizer


def _id(tokenizer: Tokenizer, token: str, rows: int) -> int:
    found, highest = tokenizer.token_to_id(token), max(tokenizer.get_vocab().values(), default=0)
    if found is None or highest >= rows:
        raise BadCheckpoint(
            f"tokenizer.json is not the tokeniser of this CLIP: its highest token is {highest} of the model's "
            f"{rows}, and {token} is {'none' if found is None else 'one'} of them; take its own"
        )
    return int(found)
