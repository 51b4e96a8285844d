"""OpenFlamingo's eye as a frozen encoder: CLIP's patches, or the Perceiver's latents of them; no language model."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, Self

from torch import Tensor
from transformers import CLIPVisionModel

from roadcue.errors import BadEncoder
from roadcue.models.checkpoint import VISION_ARCHITECTURE, describe_checkpoint
from roadcue.models.encoder import DTYPES, Dtype
from roadcue.models.flamingo.loading import FlamingoFiles, load_perceiver, load_tower
from roadcue.models.flamingo.lora_targets import TOWER
from roadcue.models.flamingo.modeling.clip import PREFIX, visual_tokens
from roadcue.models.flamingo.modeling.perceiver import PerceiverResampler
from roadcue.models.freezing import FrozenModule
from roadcue.models.preprocessing import Aspect, Normalisation, Preprocessing, clip_preprocessing, join_tiles
from roadcue.weights import digest, write_safetensors

Features = Literal["patches", "perceiver"]
"""patches: CLIP's, of the last layer, as OpenFlamingo reads them; perceiver: the latents that its words look at."""


class FlamingoEncoder(FrozenModule):
    """The frozen tower, and the Perceiver behind it when there is one."""

    name = "flamingo"
    root, lora_targets = "", TOWER

    def __init__(
        self,
        tower: CLIPVisionModel,
        perceiver: PerceiverResampler | None,
        preprocess: Preprocessing,
        *,
        dtype: Dtype,
        origin: str,
    ) -> None:
        """Both are kept, converted to `dtype` and frozen; `origin` says in words whose weights they have."""
        super().__init__()
        self.tower, self.perceiver, self.preprocess, self.side = tower, perceiver, preprocess, preprocess.side
        self.width: int = tower.config.hidden_size
        self._square = _square(tower, perceiver)
        self.grid = (self._square[0], self._square[1] * preprocess.tiles)
        self.fingerprint: Mapping[str, str] = {
            "encoder": self.name,
            "features": "patches" if perceiver is None else "perceiver",
            "architecture": json.dumps({key: getattr(tower.config, key) for key in VISION_ARCHITECTURE}),
            "weights": digest(self.state_dict()),
            **preprocess.fingerprint,
            "dtype": dtype,
        }
        self.to(DTYPES[dtype])
        self.normalise = Normalisation(preprocess)  # behind the conversion: its numbers stay fp32
        millions = sum(parameter.numel() for parameter in self.parameters()) / 1e6
        modules = "vision tower" if perceiver is None else "vision tower and Perceiver"
        self.description = f"OpenFlamingo {modules}: {origin}, {millions:.1f} M parameters, {dtype}"
        self.freeze()

    @classmethod
    def from_files(
        cls,
        files: FlamingoFiles,
        *,
        features: Features = "patches",
        dtype: Dtype = "fp32",
        aspect: Aspect = "squash",
        origin: str,
    ) -> Self:
        """What the features need out of a checkpoint, and no more of it; BadCheckpoint when it cannot be used."""
        tower = load_tower(files)
        perceiver = load_perceiver(files, tower.config.hidden_size) if features == "perceiver" else None
        return cls(tower, perceiver, clip_preprocessing(tower.config.image_size, aspect), dtype=dtype, origin=origin)

    def encode(self, pixels: Tensor) -> Tensor:
        """(b, 3, S, S), or of t tiles (b, t, 3, S, S), uint8 -> (b, h, w, d) in the tower's dtype.

        Latents have no place in the picture: they stand row by row in the order of the Perceiver's. The results carry
        no gradient while nothing learns, and a trainable layer may follow. ValueError for other input.
        """
        with self.graph():
            tokens = visual_tokens(self.tower, self.normalise(pixels).to(self.tower.dtype))
            if self.perceiver is not None:
                tokens = self.perceiver(tokens)
        return join_tiles(tokens.unflatten(1, self._square), self.preprocess.tiles)

    def save_tower(self, folder: Path, checkpoint: str) -> None:
        """Write the tower as it is now, as a CLIP's; BadEncoder where a Perceiver is behind it."""
        if self.perceiver is not None:
            raise BadEncoder("--stage full: is of CLIP's patches, and this run reads the Perceiver; use --stage lora")
        folder.mkdir(parents=True, exist_ok=True)
        weights = {PREFIX + key: weight for key, weight in self.tower.state_dict().items()}
        write_safetensors(folder / "model.safetensors", weights)
        self.tower.config.save_pretrained(folder)


def build(checkpoint: str, dtype: Dtype, aspect: Aspect, features: Features) -> FlamingoEncoder:
    """The encoder of the registry; `checkpoint` as in `FlamingoFiles`."""
    origin = describe_checkpoint(checkpoint, "flamingo")
    return FlamingoEncoder.from_files(
        FlamingoFiles(checkpoint), features=features, dtype=dtype, aspect=aspect, origin=origin
    )


def _square(tower: CLIPVisionModel, perceiver: PerceiverResampler | None) -> tuple[int, int]:
    """(h, w) of the patches; of latents the squarest there is, 8 x 8 for 64."""
    if perceiver is None:
        side = tower.config.image_size // tower.config.patch_size
        return side, side
    latents = len(perceiver.latents)
    rows = max(row for row in range(1, latents + 1) if latents % row == 0 and row * row <= latents)
    return rows, latents // rows
