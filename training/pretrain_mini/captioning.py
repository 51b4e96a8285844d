"""The language model's part: the next token of a caption behind the picture's tokens."""

import torch
import torch.nn.functional as F
from torch import Tensor
from transformers import PreTrainedTokenizerFast, SmolVLMForConditionalGeneration

from models.mini.architecture import IMAGE_TOKENS

QUESTION = "Describe the scene."
_PICTURE = f"<fake_token_around_image><global-img>{'<image>' * IMAGE_TOKENS}<fake_token_around_image>"
"""What SmolVLM's processor makes of one untiled picture."""


class Captioning:
    """Teacher forcing over the published chat template."""

    def __init__(self, model: SmolVLMForConditionalGeneration, tokenizer: PreTrainedTokenizerFast) -> None:
        self.model, self.tokenizer = model, tokenizer
        question = [{"type": "image"}, {"type": "text", "text": QUESTION}]
        prompt = tokenizer.apply_chat_template(
            [{"role": "user", "content": question}], add_generation_prompt=True, tokenize=False
        )
        self.prompt: list[int] = tokenizer(str(prompt).replace("<image>", _PICTURE)).input_ids

    def loss(self, tokens: Tensor, captions: list[str]) -> Tensor:
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

    def _batch(self, captions: list[str], device: torch.device) -> tuple[Tensor, Tensor]:
        """(b, n) token ids, padded on the right where nothing looks back, and (b, n - prompt) targets."""
        answers = [self.tokenizer(f" {caption}<end_of_utterance>").input_ids for caption in captions]
        longest = max(len(answer) for answer in answers)
        padding: int = self.tokenizer.pad_token_id
        ids = [self.prompt + answer + [padding] * (longest - len(answer)) for answer in answers]
        wanted = [answer + [-100] * (longest - len(answer)) for answer in answers]
        return torch.tensor(ids, device=device), torch.tensor(wanted, device=device)
