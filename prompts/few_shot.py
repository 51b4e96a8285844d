"""What OpenFlamingo is asked: pictures, `Output:` and what was said of each, then the picture in question.

    {instruction}<image>Output:{caption}<|endofchunk|> ... <image>Output:

As in the evaluation of https://github.com/mlfoundations/open_flamingo (eval/models/open_flamingo.py,
`get_caption_prompt`): no space behind the colon and none between the chunks. A text attends to the picture that comes
before it, so there are as many pictures as `<image>`, in their order.
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

IMAGE, ENDOFCHUNK, PAD = "<image>", "<|endofchunk|>", "<PAD>"
"""The tokens that OpenFlamingo adds to its language model's (src/factory.py)."""
QUESTION = "Output:"
MOST_DEMONSTRATIONS = 32
"""As in OpenFlamingo's evaluation; more make its cues worse (document 000, 10.2)."""
_RESERVED = (IMAGE, ENDOFCHUNK, PAD, "<|endoftext|>", "<|padding|>")
"""The published tokenizer's special tokens: GPT-NeoX's two, and those of OpenFlamingo."""


def few_shot_prompt(captions: Sequence[str] = (), instruction: str = "", *, text_only: bool = False) -> str:
    """The prompt with a demonstration for each caption, in their order; the query's picture comes last.

    `instruction` stands once, before the first picture: behind every picture a long one would fill the 2048 tokens
    that MPT reads. `text_only` leaves the demonstrations' pictures out: what OpenFlamingo's evaluation calls 0-shot
    is two such demonstrations, which show the model the form of an answer but no picture with it. ValueError for more
    than 32 demonstrations, and for a text that is empty or holds a special token.
    """
    return "".join(few_shot_parts(captions, instruction, text_only=text_only))


def few_shot_parts(captions: Sequence[str] = (), instruction: str = "", *, text_only: bool = False) -> list[str]:
    """The pieces of `few_shot_prompt`: question, answer, question, ... and last the query's question."""
    check_count(len(captions))
    question = QUESTION if text_only else IMAGE + QUESTION
    parts = [part for caption in captions for part in (question, answer_text(caption))] + [IMAGE + QUESTION]
    line = _one_line(instruction, "instruction")
    return [f"{line} {parts[0]}" if line and not parts[0].startswith(IMAGE) else line + parts[0], *parts[1:]]


def answer_text(caption: str) -> str:
    """A caption as the model is to write it: in one line and ended; ValueError when it is empty or cannot be."""
    line = _one_line(caption, "caption")
    if not line:
        raise ValueError("a caption is empty: it would teach the model to say nothing; leave its picture out")
    return line + ENDOFCHUNK


def check_count(demonstrations: int) -> None:
    """ValueError unless there are 0 to 32 demonstrations."""
    if not 0 <= demonstrations <= MOST_DEMONSTRATIONS:
        raise ValueError(f"{demonstrations} demonstrations: a prompt has 0 to {MOST_DEMONSTRATIONS} of them")


def part_ids(tokenizer: "PreTrainedTokenizerBase", parts: Iterable[str]) -> list[list[int]]:
    """The token ids of each part of a prompt, tokenised apart.

    So the prompt of a generation is the beginning of what was trained on, token by token; in one piece the colon
    and a caption that begins with punctuation would become one token. ValueError when the tokenizer does not know
    `<image>` or `<|endofchunk|>`, or a text holds another of its special tokens.
    """
    ours = (IMAGE, ENDOFCHUNK)
    for token in ours:
        spelt = _ids(tokenizer, token)
        if len(spelt) != 1 or spelt[0] == tokenizer.unk_token_id:
            raise ValueError(f"this tokenizer does not know {token}: add OpenFlamingo's special tokens to it first")
    parts = list(parts)
    for part in parts:
        _refuse_tokens(part, [token for token in tokenizer.all_special_tokens if token not in ours], "prompt")
    return [_ids(tokenizer, part) for part in parts]


def _ids(tokenizer: "PreTrainedTokenizerBase", text: str) -> list[int]:
    ids: list[int] = tokenizer(text, add_special_tokens=False).input_ids
    return ids


def _one_line(text: str, name: str) -> str:
    """A line break ends a caption for its readers, and some of the tools that score captions hang at one."""
    _refuse_tokens(text, _RESERVED, name)
    return " ".join(text.split())


def _refuse_tokens(text: str, tokens: Iterable[str], name: str) -> None:
    for token in tokens:
        if token in text:
            raise ValueError(
                f"the {name} {text[:60]!r} holds {token!r}, which the model would take for a sign and not for text: "
                "take it out"
            )
