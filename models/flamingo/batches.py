"""Texts for a caption model to read and to learn: token ids, where they are padding, and which of them count.

Shape legend: b texts, l tokens of the longest.
"""

from collections.abc import Sequence
from itertools import chain
from typing import Literal, TypedDict

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from transformers import PreTrainedTokenizerBase

from roadcue.models.flamingo.prompt import answer_text, few_shot_parts, part_ids

IGNORED = -100
"""The label of a token that is no target: cross-entropy's `ignore_index`."""
MPT_LONGEST = 2048
"""Tokens that MPT-1B-RedPajama was trained to read (max_seq_len of its published configuration)."""
Side = Literal["left", "right"]


class PromptBatch(TypedDict):
    """`input_ids` (b, l) int64, `attention_mask` (b, l) int64: 1 for a token, 0 for padding."""

    input_ids: Tensor
    attention_mask: Tensor


class CaptionBatch(PromptBatch):
    """With `labels` (b, l) int64: at each token that is learnt its own id, -100 elsewhere; the model shifts them."""

    labels: Tensor


def prompt_batch(
    tokenizer: PreTrainedTokenizerBase,
    demonstrations: Sequence[Sequence[str]],
    *,
    instruction: str = "",
    text_only: bool = False,
    longest: int = MPT_LONGEST,
) -> PromptBatch:
    """The prompts of b queries, padded on the left: a generation goes on at the right end of every row.

    `demonstrations` holds the captions shown to each query, none for a prompt without; the rest as in
    `few_shot_prompt`. ValueError also for a prompt that has `longest` tokens or more: what the model
    reads, less what it is to write. The demonstrations of one batch may differ in number; their pictures then need
    padding at the end, to which no text attends.
    """
    prompts = []
    for captions in demonstrations:
        parts = part_ids(tokenizer, few_shot_parts(captions, instruction, text_only=text_only))
        prompts.append(_prompt(parts, len(captions), longest))
    return PromptBatch(input_ids=_padded(prompts, _padding(tokenizer), "left"), attention_mask=_mask(prompts, "left"))


def caption_batch(
    tokenizer: PreTrainedTokenizerBase,
    answers: Sequence[str],
    demonstrations: Sequence[Sequence[str]] | None = None,
    *,
    instruction: str = "",
    learn: Literal["query", "all"] = "query",
    side: Side = "right",
    longest: int = MPT_LONGEST,
) -> CaptionBatch:
    """b answers behind their prompts, for teacher forcing.

    Learnt are the query's answer and its `<|endofchunk|>`, with `learn` "all" the demonstrations' too, as
    OpenFlamingo learns every text behind a picture (train/train_utils.py); never the instruction, `<image>`,
    `Output:` or padding. Padding is told by its place, so a tokenizer may pad with a token that also ends a text.

    What is longer than `longest` tokens loses the end of its last answer, and with it the sign that it has ended:
    the prompt is never cut, so no `<image>` is parted from its picture. ValueError when the prompt leaves no room for
    an answer, for numbers of answers and demonstrations that differ, and as in `few_shot_prompt`.
    """
    shown = [()] * len(answers) if demonstrations is None else demonstrations
    if len(shown) != len(answers):
        raise ValueError(f"{len(answers)} answers and {len(shown)} lists of demonstrations: expected one for each")
    ids, labels = [], []
    for answer, captions in zip(answers, shown, strict=True):
        parts = part_ids(tokenizer, [*few_shot_parts(captions, instruction), answer_text(answer)])
        parts[-1] = parts[-1][: longest - len(_prompt(parts[:-1], len(captions), longest))]
        # questions and answers take turns, and the last is an answer
        learnt = [i % 2 == 1 and (learn == "all" or i == len(parts) - 1) for i in range(len(parts))]
        ids.append(list(chain.from_iterable(parts)))
        labels.append([token if yes else IGNORED for part, yes in zip(parts, learnt, strict=True) for token in part])
    return CaptionBatch(
        input_ids=_padded(ids, _padding(tokenizer), side),
        attention_mask=_mask(ids, side),
        labels=_padded(labels, IGNORED, side),
    )


def _prompt(parts: Sequence[Sequence[int]], demonstrations: int, longest: int) -> list[int]:
    """The parts as one; ValueError when they leave no room for an answer."""
    ids = list(chain.from_iterable(parts))
    if len(ids) >= longest:
        raise ValueError(
            f"a prompt with {demonstrations} demonstrations has {len(ids)} tokens of the {longest} that may be read, "
            "and none is left for the answer; show fewer demonstrations or shorten the instruction"
        )
    return ids


def _padding(tokenizer: PreTrainedTokenizerBase) -> int:
    if tokenizer.pad_token_id is None:
        raise ValueError("this tokenizer has no padding token: add OpenFlamingo's <PAD> to it first")
    return int(tokenizer.pad_token_id)


def _padded(rows: Sequence[Sequence[int]], value: int, side: Side) -> Tensor:
    return pad_sequence([torch.tensor(row) for row in rows], True, padding_value=value, padding_side=side)


def _mask(rows: Sequence[Sequence[int]], side: Side) -> Tensor:
    return _padded([[1] * len(row) for row in rows], 0, side)
