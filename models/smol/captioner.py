"""SmolVLM2 as a captioner: a picture in one piece or in 13, the chat template, and a language model that may learn.

The connector and the language model learn, 1.83 billion numbers at the published size; the vision tower stays.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from itertools import chain
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor, nn
from transformers import PreTrainedTokenizerFast, SmolVLMForConditionalGeneration
from transformers.modeling_outputs import BaseModelOutputWithPooling

from roadcue.errors import BadCheckpoint
from roadcue.files import read_text
from roadcue.models.adapters import LoraTargets
from roadcue.models.captioner import Captioner
from roadcue.models.checkpoint import describe_checkpoint, resolve_checkpoint
from roadcue.models.encoder import DTYPES, Dtype
from roadcue.models.greedy import NextInputs
from roadcue.models.plain_text import token_ids
from roadcue.models.preprocessing import PREPROCESSOR_FILES, Aspect, Preprocessing, read_preprocessing
from roadcue.models.smol.encoder import patches_across, tile_positions, tile_tokens
from roadcue.models.smol.loading import check_family, load_whole
from roadcue.models.smol.lora_targets import TARGETS
from roadcue.models.smol.prompt import END, IMAGE, answer_text, picture_text, question_texts
from roadcue.models.smol.splitting import Splitting, split_text
from roadcue.prompts.instructions import SCENE


class SmolCaptioner(Captioner):
    """The picture's tokens stand where the prompt has `<image>`, as transformers' own model places them."""

    name = "smol"
    image_token, end_token = IMAGE, END
    instruction = SCENE
    positions: Tensor

    def __init__(
        self,
        model: SmolVLMForConditionalGeneration,
        tokenizer: PreTrainedTokenizerFast,
        preprocess: Preprocessing,
        *,
        origin: str,
        processor: dict[str, str],
    ) -> None:
        """`processor` holds the texts of the checkpoint's processor files by name, which are saved as they are."""
        super().__init__(model, tokenizer, preprocess, origin=origin)
        self.processor = processor
        vision, scale = model.config.vision_config, model.config.scale_factor
        side = patches_across(preprocess.side, vision.patch_size, tokenizer.name_or_path)
        if side % scale:
            raise BadCheckpoint(
                f"{tokenizer.name_or_path}: a picture of {side} x {side} patches cannot be joined {scale} x {scale} "
                "at a time; config.json and the processor's settings must be of one checkpoint"
            )
        per_tile = (side // scale) ** 2
        self.placeholders = preprocess.tiles * per_tile
        self._picture = split_text(per_tile) if preprocess.tiles > 1 else picture_text(per_tile)
        positions = tile_positions(side, vision.image_size // vision.patch_size)
        self.register_buffer("positions", positions, persistent=False)

    @classmethod
    def from_pretrained(cls, checkpoint: str, *, dtype: Dtype = "fp32", aspect: Aspect = "squash") -> Self:
        """`checkpoint` as in `resolve_checkpoint`; BadCheckpoint when it cannot be used."""
        folder = resolve_checkpoint(checkpoint)
        check_family(folder)  # what a folder is comes before what it lacks
        preprocess = read_preprocessing(folder, aspect)
        if aspect == "tiles":
            preprocess = Splitting(**asdict(preprocess))
        model, tokenizer = load_whole(folder, DTYPES[dtype])
        processor = {name: read_text(folder / name) for name in PREPROCESSOR_FILES if (folder / name).exists()}
        origin = describe_checkpoint(checkpoint)
        return cls(model, tokenizer, preprocess, origin=origin, processor=processor)

    def choose_trainable(self) -> None:
        """All but the vision tower."""
        self.model.requires_grad_(True)
        self.model.model.vision_model.requires_grad_(False)

    def decays(self, name: str) -> bool:
        """Matrices decay, norms do not; nor does the embedding, of which a batch holds few rows."""
        return self.model.get_parameter(name).ndim > 1 and "embed_tokens" not in name

    def prompt_ids(
        self, instruction: str, demonstrations: Sequence[str], *, text_only: bool, frames: int = 1
    ) -> list[int]:
        """Turns of the user, each its pictures before the instruction, and of answers; each is tokenised apart."""
        texts = question_texts(
            self.tokenizer, instruction, demonstrations, self._picture, text_only=text_only, frames=frames
        )
        return list(chain.from_iterable(token_ids(self.tokenizer, text) for text in texts))

    def answer_ids(self, answer: str) -> list[int]:
        """An answer and `<end_of_utterance>`."""
        return token_ids(self.tokenizer, answer_text(self.tokenizer, answer))

    def encode(self, pixels: Tensor) -> Tensor:
        """(b, 3, S, S) uint8, or of 13 pieces (b, 13, 3, S, S) -> the connector's tokens (b, n, d).

        Encoded here, because the model's own `get_image_features` leaves out a picture whose every number is zero.
        """
        inner = self.model.model
        patches = tile_tokens(inner.vision_model, self.normalise(pixels).to(inner.vision_model.dtype), self.positions)
        tokens: Tensor = inner.connector(patches)
        return tokens.reshape(len(pixels), self.placeholders, -1)

    @property
    def visual_parts(self) -> Sequence[nn.Module]:
        """The vision tower and the connector."""
        return (self.model.model.vision_model, self.model.model.connector)

    def visual_inputs(self, visual: Tensor, shown: Sequence[int]) -> dict[str, Any]:
        """Those of all pictures in the order of the texts, (pictures, n, d), as transformers' model takes them."""
        pictures = torch.cat([tokens[:count] for tokens, count in zip(visual, shown, strict=True)])
        return {"mm_encoder_outputs": {"image": BaseModelOutputWithPooling(pooler_output=pictures)}}

    def next_inputs(self, seen: Mapping[str, Any], shown: Sequence[int]) -> NextInputs:
        """Nothing: the pictures are in the keys and values of the text."""
        return lambda rows: {}

    @property
    def lora_targets(self) -> Mapping[str, LoraTargets]:
        """All linear layers of the blocks of both towers."""
        return TARGETS

    @property
    def longest(self) -> int:
        """The language model's `max_position_embeddings`."""
        return int(self.model.config.text_config.max_position_embeddings)

    def save_pretrained(self, folder: Path) -> None:
        """Write a checkpoint that this, the smol encoder and transformers read."""
        super().save_pretrained(folder)
        for name, text in self.processor.items():
            (folder / name).write_text(text, "utf-8")


def build(checkpoint: str, dtype: Dtype, aspect: Aspect) -> SmolCaptioner:
    """The captioner of the registry; `checkpoint` as in `resolve_checkpoint`."""
    return SmolCaptioner.from_pretrained(checkpoint, dtype=dtype, aspect=aspect)
