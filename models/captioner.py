"""What a captioner offers: pictures and prompts in, a loss on the answers or answers out, and what of it may learn.

A captioner is not a head: it reads all tokens of a picture, not pooled features. What is the same for all families is
here; a family says how its prompt is laid out, what its language model is given of a picture, and what learns.

A picture is encoded once, to visual tokens that can be stored; texts are asked for and learnt from these.

Shape legend: b texts, p pictures of the text that has most, n visual tokens of a picture, d their width, S the side
of a captioner's square input, l tokens of the longest text.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from roadcue.models.adapters import LoraTargets
from roadcue.models.encoder import DTYPES, Dtype
from roadcue.models.generation import GenerationSettings, Grammar, Written
from roadcue.models.greedy import NextInputs, write_greedily
from roadcue.models.plain_text import without_controls
from roadcue.models.preprocessing import Aspect, Normalisation, Preprocessing
from roadcue.models.token_batches import (
    CaptionBatch,
    PromptBatch,
    check_room,
    left_padded,
    one_each,
    padding_id,
    teacher_forcing,
)


class VisualBatch(CaptionBatch):
    """With `visual` (b, p, n, d): the visual tokens of each text's pictures, in their order."""

    visual: Tensor


class Captioner(nn.Module, ABC):
    """A vision-language model with its tokeniser and its preprocessing.

    `model` and its parameters are ordinary: a training loop moves them, and an optimizer takes `parameter_groups`.
    """

    name: str
    image_token: str
    """Where a picture stands in a prompt; no answer holds one."""
    placeholders: int
    """How many `image_token` stand for one picture."""
    end_token: str
    """What ends an answer that is learnt."""
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
        self.model, self.tokenizer, self.preprocess = model, tokenizer, preprocess
        self.dtype = next(name for name, dtype in DTYPES.items() if dtype == model.dtype)
        self.normalise = Normalisation(preprocess)
        self.choose_trainable()
        millions = sum(weight.numel() for weight in model.parameters()) / 1e6
        self.about = f"{self.name} captioner: {origin}, {millions:.1f} M parameters"

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
    def encode(self, pixels: Tensor) -> Tensor:
        """(b, 3, S, S) uint8 pictures, as `preprocess` makes them -> visual tokens (b, n, d), on the model's device.

        They depend on the tower and on what stands between it and the language model, which may learn: the graph of
        the latter's gradients is kept, unless under `torch.no_grad`.
        """

    @property
    @abstractmethod
    def visual_parts(self) -> Sequence[nn.Module]:
        """The parts of `model` that `encode` runs."""

    @abstractmethod
    def visual_inputs(self, visual: Tensor, shown: Sequence[int]) -> dict[str, Any]:
        """Visual tokens (b, p, n, d), of which each text has the first `shown` -> keyword arguments of `model`."""

    @abstractmethod
    def prompt_ids(
        self, instruction: str, demonstrations: Sequence[str], *, text_only: bool, frames: int = 1
    ) -> list[int]:
        """As `prompt`, of whatever length."""

    @abstractmethod
    def answer_ids(self, answer: str) -> list[int]:
        """The token ids of an answer and its end; ValueError when it is empty or holds a special token."""

    @property
    @abstractmethod
    def lora_targets(self) -> Mapping[str, LoraTargets]:
        """Scope (vision or text) -> the layers of `model` that LoRA may change."""

    @property
    @abstractmethod
    def longest(self) -> int:
        """How many tokens the language model was trained to read."""

    def prompt(
        self, instruction: str, demonstrations: Sequence[str] = (), *, text_only: bool = False, frames: int = 1
    ) -> list[int]:
        """The token ids of the prompt for a picture, or a clip of so many `frames`, up to where the answer begins.

        `demonstrations` are up to 32 answers to the same instruction, whose pictures come before those in question
        and in their order; `text_only` shows the answers without their pictures. ValueError for more of them, for a
        text that holds a special token, and when there is no room for an answer.
        """
        ids = self.prompt_ids(instruction, demonstrations, text_only=text_only, frames=frames)
        counts = ((len(demonstrations), "demonstrations"), (frames - 1, "earlier frames"))
        shown = " and ".join(f"{count} {what}" for count, what in counts if count)
        check_room(ids, self.longest, f"a prompt with {shown}" if shown else "a prompt")
        return ids

    def batch(
        self, visual: Tensor, prompts: Sequence[int] | Sequence[Sequence[int]], answers: Sequence[str]
    ) -> VisualBatch:
        """Visual tokens of b texts, b answers, and one prompt for all or b of them -> what `loss` reads.

        Visual tokens are (b, n, d) for a picture each, or (b, p, n, d): where a prompt shows fewer pictures than
        others, the last are not looked at. An answer that is too long loses its end. ValueError for other numbers of
        them.
        """
        visual, asked, _ = self._paired(visual, prompts)
        if len(answers) != len(visual):
            raise ValueError(f"{len(visual)} pictures and {len(answers)} answers: expected one for each")
        rows = []
        for prompt, answer in zip(asked, answers, strict=True):
            rows.append([(prompt, False), (self.answer_ids(answer)[: self.longest - len(prompt)], True)])
        return VisualBatch(visual=visual, **teacher_forcing(rows, padding_id(self.tokenizer)))

    def loss(self, batch: VisualBatch) -> Tensor:
        """The mean cross-entropy in nats per token, a scalar, over the answers and their ends alone."""
        labels = batch["labels"].to(self.device)
        ids = batch["input_ids"].to(self.device)
        assert not (labels == self._image_id).any(), f"{self.image_token} would be learnt"
        loss: Tensor = self.model(
            input_ids=ids,
            attention_mask=batch["attention_mask"].to(self.device),
            labels=labels,
            **self.visual_inputs(self._ready(batch["visual"]), self._shown(ids.tolist())),
            **self.text_inputs(ids),
        ).loss
        return loss

    @torch.no_grad()
    def generate(
        self,
        visual: Tensor,
        prompts: Sequence[int] | Sequence[Sequence[int]],
        settings: GenerationSettings | None = None,
        grammar: Grammar | None = None,
    ) -> list[Written]:
        """Visual tokens of b texts, one prompt for all or b of them -> b answers; with a `grammar`, in its language.

        ValueError as in `batch`, and for a prompt that leaves no room for `settings.max_new_tokens`; BadInput for
        beams with a grammar. Of special tokens only an end can be written.
        """
        settings = settings or GenerationSettings()
        settings.check_grammar(grammar)
        visual, asked, shown = self._paired(visual, prompts)
        for prompt in asked:
            settings.check_room(len(prompt), self.longest)
        padded = left_padded(asked, padding_id(self.tokenizer))
        prompts_here = PromptBatch(
            input_ids=padded["input_ids"].to(self.device), attention_mask=padded["attention_mask"].to(self.device)
        )
        seen = self.visual_inputs(self._ready(visual), shown)
        written = self._written(prompts_here, seen, self.next_inputs(seen, shown), settings, grammar)
        texts = self.tokenizer.batch_decode(written, skip_special_tokens=True)
        ended = torch.isin(written, torch.tensor(self.end_ids, device=written.device)).any(dim=1).tolist()
        return [Written(without_controls(text).strip(), end) for text, end in zip(texts, ended, strict=True)]

    def _written(
        self,
        prompts: PromptBatch,
        seen: dict[str, Any],
        beside: NextInputs | None,
        settings: GenerationSettings,
        grammar: Grammar | None,
    ) -> Tensor:
        """(b, new) ids: by transformers' `generate`, or, where texts may leave the batch as they end, greedily."""
        ids, padding = prompts["input_ids"], padding_id(self.tokenizer)
        cache = settings.cache(self.model, ids.shape[1])
        if cache is not None and beside is not None and grammar is None and settings.plain:
            never, ends = (torch.tensor(each, device=ids.device) for each in (self._never_written, self.end_ids))
            limit = settings.max_new_tokens
            return write_greedily(
                self.model, prompts, seen, beside, cache, never=never, ends=ends, padding=padding, limit=limit
            )
        written: Tensor = self.model.generate(
            **prompts,
            eos_token_id=self.end_ids,
            pad_token_id=padding,
            suppress_tokens=self._never_written,
            logits_processor=self._held_to(grammar),
            past_key_values=cache,
            **settings.options(),
            **seen,
            **self.text_inputs(ids),
        )
        return written[:, ids.shape[1] :]

    def next_inputs(self, seen: Mapping[str, Any], shown: Sequence[int]) -> NextInputs | None:
        """What `model` takes beside new tokens once it has read the pictures, as `visual_inputs` has `seen` them of
        texts that have `shown` so many each; None in families of which only transformers' `generate` knows it.
        """
        return None

    def text_inputs(self, input_ids: Tensor) -> dict[str, Any]:
        """What `model` is given beside ids (b, l) and mask: nothing, in most families."""
        return {}

    @property
    def description(self) -> str:
        """Whose weights these are, and how many of them learn, for the first lines of a run."""
        return f"{self.about}, {sum(w.numel() for w in self._learnt().values()) / 1e6:.1f} M learn, {self.dtype}"

    @property
    def output_layer(self) -> nn.Module:
        """The part of `model` that scores the tokens of the vocabulary."""
        return self.model.get_output_embeddings()

    @property
    def scored(self) -> int:
        """How many rows the output layer has: as many as the tokeniser has tokens, or more."""
        return int(self.output_layer.get_parameter("weight").shape[0])

    @cached_property
    def end_ids(self) -> list[int]:
        """The ids of all tokens that end an answer."""
        return [int(self.tokenizer.convert_tokens_to_ids(self.end_token))]

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
    def fingerprint_of_pictures(self) -> Mapping[str, str]:
        """What decides the numbers that a picture enters the model with."""
        return self.preprocess.fingerprint

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

    def _paired(
        self, visual: Tensor, prompts: Sequence[int] | Sequence[Sequence[int]]
    ) -> tuple[Tensor, list[Sequence[int]], list[int]]:
        """Visual tokens (b, p, n, d), b prompts, and how many pictures each shows; ValueError where these differ."""
        visual = visual[:, None] if visual.ndim == 3 else visual
        asked = one_each(prompts, len(visual))
        shown = self._shown(asked)
        if visual.ndim != 4 or max(shown) != visual.shape[1]:
            raise ValueError(
                f"a prompt shows {max(shown)} pictures, and the visual tokens are {tuple(visual.shape)}: expected "
                "(texts, pictures, tokens, width) with a picture for each"
            )
        return visual, asked, shown

    def _shown(self, prompts: Sequence[Sequence[int]]) -> list[int]:
        """How many pictures stand in each text."""
        return [sum(token == self._image_id for token in prompt) // self.placeholders for prompt in prompts]

    def _ready(self, visual: Tensor) -> Tensor:
        """Visual tokens, which may come from a store, as the model computes."""
        return visual.to(self.device, self.model.dtype)

    def _held_to(self, grammar: Grammar | None) -> list[Any] | None:
        """What keeps one call of `generate` to a grammar: it counts along, so each call has its own."""
        return None if grammar is None else [grammar.logits_processor(self.tokenizer, self.end_ids[0], self.scored)]

    @cached_property
    def _image_id(self) -> int:
        return int(self.tokenizer.convert_tokens_to_ids(self.image_token))

    @cached_property
    def _never_written(self) -> list[int]:
        """Special tokens but the ends, and the rows of the vocabulary that are no token."""
        special = {token for token, entry in self.tokenizer.added_tokens_decoder.items() if entry.special}
        return sorted({*special, self._image_id, *range(len(self.tokenizer), self.scored)} - {*self.end_ids})
