"""SmolVLM2's vision tower alone, out of the full checkpoint and without its language model.

SmolVLM2 (Marafioti et al., 2025, https://arxiv.org/abs/2504.05299) reads pictures with SigLIP SO400M; the published
2.2B model has 27 layers of width 1152 over 27 x 27 patches of a 384 x 384 tile, 412,987,248 parameters.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Self

import torch
from torch import Tensor
from transformers.models.smolvlm.modeling_smolvlm import SmolVLMVisionTransformer

from roadcue.errors import BadCheckpoint, BadEncoder
from roadcue.models.checkpoint import VISION_ARCHITECTURE, describe_checkpoint, resolve_checkpoint
from roadcue.models.encoder import DTYPES, Dtype
from roadcue.models.freezing import FrozenModule
from roadcue.models.preprocessing import Aspect, Normalisation, Preprocessing, join_tiles, read_preprocessing
from roadcue.models.smol.loading import PREFIX, check_family, load_tower, save_tower
from roadcue.models.smol.lora_targets import VISION
from roadcue.weights import digest


class SmolEncoder(FrozenModule):
    """The frozen tower; its features are the patches of the last layer, after the final layer norm."""

    name = "smol"
    root, lora_targets = PREFIX, VISION
    positions: Tensor

    def __init__(
        self, tower: SmolVLMVisionTransformer, preprocess: Preprocessing, *, dtype: Dtype, origin: str
    ) -> None:
        """`tower` is kept, converted to `dtype` and frozen; `origin` says in words whose weights it has."""
        super().__init__()
        self.tower, self.preprocess, self.side = tower, preprocess, preprocess.side
        config = tower.config
        side = patches_across(preprocess.side, config.patch_size, origin)
        self.width: int = config.hidden_size
        self._square = (side, side)
        self.grid = (side, side * preprocess.tiles)
        self.fingerprint: Mapping[str, str] = {
            "encoder": self.name,
            "architecture": json.dumps({key: getattr(config, key) for key in VISION_ARCHITECTURE}),
            "weights": digest(tower.state_dict()),
            **preprocess.fingerprint,
            "dtype": dtype,
        }
        tower.to(DTYPES[dtype])
        self.normalise = Normalisation(preprocess)
        self.register_buffer(
            "positions", tile_positions(side, config.image_size // config.patch_size), persistent=False
        )
        millions = sum(parameter.numel() for parameter in self.parameters()) / 1e6
        self.description = f"SmolVLM2 vision tower: {origin}, {millions:.1f} M parameters, {dtype}"
        self.freeze()

    @classmethod
    def from_pretrained(cls, folder: Path, *, dtype: Dtype = "fp32", aspect: Aspect = "squash", origin: str) -> Self:
        """The tower out of the SmolVLM2 checkpoint in `folder`; BadCheckpoint when it cannot be used."""
        check_family(folder)  # what a folder is comes before what it lacks
        preprocess = read_preprocessing(folder, aspect)
        return cls(load_tower(folder), preprocess, dtype=dtype, origin=origin)

    def encode(self, pixels: Tensor) -> Tensor:
        """(b, 3, S, S), or of t tiles (b, t, 3, S, S), uint8 -> (b, h, w, d) in the tower's dtype.

        Normalised as the published processor does it, (x - 255 mean) / (255 std) in fp32. Its results carry no
        gradient while nothing of it learns, and a trainable layer may follow (which inference_mode would forbid).
        ValueError for other input.
        """
        with self.graph():
            tokens = tile_tokens(self.tower, self.normalise(pixels).to(self.tower.dtype), self.positions)
        return join_tiles(tokens.unflatten(1, self._square), self.preprocess.tiles)

    def save_tower(self, folder: Path, checkpoint: str) -> None:
        """Write the tower as it is now, a checkpoint of the encoder alone; `checkpoint` is the one that it was of."""
        save_tower(self.tower, folder, resolve_checkpoint(checkpoint))


def tile_tokens(tower: SmolVLMVisionTransformer, normal: Tensor, positions: Tensor) -> Tensor:
    """The tower's own forward for one full tile: normalised (b, 3, S, S) -> (b, patches, d).

    Every patch is valid, so no mask, and the `positions` (patches,) never change.
    """
    embeddings = tower.embeddings
    patches = embeddings.patch_embedding(normal).flatten(2).transpose(1, 2)
    hidden = patches + embeddings.position_embedding(positions)
    tokens: Tensor = tower.post_layernorm(tower.encoder(inputs_embeds=hidden).last_hidden_state)
    return tokens


def build(checkpoint: str, dtype: Dtype, aspect: Aspect, features: str) -> SmolEncoder:
    """The encoder of the registry; `checkpoint` as in `resolve_checkpoint`. BadEncoder for other `features`."""
    if features != "patches":
        raise BadEncoder(f"the smol encoder has no {features} features, only patches; the flamingo encoder has both")
    folder = resolve_checkpoint(checkpoint)
    return SmolEncoder.from_pretrained(folder, dtype=dtype, aspect=aspect, origin=describe_checkpoint(checkpoint))


def patches_across(side: int, patch: int, origin: str) -> int:
    """How many patches stand side by side in a square of `side` pixels; BadCheckpoint when none does."""
    if side < patch:
        raise BadCheckpoint(
            f"{origin}: max_image_size.longest_edge is {side} pixels, less than a patch of {patch}; config.json and "
            "the processor's settings must be of one checkpoint: download both again"
        )
    return side // patch


def tile_positions(side: int, learned: int) -> Tensor:
    """(side * side,) which of learned x learned position embeddings each patch of a tile gets.

    As in transformers' SmolVLMVisionEmbeddings, by buckets of the fraction of the side, and always in fp32:
    5.17 rounded the fractions to the tower's dtype first, and in bf16 half of the patches got a neighbour's place.
    """
    fractions = (torch.arange(side, dtype=torch.float32) * (1.0 / torch.tensor(side))).clamp(max=1.0 - 1e-6)
    buckets = torch.bucketize(fractions, torch.arange(1 / learned, 1.0, 1 / learned), right=True)
    return (buckets[:, None] * learned + buckets).flatten()
