"""What OpenFlamingo is asked: pictures, `Output:` and what was said of each, then the picture in question.

    {instruction}<image>Output:{caption}<|endofchunk|> ... <image>Output:

As in the evaluation of https://github.com/mlfoundations/open_flamingo (eval/models/open_flamingo.py,
`get_caption_prompt`): no space behind the colon and none between the chunks. A text attends to the picture that comes
before it, so there are as many pictures as `<image>`, in their order.
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from roadcue.models.plain_text import caption_line, one_line, refuse_tokens, token_ids
from roadcue.prompts.demonstrations import check_count

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

ENDOFCHUNK, IMAGE, PAD = "<|endofchunk|>", "<image>", "<PAD>"
"""The tokens that OpenFlamingo adds to its language model's, in this order (src/factory.py)."""
END = "<|endoftext|>"
"""Where GPT-NeoX's texts end; an answer ends with `<|endofchunk|>`."""
QUESTION = "Output:"
_RESERVED = (IMAGE, ENDOFCHUNK, PAD, END, "<|padding|>")
"""The published tokenizer's special tokens: GPT-NeoX's two, and those of OpenFlamingo."""


def few_shot_prompt(captions: Sequence[str] = (), instruction: str = "", *, text_only: bool = False) -> str:
    """The prompt with a demonstration for each caption, in their order; the query's picture comes last.

    `instruction` stands once, before the first picture: behind every picture a long one would fill the 2048 tokens
    that MPT reads. `text_only` leaves the demonstrations' pictures out: what OpenFlamingo's evaluation calls 0-shot
    is two such demonstrations, which show the model the form of an answer but no picture with it. ValueError for more
    than 32 demonstrations, and for a text that is empty or holds a special token.
    """
    return "".join(few_shot_segments(captions, instruction, text_only=text_only))


def few_shot_segments(
    captions: Sequence[str] = (), instruction: str = "", *, text_only: bool = False, frames: int = 1
) -> list[str]:
    """The segments of `few_shot_prompt`: question, answer, question, ... and last the query's question.

    A clip is as many `<image>` as it has `frames`, one behind the other. A text looks at the last of them, and at the
    others through what their own tokens have seen: OpenFlamingo's authors trained on single pictures.
    """
    check_count(len(captions))
    query = IMAGE * frames + QUESTION
    question = QUESTION if text_only else query
    segments = [segment for caption in captions for segment in (question, answer_text(caption))] + [query]
    asked = one_line(instruction, _RESERVED, "instruction")
    return [
        f"{asked} {segments[0]}" if asked and not segments[0].startswith(IMAGE) else asked + segments[0],
        *segments[1:],
    ]


def answer_text(caption: str) -> str:
    """A caption as the model is to write it: in one line and ended; ValueError when it is empty or cannot be."""
    return caption_line(caption, _RESERVED) + ENDOFCHUNK


def tokenize_segments(tokenizer: "PreTrainedTokenizerBase", segments: Iterable[str]) -> list[list[int]]:
    """The token ids of each segment of a prompt, tokenised apart.

    So the prompt of a generation is the beginning of what was trained on, token by token; in one piece the colon
    and a caption that begins with punctuation would become one token. ValueError when the tokenizer does not know
    `<image>` or `<|endofchunk|>`, or a text holds another of its special tokens.
    """
    ours = (IMAGE, ENDOFCHUNK)
    for token in ours:
        spelt = token_ids(tokenizer, token)
        if len(spelt) != 1 or spelt[0] == tokenizer.unk_token_id:
            raise ValueError(f"this tokenizer does not know {token}: add OpenFlamingo's special tokens to it first")
    segments = list(segments)
    for segment in segments:
        refuse_tokens(segment, [token for token in tokenizer.all_special_tokens if token not in ours], "prompt")
    return [token_ids(tokenizer, segment) for segment in segments]
