"""Texts as batches of token ids: prompts to go on from, and answers to learn behind them.

Shape legend: b texts, l tokens of the longest.
"""

from collections.abc import Sequence
from typing import Any, Literal, TypedDict

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from transformers import PreTrainedTokenizerBase

IGNORED = -100
"""The label of a token that is no target: cross-entropy's `ignore_index`."""
Side = Literal["left", "right"]


class PromptBatch(TypedDict):
    """`input_ids` (b, l) int64, `attention_mask` (b, l) int64: 1 for a token, 0 for padding."""

    input_ids: Tensor
    attention_mask: Tensor


class CaptionBatch(PromptBatch):
    """With `labels` (b, l) int64: at each token that is learnt its own id, -100 elsewhere; the model shifts them."""

    labels: Tensor


def left_padded(prompts: Sequence[Sequence[int]], padding: int) -> PromptBatch:
    """b prompts, padded on the left: a generation goes on at the right end of every row."""
    return PromptBatch(input_ids=_padded(prompts, padding, "left"), attention_mask=_mask(prompts, "left"))


def teacher_forcing(
    rows: Sequence[Sequence[tuple[Sequence[int], bool]]], padding: int, side: Side = "right"
) -> CaptionBatch:
    """b texts, each the ids of its segments and whether a segment is learnt.

    Padding is told by its place, so a tokeniser may pad with a token that also ends a text.
    """
    ids = [[token for segment, _ in row for token in segment] for row in rows]
    labels = [[token if learnt else IGNORED for segment, learnt in row for token in segment] for row in rows]
    return CaptionBatch(
        input_ids=_padded(ids, padding, side),
        attention_mask=_mask(ids, side),
        labels=_padded(labels, IGNORED, side),
    )


def one_each(prompts: Sequence[int] | Sequence[Sequence[int]], count: int) -> list[Sequence[int]]:
    """One prompt for each of `count` pictures; ValueError for another number of them."""
    listed: list[Any] = [prompts] * count if prompts and isinstance(prompts[0], int) else list(prompts)
    if len(listed) != count:
        raise ValueError(f"{len(listed)} prompts for {count} pictures: expected one for all or one for each")
    return listed


def check_room(prompt: Sequence[int], longest: int, what: str = "a prompt") -> None:
    """ValueError when a prompt leaves no token for an answer."""
    if len(prompt) >= longest:
        raise ValueError(
            f"{what} has {len(prompt)} tokens of the {longest} that may be read, and none is left for the answer; "
            "show fewer demonstrations or frames, or shorten the instruction"
        )


def padding_id(tokenizer: PreTrainedTokenizerBase) -> int:
    """The id of the padding token; ValueError when the tokeniser has none."""
    if tokenizer.pad_token_id is None:
        raise ValueError("this tokenizer has no padding token: add OpenFlamingo's <PAD> to it first")
    return int(tokenizer.pad_token_id)


def _padded(rows: Sequence[Sequence[int]], value: int, side: Side) -> Tensor:
    """b rows of ids -> (b, l) int64."""
    return pad_sequence([torch.tensor(row) for row in rows], True, padding_value=value, padding_side=side)


def _mask(rows: Sequence[Sequence[int]], side: Side) -> Tensor:
    """b rows of ids -> (b, l) int64, 1 for a token and 0 for padding."""
    return _padded([[1] * len(row) for row in rows], 0, side)
