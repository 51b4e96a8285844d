"""OpenFlamingo as a captioner, trained as its authors and document 000 train it.

The Perceiver, the gated cross-attention and the rows of `<image>` and `<|endofchunk|>` in the embedding learn, 1.04
billion numbers at the published size; the tower and the language model stay.
"""

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any, Self

import torch
from torch import Tensor, nn

from roadcue.models.adapters import LoraTargets
from roadcue.models.captioner import Captioner
from roadcue.models.checkpoint import describe_checkpoint
from roadcue.models.encoder import DTYPES, Dtype
from roadcue.models.flamingo.loading import FlamingoFiles, load_whole
from roadcue.models.flamingo.lora_targets import TARGETS
from roadcue.models.flamingo.prompt import ENDOFCHUNK, IMAGE, answer_text, few_shot_segments, tokenize_segments
from roadcue.models.greedy import NextInputs
from roadcue.models.preprocessing import Aspect, clip_preprocessing, one_square


class FlamingoCaptioner(Captioner):
    """An instruction if there is one, pictures, and `Output:` behind each."""

    name = "flamingo"
    image_token, end_token, placeholders = IMAGE, ENDOFCHUNK, 1

    @classmethod
    def from_pretrained(cls, checkpoint: str, *, dtype: Dtype = "fp32", aspect: Aspect = "squash") -> Self:
        """`checkpoint` as in `FlamingoFiles`; BadCheckpoint when it cannot be used."""
        model, tokenizer = load_whole(FlamingoFiles(checkpoint), DTYPES[dtype])
        preprocess = clip_preprocessing(model.config.vision_config.image_size, one_square(aspect))
        return cls(model, tokenizer, preprocess, origin=describe_checkpoint(checkpoint, "flamingo"))

    def choose_trainable(self) -> None:
        """The package's trained part; `after_backward` keeps all but two rows of the embedding."""
        self.model.freeze_pretrained()

    def decays(self, name: str) -> bool:
        """The gated cross-attention alone (open_flamingo, train/train.py)."""
        return "gated_cross_attn" in name

    def prompt_ids(
        self, instruction: str, demonstrations: Sequence[str], *, text_only: bool, frames: int = 1
    ) -> list[int]:
        """As OpenFlamingo's evaluation lays it out, with the instruction once, before the first picture."""
        segments = few_shot_segments(demonstrations, instruction, text_only=text_only, frames=frames)
        return list(chain.from_iterable(tokenize_segments(self.tokenizer, segments)))

    def answer_ids(self, answer: str) -> list[int]:
        """An answer and `<|endofchunk|>`."""
        (ids,) = tokenize_segments(self.tokenizer, [answer_text(answer)])
        return ids

    def encode(self, pixels: Tensor) -> Tensor:
        """(b, 3, S, S) uint8 -> the Perceiver's latents (b, n, d)."""
        return self.model.encode_images(self.normalise(pixels)[:, None])[:, 0]

    @property
    def visual_parts(self) -> Sequence[nn.Module]:
        """The vision tower and the Perceiver."""
        return (self.model.vision_encoder, self.model.perceiver)

    def visual_inputs(self, visual: Tensor, shown: Sequence[int]) -> dict[str, Any]:
        """Latents (b, p, n, d) -> the keys and values of every gated block.

        A text looks at what comes before it, so pictures that it does not show are not looked at.
        """
        return {"media": self.model.lang_encoder.project(visual)}

    def next_inputs(self, seen: Mapping[str, Any], shown: Sequence[int]) -> NextInputs:
        """The keys and values of the pictures, of which new tokens look at the last that the text shows."""
        media, last = seen["media"], torch.tensor(shown, device=self.device)[:, None]
        return lambda rows: {"media": media[rows], "last_image": last[rows]}

    @property
    def lora_targets(self) -> Mapping[str, LoraTargets]:
        """Linear layers of CLIP's blocks; the attention of MPT's and the gated cross-attention before them."""
        return TARGETS

    @property
    def longest(self) -> int:
        """What MPT was trained to read, though ALiBi lets it read on."""
        return int(self.model.config.text_config.max_seq_len)

    @property
    def output_layer(self) -> nn.Module:
        """Its matrix is the embedding."""
        layer: nn.Module = self.model.lang_encoder.lm_head
        return layer

    def after_backward(self) -> None:
        """Keep all but the two new rows of the embedding as they are (open_flamingo, train/train_utils.py)."""
        embedding = self.model.lang_encoder.transformer.wte.weight
        if not embedding.requires_grad:  # adapters learn in its place
            return
        gradient = embedding.grad
        assert gradient is not None
        rows = [self.model.config.endofchunk_token_id, self.model.config.image_token_id]
        new = gradient[rows]
        gradient.zero_()
        gradient[rows] = new


def build(checkpoint: str, dtype: Dtype, aspect: Aspect) -> FlamingoCaptioner:
    """The captioner of the registry; `checkpoint` as in `FlamingoFiles`."""
    return FlamingoCaptioner.from_pretrained(checkpoint, dtype=dtype, aspect=aspect)
