"""The miniature SmolVLM2 as it learns: the patches of its tower, and the next token of a caption behind them."""

from pathlib import Path
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from roadcue.models.mini.tokenizers import learn_tokenizer
from roadcue.models.plain_text import token_ids
from roadcue.models.smol.encoder import tile_tokens
from roadcue.models.smol.miniature import IMAGE_TOKENS, TEXT, VISION, build, save
from roadcue.models.smol.prompt import END, question_text
from roadcue.prompts.instructions import SCENE


class SmolMiniature:
    """The model with a tokenizer learnt from the captions; teacher forcing over the published chat template."""

    sizes: ClassVar = {"vision": VISION, "text": TEXT}
    latents = None

    def __init__(self, captions: list[str]) -> None:
        """Fresh weights from torch's generator."""
        self.tokenizer = tokenizer = learn_tokenizer(captions)
        self.model = build(tokenizer)
        self.prompt = token_ids(tokenizer, question_text(tokenizer, SCENE, IMAGE_TOKENS))

    def tokens(self, pixels: Tensor) -> Tensor:
        """(b, 3, 224, 224) uint8 -> (b, 14, 14, d), with a gradient."""
        tower = self.model.model.vision_model
        side = tower.config.image_size // tower.config.patch_size
        positions = torch.arange(side * side, device=pixels.device)
        return tile_tokens(tower, pixels.float() / 127.5 - 1, positions).unflatten(1, (side, side))

    def summary(self, tokens: Tensor) -> None:
        """There is none: the language model reads the patches themselves."""

    def caption_loss(self, tokens: Tensor, summary: None, captions: list[str]) -> Tensor:
        """Mean cross-entropy over the captions' tokens; `tokens` (b, h, w, d) of the vision tower."""
        ids, wanted = self._batch(captions, tokens.device)
        inner = self.model.model
        embedded = inner.text_model.get_input_embeddings()(ids)
        seen = inner.connector(tokens.flatten(1, 2))
        places = (ids == self.model.config.image_token_id)[..., None]
        embedded = embedded.masked_scatter(places, seen.to(embedded.dtype))
        hidden = inner.text_model(inputs_embeds=embedded).last_hidden_state[:, len(self.prompt) - 1 : -1]
        logits = self.model.lm_head(hidden)
        return F.cross_entropy(logits.flatten(0, 1).float(), wanted.flatten(), ignore_index=-100)

    def save(self, folder: Path) -> None:
        """Write the checkpoint."""
        save(self.model, self.tokenizer, folder)

    def _batch(self, captions: list[str], device: torch.device) -> tuple[Tensor, Tensor]:
        """(b, n) token ids, padded on the right where nothing looks back, and (b, n - prompt) targets."""
        answers = [self.tokenizer(f" {caption}{END}").input_ids for caption in captions]
        longest = max(len(answer) for answer in answers)
        padding: int = self.tokenizer.pad_token_id
        ids = [self.prompt + answer + [padding] * (longest - len(answer)) for answer in answers]
        wanted = [answer + [-100] * (longest - len(answer)) for answer in answers]
        return torch.tensor(ids, device=device), torch.tensor(wanted, device=device)
