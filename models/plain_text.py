"""Texts of people on their way into a prompt: one line each, and none of the signs that mean more than text."""

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""ISO 6429's control characters but tab and line feed: with them a text could move a terminal's cursor."""


def one_line(text: str, tokens: Iterable[str], name: str) -> str:
    """The text with every run of white space as one space; ValueError when it holds one of the special `tokens`.

    A line break ends a caption for its readers, and some of the tools that score captions hang at one. `name` is what
    the text is called in the message.
    """
    refuse_tokens(text, tokens, name)
    return " ".join(text.split())


def caption_line(text: str, tokens: Iterable[str]) -> str:
    """As `one_line`, of a caption; ValueError also when it is empty."""
    line = one_line(text, tokens, "caption")
    if not line:
        raise ValueError("a caption is empty: it would teach the model to say nothing; leave its picture out")
    return line


def refuse_tokens(text: str, tokens: Iterable[str], name: str) -> None:
    """ValueError when the text holds one of the special `tokens`."""
    for token in tokens:
        if token in text:
            raise ValueError(
                f"the {name} {text[:60]!r} holds {token!r}, which the model would take for a sign and not for text: "
                "take it out"
            )


def without_controls(text: str) -> str:
    """The text without control characters, for people to read."""
    return _CONTROLS.sub("", text)


def token_ids(tokenizer: "PreTrainedTokenizerBase", text: str) -> list[int]:
    """The ids of a text as it stands, without the tokens with which some tokenizers begin or end every text."""
    ids: list[int] = tokenizer(text, add_special_tokens=False).input_ids
    return ids
