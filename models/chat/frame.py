"""What a chat template writes around the texts of a conversation, found out once by rendering stand-ins for them.

Texts of users never pass through a template: one that changes them, or leaves them out, is seen from what it does
with the stand-ins, and is refused.
"""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from roadcue.errors import BadCheckpoint
from roadcue.models.chat import rendering

_INSTRUCTION, _ANSWER = "Instruction{}OfRoadCue", "Answer{}OfRoadCue"
"""Stand-ins: no template has these words of its own."""
_PATIENCE = 6
"""How many times as long as its processor's time a process may take, on a busy machine."""


@dataclass(frozen=True)
class Template:
    """A checkpoint's chat template."""

    text: str
    tokens: tuple[tuple[str, str], ...]
    """Names and texts of the tokeniser's special tokens, which templates read."""
    origin: str
    """Whose it is, for messages."""

    @classmethod
    def of(cls, text: str, tokens: Mapping[str, Any], origin: str) -> "Template":
        """`tokens`: a tokeniser's `special_tokens_map`."""
        named = ((name, token) for name, token in sorted(tokens.items()) if isinstance(token, str))
        return cls(text, tuple(named), origin)


@dataclass(frozen=True)
class Frame:
    """The texts around those of a conversation of demonstrations and a question at last."""

    questions: tuple[tuple[str, str], ...]
    """What stands before and behind the instruction of each turn; the pictures' placeholders are in it."""
    lead: str
    """What stands between a question and its answer, and belongs to the answer: often a space."""
    end: str
    """What ends an answer."""


@lru_cache(maxsize=128)
def frame_of(template: Template, demonstrations: int, text_only: bool, ends: Sequence[str], frames: int = 1) -> Frame:
    """The frame of a conversation about clips of so many `frames`, or pictures.

    `text_only` leaves out those of the demonstrations; `ends` may end an answer.

    BadCheckpoint when the template fails, takes too long or too much memory, or does not write the conversation in
    order, word by word, each answer with an end and the last behind the prompt for it.
    """
    asked = [
        _turn("user", _INSTRUCTION.format(i), frames if i == demonstrations or not text_only else 0)
        for i in range(demonstrations + 1)
    ]
    said = [_turn("assistant", _ANSWER.format(i), 0) for i in range(demonstrations + 1)]
    messages = [message for turn in zip(asked, said, strict=True) for message in turn]
    prompt, whole = _rendered(template, (messages[:-1], True), (messages, False))
    lead, end = _lead_and_end(template, whole.removeprefix(prompt), _ANSWER.format(demonstrations), ends)
    if not whole.startswith(prompt):
        raise _unfit(template, "does not write an answer behind the prompt for one")
    questions = []
    for turn in range(demonstrations + 1):
        before, found, rest = prompt.partition(_INSTRUCTION.format(turn))
        behind, answered, prompt = rest.partition(lead + _ANSWER.format(turn) + end)
        last = turn == demonstrations
        if not found or bool(answered) == last:
            raise _unfit(template, "does not write instructions and answers in their order as they are")
        questions.append((before, behind))
    return Frame(tuple(questions), lead, end)


def _turn(role: str, text: str, pictures: int) -> dict[str, Any]:
    return {"role": role, "content": [{"type": "image"}] * pictures + [{"type": "text", "text": text}]}


def _lead_and_end(template: Template, answer: str, said: str, ends: Sequence[str]) -> tuple[str, str]:
    lead, found, behind = answer.partition(said)
    end = next((end for end in ends if behind.startswith(end)), None)
    if not found or lead.strip() or end is None:
        raise _unfit(
            template, f"does not write an answer behind the prompt for one, ended by {' or '.join(ends) or 'a token'}"
        )
    return lead, end


def _rendered(template: Template, *conversations: tuple[Sequence[Mapping[str, Any]], bool]) -> list[str]:
    """The texts of conversations, each with whether an answer is asked for, by a process of its own."""
    always = {**dict(template.tokens), "tools": None, "documents": None}
    given = [always | {"messages": messages, "add_generation_prompt": asks} for messages, asks in conversations]
    try:
        done = subprocess.run(
            [sys.executable, str(Path(rendering.__file__))],
            input=json.dumps({"template": template.text, "given": given, "seconds": rendering.MOST_SECONDS}),
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=_PATIENCE * rendering.MOST_SECONDS,
            check=False,
        )
        answer = json.loads(done.stdout)
    except (subprocess.TimeoutExpired, ValueError) as stopped:
        raise _unfit(
            template,
            f"does not end: it was stopped after {rendering.MOST_SECONDS} seconds, and others take milliseconds",
        ) from stopped
    if "fault" in answer:
        raise _unfit(template, f"fails ({answer['fault']})")
    texts: list[str] = answer["texts"]
    return texts


def _unfit(template: Template, fault: str) -> BadCheckpoint:
    return BadCheckpoint(f"{template.origin}: its chat template {fault}; take that of the published model")
