"""The miniature OpenFlamingo as it learns: its patches, its Perceiver's latents, and the texts told from them."""

from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor
from transformers import CLIPVisionModel

from roadcue.models.flamingo.captioner import FlamingoCaptioner
from roadcue.models.flamingo.miniature import RESAMPLER, TEXT, VISION, build, save
from roadcue.models.flamingo.modeling.clip import visual_tokens
from roadcue.models.mini import SIDE
from roadcue.models.mini.tokenizers import learn_flamingo_tokenizer
from roadcue.models.preprocessing import CLIP_MEAN, CLIP_STD, clip_preprocessing
from roadcue.training.miniatures.miniature import TOWER_ATTENTION, VOCABULARY, Miniature
from roadcue.training.miniatures.tower import read_tower
from roadcue.weights import digest


class FlamingoMiniature(Miniature):
    """The model with a tokenizer learnt from the texts; teacher forcing over OpenFlamingo's own prompt."""

    sizes: ClassVar = {"vision": VISION, "text": TEXT, "resampler": RESAMPLER}
    latents = RESAMPLER["perceiver_latents"]

    def __init__(self, texts: list[str]) -> None:
        """Fresh weights from torch's generator, but for the tower's."""
        self.tokenizer = learn_flamingo_tokenizer(texts, VOCABULARY)
        model = build(self.tokenizer)
        _take_tower(model.vision_encoder)
        model.vision_encoder.set_attn_implementation(TOWER_ATTENTION)
        preprocess = clip_preprocessing(SIDE, "squash")
        super().__init__(FlamingoCaptioner(model, self.tokenizer, preprocess, origin="in training"))

    @classmethod
    def begins_with(cls) -> dict[str, str]:
        """The tower of the miniature SmolVLM2; BadCheckpoint when it learnt another world."""
        return {"tower": digest(read_tower())[:16]}

    def tokens(self, pixels: Tensor) -> Tensor:
        """(b, 3, 224, 224) uint8 -> (b, 14, 14, d), with a gradient."""
        mean, std = (_per_channel(levels).to(pixels.device) for levels in (CLIP_MEAN, CLIP_STD))
        tower = self.model.vision_encoder
        side = tower.config.image_size // tower.config.patch_size
        return visual_tokens(tower, (pixels / 255 - mean) / std).unflatten(1, (side, side))

    def summary(self, tokens: Tensor) -> Tensor:
        """(b, 14, 14, d) -> (b, latents, d)."""
        latents: Tensor = self.model.perceiver(tokens.flatten(1, 2))
        return latents

    def seen(self, tokens: Tensor, summary: Tensor) -> dict[str, Any]:
        """The latents, as the layers of cross-attention read them."""
        return {"media": self.model.lang_encoder.project(summary[:, None])}

    def save(self, folder: Path) -> None:
        """Write the checkpoint."""
        save(self.model, self.tokenizer, folder)


@torch.no_grad()
def _take_tower(tower: CLIPVisionModel) -> None:
    """Start from the shipped miniature SmolVLM2's, which learnt from the same pictures: the blocks are alike.

    SmolVLM2 is shown 2 p - 1 where CLIP is shown (p - mean) / std, so the patches' weights are scaled, and what is
    left over goes into their places. New are the class token and the layer norm before the first block, and there is
    none behind the last.
    """
    held = {name: tensor.float() for name, tensor in read_tower().items()}
    weight, bias = (held[f"embeddings.patch_embedding.{name}"] for name in ("weight", "bias"))
    mean, std = _per_channel(CLIP_MEAN), _per_channel(CLIP_STD)
    tower.embeddings.patch_embedding.weight.copy_(2 * std * weight)
    left_over = bias + (weight * (2 * mean - 1)).sum(dim=(1, 2, 3))
    tower.embeddings.position_embedding.weight[1:] = held["embeddings.position_embedding.weight"] + left_over
    blocks = {name.removeprefix("encoder."): held[name] for name in held if name.startswith("encoder.")}
    tower.encoder.load_state_dict(blocks)


def _per_channel(levels: tuple[float, float, float]) -> Tensor:
    """Red, green, blue -> (3, 1, 1)."""
    return torch.tensor(levels)[:, None, None]
