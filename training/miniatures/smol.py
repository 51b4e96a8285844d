"""The miniature SmolVLM2 as it learns: the patches of its tower, and texts behind them."""

from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor
from transformers.modeling_outputs import BaseModelOutputWithPooling

from roadcue.models.mini import SIDE
from roadcue.models.mini.tokenizers import learn_tokenizer
from roadcue.models.preprocessing import Preprocessing
from roadcue.models.smol.captioner import SmolCaptioner
from roadcue.models.smol.encoder import tile_tokens
from roadcue.models.smol.miniature import TEXT, VISION, build, save
from roadcue.training.miniatures.miniature import TOWER_ATTENTION, VOCABULARY, Miniature


class SmolMiniature(Miniature):
    """The model with a tokenizer learnt from the texts; teacher forcing over the published chat template."""

    sizes: ClassVar = {"vision": VISION, "text": TEXT}
    latents = None

    def __init__(self, texts: list[str]) -> None:
        """Fresh weights from torch's generator."""
        self.tokenizer = learn_tokenizer(texts, VOCABULARY)
        preprocess = Preprocessing(SIDE, (0.5,) * 3, (0.5,) * 3, "lanczos", "squash")
        model = build(self.tokenizer)
        model.model.vision_model.set_attn_implementation(TOWER_ATTENTION)
        super().__init__(SmolCaptioner(model, self.tokenizer, preprocess, origin="in training", processor={}))

    def tokens(self, pixels: Tensor) -> Tensor:
        """(b, 3, 224, 224) uint8 -> (b, 14, 14, d), with a gradient."""
        tower = self.model.model.vision_model
        side = tower.config.image_size // tower.config.patch_size
        positions = torch.arange(side * side, device=pixels.device)
        return tile_tokens(tower, pixels.float() / 127.5 - 1, positions).unflatten(1, (side, side))

    def summary(self, tokens: Tensor) -> None:
        """There is none: the language model reads the patches themselves."""

    def seen(self, tokens: Tensor, summary: None) -> dict[str, Any]:
        """The connector's tokens, as the captioner gives them."""
        connected = self.model.model.connector(tokens.flatten(1, 2))
        return {"mm_encoder_outputs": {"image": BaseModelOutputWithPooling(pooler_output=connected)}}

    def save(self, folder: Path) -> None:
        """Write the checkpoint."""
        save(self.model, self.tokenizer, folder)
