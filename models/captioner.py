"""What a captioner offers: pictures and prompts in, a loss on the answers or answers out, and what of it may learn.

A captioner is not a head: it reads all tokens of a picture, not pooled features. What is the same for all families is
here; a family says how its prompt is laid out, what its language model is given of a picture, and what learns.

Shape legend: b pictures, S the side of a captioner's square input, l tokens of the longest text.
"""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from roadcue.errors import BadEncoder
from roadcue.models.encoder import DTYPES, Dtype
from roadcue.models.generation import GenerationSettings
from roadcue.models.preprocessing import Aspect, Normalisation, Preprocessing
from roadcue.models.token_batches import CaptionBatch, left_padded, padding_id, teacher_forcing
from roadcue.weights import digest


class PictureBatch(CaptionBatch):
    """With `pixels` (b, 3, S, S) uint8, as `preprocess` makes them."""

    pixels: Tensor


class Captioner(nn.Module, ABC):
    """A vision-language model with its tokeniser and its preprocessing.

    `model` and its parameters are ordinary: a training loop moves them, and an optimizer takes `parameter_groups`.
    """

    name: str
    image_token: str
    """Where a picture stands in a prompt; no answer holds one."""
    end_token: str
    """What ends an answer."""
    instruction: str = ""
    """What a picture comes with when nothing else is asked."""

    def __init__(
        self,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerFast,
        preprocess: Preprocessing,
        *,
        origin: str,
    ) -> None:
        """All three are kept as they are; `origin` says in words whose weights the model has."""
        super().__init__()
        if preprocess.tiles > 1:
            raise BadEncoder(f"aspect {preprocess.aspect}: a captioner reads one square of a picture; use another")
        self.model, self.tokenizer, self.preprocess = model, tokenizer, preprocess
        self.dtype = next(name for name, dtype in DTYPES.items() if dtype == model.dtype)
        self.normalise = Normalisation(preprocess)
        self.choose_trainable()
        total, learnt = (sum(w.numel() for w in ws) / 1e6 for ws in (model.parameters(), self._learnt().values()))
        self.description = (
            f"{self.name} captioner: {origin}, {total:.1f} M parameters, {learnt:.1f} M learn, {self.dtype}"
        )

    @classmethod
    @abstractmethod
    def from_pretrained(cls, checkpoint: str, *, dtype: Dtype = "fp32", aspect: Aspect = "squash") -> Self:
        """The captioner of a checkpoint, on the CPU: "mini", "full", a folder (of `save_pretrained` too) or a hub id.

        BadCheckpoint when it cannot be used.
        """

    @abstractmethod
    def choose_trainable(self) -> None:
        """Let learn what learns in this family, and nothing else."""

    @abstractmethod
    def decays(self, name: str) -> bool:
        """Whether weight decay is for this parameter of `model`."""

    @abstractmethod
    def question_ids(self, instruction: str) -> list[int]:
        """The token ids of the prompt for one picture, up to where the answer begins.

        ValueError when the instruction holds a special token, or leaves no room for an answer.
        """

    @abstractmethod
    def answer_ids(self, answer: str) -> list[int]:
        """The token ids of an answer and its end; ValueError when it is empty or holds a special token."""

    @abstractmethod
    def picture_inputs(self, pixels: Tensor) -> dict[str, Any]:
        """(b, 3, S, S) uint8 -> what `model` is given of the pictures, as keyword arguments."""

    @property
    @abstractmethod
    def longest(self) -> int:
        """How many tokens the language model was trained to read."""

    def batch(self, pixels: Tensor, instructions: str | Sequence[str], answers: Sequence[str]) -> PictureBatch:
        """(b, 3, S, S) uint8 pictures, b answers, and one instruction for all or b of them -> what `loss` reads.

        An answer that is too long loses its end. ValueError for other numbers of them, and as in the two above.
        """
        asked = one_each(instructions, len(pixels))
        if len(answers) != len(pixels):
            raise ValueError(f"{len(pixels)} pictures and {len(answers)} answers: expected one for each")
        rows = []
        for instruction, answer in zip(asked, answers, strict=True):
            question = self.question_ids(instruction)
            rows.append([(question, False), (self.answer_ids(answer)[: self.longest - len(question)], True)])
        return PictureBatch(pixels=pixels, **teacher_forcing(rows, padding_id(self.tokenizer)))

    def loss(self, batch: PictureBatch) -> Tensor:
        """The mean cross-entropy in nats per token, a scalar, over the answers and their ends alone."""
        loss: Tensor = self.model(
            input_ids=batch["input_ids"].to(self.device),
            attention_mask=batch["attention_mask"].to(self.device),
            labels=batch["labels"].to(self.device),
            **self.picture_inputs(batch["pixels"]),
        ).loss
        return loss

    @torch.no_grad()
    def generate(
        self, pixels: Tensor, instructions: str | Sequence[str], settings: GenerationSettings | None = None
    ) -> list[str]:
        """(b, 3, S, S) uint8 pictures, one instruction for all or b of them -> b answers, without their ends.

        ValueError as in `batch`; an answer is cut off at `settings.max_new_tokens`.
        """
        prompts = [self.question_ids(instruction) for instruction in one_each(instructions, len(pixels))]
        padded = left_padded(prompts, padding_id(self.tokenizer))
        ids = padded["input_ids"].to(self.device)
        written = self.model.generate(
            input_ids=ids,
            attention_mask=padded["attention_mask"].to(self.device),
            eos_token_id=self.tokenizer.convert_tokens_to_ids(self.end_token),
            pad_token_id=padding_id(self.tokenizer),
            suppress_tokens=[self.tokenizer.convert_tokens_to_ids(self.image_token)],  # an answer holds no picture
            **(settings or GenerationSettings()).options(),
            **self.picture_inputs(pixels),
        )
        texts = self.tokenizer.batch_decode(written[:, ids.shape[1] :], skip_special_tokens=True)
        return [text.strip() for text in texts]

    def trainable_parameters(self) -> dict[str, nn.Parameter]:
        """What learns, by its name in this module: what a checkpoint of a training run must hold."""
        return {f"model.{name}": weight for name, weight in self._learnt().items()}

    def parameter_groups(self, weight_decay: float) -> list[dict[str, Any]]:
        """What learns, for an optimizer: first what decays, then what does not."""
        learnt = self._learnt()
        return [
            {"params": [learnt[name] for name in learnt if self.decays(name) == yes], "weight_decay": decay}
            for yes, decay in ((True, weight_decay), (False, 0.0))
        ]

    def after_backward(self) -> None:
        """Take out of the gradients what may not learn though its parameter does; call it before every step."""

    @property
    def fingerprint(self) -> Mapping[str, str]:
        """Every part that decides what is written, by name, of the weights as they are now."""
        on_cpu = {name: weight.detach().cpu() for name, weight in self.model.state_dict().items()}
        question = self.tokenizer.decode(self.question_ids("?"))
        return {
            "captioner": self.name,
            "weights": digest(on_cpu),
            "tokeniser": hashlib.sha256(self.tokenizer.backend_tokenizer.to_str().encode()).hexdigest(),
            "prompt": question,
            **self.preprocess.fingerprint,
            "dtype": self.dtype,
        }

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.normalise.mean.device

    def save_pretrained(self, folder: Path) -> None:
        """Write a checkpoint that `from_pretrained` and the encoder of this family read."""
        self.model.save_pretrained(folder)
        self.tokenizer.save_pretrained(folder)

    def _learnt(self) -> dict[str, nn.Parameter]:
        """What learns, by its name in `model`."""
        return {name: weight for name, weight in self.model.named_parameters() if weight.requires_grad}


def one_each(instructions: str | Sequence[str], count: int) -> list[str]:
    """One instruction for each of `count` pictures; ValueError for another number of them."""
    listed = [instructions] * count if isinstance(instructions, str) else list(instructions)
    if len(listed) != count:
        raise ValueError(f"{len(listed)} instructions for {count} pictures: expected one for all or one for each")
    return listed
