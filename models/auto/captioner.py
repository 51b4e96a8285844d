"""Any image-text-to-text model of transformers as a captioner: Qwen3-VL, InternVL, SmolVLM, Gemma 3, ...

What differs between families is asked of transformers: the processor says what stands for a picture in a text, the
model what it makes of pixels and what it takes beside token ids.
"""

import inspect
import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import chain, zip_longest
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from roadcue.errors import BadCheckpoint
from roadcue.models.adapters import LoraTargets
from roadcue.models.auto.loading import check_family, load_model, load_processor, place_of, square_of, whole_picture
from roadcue.models.auto.lora_targets import targets_of
from roadcue.models.captioner import Captioner
from roadcue.models.chat.frame import Frame, Template, frame_of
from roadcue.models.checkpoint import describe_checkpoint
from roadcue.models.encoder import DTYPES, Dtype
from roadcue.models.plain_text import caption_line, one_line, token_ids
from roadcue.models.preprocessing import Aspect, Preprocessing
from roadcue.prompts.demonstrations import check_count
from roadcue.prompts.instructions import SCENE

_PICTURE_TOKENS = ("image_token", "boi_token")
"""Attributes of processors that hold what a chat template writes for a picture."""


class AutoCaptioner(Captioner):
    """A picture is one square; what is stored of it is what the language model reads, of several layers side by side.

    All but the vision tower learns; in some families (Qwen) what joins its patches is a part of the tower.
    """

    name = "auto"
    instruction = SCENE

    def __init__(self, model: PreTrainedModel, processor: Any, preprocess: Preprocessing, *, origin: str) -> None:
        """All are kept as they are. BadCheckpoint when it is no model whose pictures can be encoded apart."""
        self.origin = origin
        image_id = getattr(model.config, "image_token_id", None)
        tokenizer = processor.tokenizer
        if not isinstance(image_id, int) or not 0 <= image_id < len(tokenizer):
            raise BadCheckpoint(
                f"{origin}: the tokenizer has no image token (image_token_id in config.json is {image_id}, and there "
                f"are {len(tokenizer)} tokens); take the tokenizer of the published model"
            )
        self.image_token: str = tokenizer.convert_ids_to_tokens(image_id)
        ends = _end_ids(model, tokenizer)
        if not ends:
            raise BadCheckpoint(
                f"{origin}: neither generation_config.json nor the tokenizer says what ends an answer"
            )
        if tokenizer.pad_token_id is None:
            tokenizer.pad_token = tokenizer.convert_ids_to_tokens(ends[0])
        super().__init__(model, tokenizer, preprocess, origin=origin)
        self.processor, self.end_ids = processor, ends
        self._takes = set(inspect.signature(model.forward).parameters)
        if "mm_encoder_outputs" not in self._takes or not hasattr(model.base_model, "get_image_features"):
            raise BadCheckpoint(
                f"{origin}: transformers' {type(model).__name__} does not take pictures that are encoded apart; "
                "take a model of another family"
            )
        self.end_token = self._frame(0, False).end
        self._probe()

    @classmethod
    def from_pretrained(cls, checkpoint: str, *, dtype: Dtype = "fp32", aspect: Aspect = "squash") -> Self:
        """`checkpoint` is a folder or a hub id; BadCheckpoint when it cannot be used."""
        folder = place_of(checkpoint)
        check_family(folder)
        processor = load_processor(folder)
        preprocess = square_of(processor.image_processor, aspect, str(folder))
        model = load_model(folder, DTYPES[dtype])
        return cls(model, processor, preprocess, origin=describe_checkpoint(checkpoint, "auto"))

    def choose_trainable(self) -> None:
        """All but the vision tower."""
        tower = self.model.get_encoder(modality="image")
        if tower is self.model:
            raise BadCheckpoint(f"{self.origin}: no part of {type(self.model).__name__} is known as its vision tower")
        self.model.requires_grad_(True)
        tower.requires_grad_(False)

    def decays(self, name: str) -> bool:
        """Matrices decay, norms do not; nor does the embedding, of which a batch holds few rows."""
        weight = self.model.get_parameter(name)
        return weight.ndim > 1 and weight is not self.model.get_input_embeddings().weight

    def prompt_ids(
        self, instruction: str, demonstrations: Sequence[str], *, text_only: bool, frames: int = 1
    ) -> list[int]:
        """Turns of the user, each its pictures and the instruction, and of answers; each is tokenised apart."""
        check_count(len(demonstrations))
        frame = self._frame(len(demonstrations), text_only, frames)
        asked = one_line(instruction, self._special, "instruction")
        questions = [self._question_ids(f"{before}{asked}{behind}") for before, behind in frame.questions]
        answers = [self.answer_ids(answer) for answer in demonstrations]
        turns = chain.from_iterable(zip_longest(questions, answers, fillvalue=[]))
        return list(chain.from_iterable(turns))

    def answer_ids(self, answer: str) -> list[int]:
        """An answer and its end."""
        frame = self._frame(0, False)
        return token_ids(self.tokenizer, frame.lead + caption_line(answer, self._special) + frame.end)

    def encode(self, pixels: Tensor) -> Tensor:
        """(b, 3, S, S) uint8 -> (b, n, d), with those of inner layers (deepstack) behind those of the last."""
        outputs = self._features(self._pixel_inputs(pixels))
        layers = [outputs.pooler_output, *(getattr(outputs, "deepstack_features", None) or [])]
        joined = [torch.cat([part.flatten(0, -2) for part in layer]) for layer in layers]
        return torch.cat(joined, dim=-1).unflatten(0, (len(pixels), -1))

    @property
    def visual_parts(self) -> Sequence[nn.Module]:
        """All but the language model and its output layer."""
        base, reads = self.model.base_model, self.model.get_decoder()
        return [part for part in base.children() if part is not reads]

    def visual_inputs(self, visual: Tensor, shown: Sequence[int]) -> dict[str, Any]:
        """As the model gives them itself, and what else it takes of each picture, which are all alike."""
        pictures = torch.cat([tokens[:count] for tokens, count in zip(visual, shown, strict=True)])
        last, *inner = pictures.split(self._width, dim=-1)
        deep = {"deepstack_features": [list(layer) for layer in inner]} if inner else {}
        outputs = self._outputs(pooler_output=list(last) if self._listed else last, **deep)
        each = {name: torch.cat([value.to(self.device)] * len(pictures)) for name, value in self._each.items()}
        return {"mm_encoder_outputs": {"image": outputs}, **each}

    def text_inputs(self, input_ids: Tensor) -> dict[str, Any]:
        """Which tokens are of pictures, for models that ask."""
        pictures = (input_ids == self.model.config.image_token_id).long()
        return {name: pictures for name in ("mm_token_type_ids", "token_type_ids") if name in self._takes}

    @property
    def lora_targets(self) -> Mapping[str, LoraTargets]:
        """All linear layers of the blocks of both towers."""
        return targets_of(self.model)

    @property
    def longest(self) -> int:
        """The language model's `max_position_embeddings`."""
        return int(self.model.config.get_text_config().max_position_embeddings)

    @property
    def fingerprint_of_pictures(self) -> dict[str, str]:
        """With the image processor's own settings."""
        own = json.dumps(self.processor.image_processor.to_dict(), sort_keys=True, default=str)
        return {**super().fingerprint_of_pictures, "image_processor": own}

    def save_pretrained(self, folder: Path) -> None:
        """Write a checkpoint that this and transformers read."""
        self.model.save_pretrained(folder)
        self.processor.save_pretrained(folder)

    @torch.no_grad()
    def _probe(self) -> None:
        """Find out what a picture is to this model; BadCheckpoint when that cannot be made out."""
        grey = torch.full((2, *self.preprocess.shape), 100, dtype=torch.uint8)
        try:
            pixels = self._pixel_inputs(grey[:1])
            outputs = self._features(pixels)
            self._outputs, self._listed = type(outputs), not isinstance(outputs.pooler_output, Tensor)
            self._width = outputs.pooler_output[0].shape[-1]
            kept = self._takes - {"pixel_values"}
            self._each = {k: v.cpu() for k, v in pixels.items() if k in kept and not k.startswith("pixel")}
            self._picture = self._picture_ids(grey[0])
            self.placeholders = self._picture.count(self.model.config.image_token_id)
            encoded = self.encode(grey).shape
        except Exception as error:  # a processor or a model of any family
            raise BadCheckpoint(
                f"{self.origin}: a picture of {self.preprocess.side} x {self.preprocess.side} cannot be encoded by "
                f"its processor and {type(self.model).__name__} ({type(error).__name__}: {str(error)[:200]})"
            ) from error
        if encoded[:2] != (2, self.placeholders):
            raise BadCheckpoint(
                f"{self.origin}: its processor writes {self.placeholders} image tokens for a picture, and the model "
                f"makes {encoded[1]} of it; config.json and the processor's settings must be of one checkpoint"
            )

    def _pixel_inputs(self, pixels: Tensor) -> dict[str, Tensor]:
        """(b, 3, S, S) uint8 -> what the image processor makes of them."""
        processor = self.processor.image_processor
        made = processor(images=[[one] for one in pixels.cpu()], return_tensors="pt", **whole_picture(processor))
        return {name: value for name, value in made.items() if isinstance(value, Tensor)}

    def _features(self, inputs: dict[str, Tensor]) -> Any:
        encoder = self.model.base_model.get_image_features
        known = inspect.signature(encoder).parameters
        given = {name: value.to(self.device) for name, value in inputs.items() if name in known}
        return encoder(**given, return_dict=True)

    def _picture_ids(self, picture: Tensor) -> list[int]:
        """What the processor writes for a picture, (3, S, S)."""
        whole = whole_picture(self.processor.image_processor)
        made = self.processor(text=[self._placeholder], images=[[picture]], add_special_tokens=False, **whole)
        return [int(token) for token in made["input_ids"][0]]

    def _question_ids(self, question: str) -> list[int]:
        """Of a text with a placeholder for each of its pictures."""
        first, *rest = (token_ids(self.tokenizer, piece) for piece in question.split(self._placeholder))
        return first + [token for piece in rest for token in (*self._picture, *piece)]

    def _frame(self, demonstrations: int, text_only: bool, frames: int = 1) -> Frame:
        """With one placeholder for each picture."""
        template = Template.of(self.tokenizer.chat_template, self.tokenizer.special_tokens_map, self.origin)
        ends = tuple(self.tokenizer.convert_ids_to_tokens(self.end_ids))
        frame = frame_of(template, demonstrations, text_only, ends, frames)
        shown = ["".join(around).count(self._placeholder) for around in frame.questions]
        if shown != [0 if text_only else frames] * demonstrations + [frames]:
            raise BadCheckpoint(
                f"{self.origin}: its chat template does not write one {self._placeholder} for a picture"
            )
        return frame

    @cached_property
    def _placeholder(self) -> str:
        """What a chat template writes for a picture."""
        named = [getattr(self.processor, name, None) for name in _PICTURE_TOKENS]
        written = self.tokenizer.chat_template
        candidates = [token for token in (*named, self.image_token) if isinstance(token, str) and token]
        return next((token for token in candidates if token in written), candidates[0])

    @cached_property
    def _special(self) -> list[str]:
        """What no text of people may hold."""
        added = self.tokenizer.added_tokens_decoder.values()
        special = {entry.content for entry in added if entry.special}
        return sorted({*special, self._placeholder, self.image_token, *self.tokenizer.all_special_tokens})


def _end_ids(model: PreTrainedModel, tokenizer: Any) -> list[int]:
    """What ends an answer, as the checkpoint says: of generation, else of the tokeniser."""
    said = model.generation_config.eos_token_id if model.generation_config else None
    said = tokenizer.eos_token_id if said is None else said
    listed = said if isinstance(said, list) else [] if said is None else [said]
    return [int(token) for token in listed]


def build(checkpoint: str, dtype: Dtype, aspect: Aspect) -> AutoCaptioner:
    """The captioner of the registry; `checkpoint` is a folder or a hub id."""
    return AutoCaptioner.from_pretrained(checkpoint, dtype=dtype, aspect=aspect)
