"""Texts of people made fit to be learnt: one line, and no sign in it that means more than text."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]")
"""ISO 6429's control characters: a terminal obeys them, and no caption has a use for one."""


@dataclass(frozen=True)
class AnswerCounts:
    """What became of the texts of a split's pictures."""

    without: int = 0
    """Pictures without a text of the kind, which are left out."""
    too_long: int = 0
    """Texts that do not fit behind their prompt into what the model reads: left out, or they would never end."""
    refused: int = 0
    """Texts with a sign that the model's family keeps for itself: left out."""
    cleaned: int = 0
    """Texts out of which line breaks, control characters or special tokens were taken."""

    @property
    def sentence(self) -> str:
        """What a reader of the run has to know; "" for nothing."""
        parts = {
            "have no such text and are left out": self.without,
            "have one that is longer than the model reads and are left out": self.too_long,
            "have one with a sign that the model would not take for text and are left out": self.refused,
            "have one that line breaks, control characters or special tokens were taken out of": self.cleaned,
        }
        return "; ".join(f"{count:,} {words}" for words, count in parts.items() if count)


def plain(text: str, signs: Sequence[str]) -> str:
    """A text in one line, its words a space apart, without control characters, halves of surrogates and `signs`.

    `signs` are a tokenizer's special tokens, which it would take for what they stand for.
    """
    text = _CONTROLS.sub(" ", text.encode("utf-8", "replace").decode())
    for sign in signs:  # a space in its place: the letters around it could be another sign together
        text = text.replace(sign, " ")
    return " ".join(text.split())
