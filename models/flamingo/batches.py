"""OpenFlamingo's texts to read and to learn, with or without demonstrations: token ids, and which of them count.

Shape legend: b texts, l tokens of the longest.
"""

from collections.abc import Sequence
from itertools import chain
from typing import Literal

from transformers import PreTrainedTokenizerBase

from roadcue.models.flamingo.prompt import answer_text, few_shot_segments, tokenize_segments
from roadcue.models.token_batches import (
    CaptionBatch,
    PromptBatch,
    Side,
    check_room,
    left_padded,
    padding_id,
    teacher_forcing,
)

MPT_LONGEST = 2048
"""Tokens that MPT-1B-RedPajama was trained to read (max_seq_len of its published configuration)."""


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
        segments = tokenize_segments(tokenizer, few_shot_segments(captions, instruction, text_only=text_only))
        prompts.append(_prompt(segments, len(captions), longest))
    return left_padded(prompts, padding_id(tokenizer))


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
    rows = []
    for answer, captions in zip(answers, shown, strict=True):
        segments = tokenize_segments(tokenizer, [*few_shot_segments(captions, instruction), answer_text(answer)])
        segments[-1] = segments[-1][: longest - len(_prompt(segments[:-1], len(captions), longest))]
        # questions and answers take turns, and the last is an answer
        learnt = [i % 2 == 1 and (learn == "all" or i == len(segments) - 1) for i in range(len(segments))]
        rows.append(list(zip(segments, learnt, strict=True)))
    return teacher_forcing(rows, padding_id(tokenizer), side)


def _prompt(segments: Sequence[Sequence[int]], demonstrations: int, longest: int) -> list[int]:
    """The segments as one; ValueError when they leave no room for an answer."""
    ids = list(chain.from_iterable(segments))
    check_room(ids, longest, f"a prompt with {demonstrations} demonstrations")
    return ids
