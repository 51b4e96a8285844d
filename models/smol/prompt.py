"""What SmolVLM2 is asked and how it answers: its special tokens, and a conversation in the chat template.

    <|im_start|>User:{picture}{instruction}<end_of_utterance>
    Assistant: {answer}<end_of_utterance>

The template is a program of whoever made the checkpoint. None is trusted, not even the shipped one: each runs in a
sandbox (`models.chat.rendering`).
"""

from collections.abc import Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING

from roadcue.errors import BadCheckpoint
from roadcue.models.chat.frame import Frame, Template, frame_of
from roadcue.models.plain_text import caption_line, one_line
from roadcue.prompts.demonstrations import check_count

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

BEGIN, END, PAD, UNKNOWN = "<|im_start|>", "<end_of_utterance>", "<|im_end|>", "<|endoftext|>"
AROUND_IMAGE, GLOBAL_IMAGE, IMAGE = "<fake_token_around_image>", "<global-img>", "<image>"
"""A picture is as many `<image>` as the connector makes tokens of it, between the other two."""
SPECIAL = (UNKNOWN, BEGIN, PAD, AROUND_IMAGE, GLOBAL_IMAGE, IMAGE, END)
CHAT_TEMPLATE = (
    "<|im_start|>{% for message in messages %}{{ message['role'] | capitalize }}"
    "{% if message['content'][0]['type'] == 'image' %}:{% else %}: {% endif %}"
    "{% for part in message['content'] %}"
    "{% if part['type'] == 'text' %}{{ part['text'] }}{% elif part['type'] == 'image' %}<image>{% endif %}"
    "{% endfor %}<end_of_utterance>\n{% endfor %}{% if add_generation_prompt %}Assistant:{% endif %}"
)
"""SmolVLM2's, without video (https://huggingface.co/HuggingFaceTB/SmolVLM2-2.2B-Instruct, chat_template.json)."""


def picture_text(tokens: int) -> str:
    """What SmolVLM's processor writes for one untiled picture of so many image tokens."""
    return f"{AROUND_IMAGE}{GLOBAL_IMAGE}{IMAGE * tokens}{AROUND_IMAGE}"


def question_texts(
    tokenizer: "PreTrainedTokenizerBase",
    instruction: str,
    answers: Sequence[str],
    picture: str,
    *,
    text_only: bool = False,
    frames: int = 1,
) -> list[str]:
    """Demonstrations and the question behind them, up to where the model is to go on: question, answer, question, ...

    Each question is the text `picture`, once for each of its `frames`, and the instruction; those of demonstrations
    are without pictures if `text_only`. ValueError for more than 32 answers, an empty one, and texts that hold a
    special token; BadCheckpoint when the chat template cannot be used.
    """
    check_count(len(answers))
    frame = _frame(tokenizer, len(answers), text_only, frames)
    asked = one_line(instruction, SPECIAL, "instruction")
    questions = [f"{before}{asked}{behind}".replace(IMAGE, picture) for before, behind in frame.questions]
    said = [_answer(frame, answer) for answer in answers]
    return [text for turn in zip_longest(questions, said) for text in turn if text is not None]


def answer_text(tokenizer: "PreTrainedTokenizerBase", answer: str) -> str:
    """An answer as the model is to write it behind a question: in one line, and ended by `<end_of_utterance>`.

    ValueError when it is empty or holds a special token; BadCheckpoint when the chat template does not go on with it
    where a question ends.
    """
    return _answer(_frame(tokenizer, 0, False, 1), answer)


def _answer(frame: Frame, answer: str) -> str:
    return frame.lead + caption_line(answer, SPECIAL) + frame.end


def _frame(tokenizer: "PreTrainedTokenizerBase", demonstrations: int, text_only: bool, frames: int) -> Frame:
    """With one `<image>` for each picture."""
    template = Template.of(tokenizer.chat_template, tokenizer.special_tokens_map, tokenizer.name_or_path)
    frame = frame_of(template, demonstrations, text_only, (END,), frames)
    shown = [before.count(IMAGE) + behind.count(IMAGE) for before, behind in frame.questions]
    if shown != [0 if text_only else frames] * demonstrations + [frames]:
        raise BadCheckpoint(f"{tokenizer.name_or_path}: its chat template does not write one {IMAGE} for a picture")
    return frame
