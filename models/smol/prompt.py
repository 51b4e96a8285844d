"""What SmolVLM2 is asked and how it answers: its special tokens, and a conversation in the chat template.

    <|im_start|>User:{picture}{instruction}<end_of_utterance>
    Assistant: {answer}<end_of_utterance>

The template is a program of whoever made the checkpoint. None is trusted, not even the shipped one: transformers
renders each in Jinja's sandbox (`ImmutableSandboxedEnvironment`), which can neither import nor read files.
"""

from typing import TYPE_CHECKING

from roadcue.errors import BadCheckpoint
from roadcue.models.plain_text import one_line

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


def question_text(tokenizer: "PreTrainedTokenizerBase", instruction: str, image_tokens: int) -> str:
    """A picture and the instruction behind it, up to where the model is to go on.

    ValueError when the instruction holds a special token; BadCheckpoint when the chat template cannot be used.
    """
    return _rendered(tokenizer, instruction).replace(IMAGE, picture_text(image_tokens))


def answer_text(tokenizer: "PreTrainedTokenizerBase", answer: str) -> str:
    """An answer as the model is to write it behind a question: in one line, and ended by `<end_of_utterance>`.

    ValueError when it is empty or holds a special token; BadCheckpoint when the chat template does not go on with it
    where a question ends.
    """
    line = one_line(answer, SPECIAL, "caption")
    if not line:
        raise ValueError("a caption is empty: it would teach the model to say nothing; leave its picture out")
    question, whole = _rendered(tokenizer, ""), _rendered(tokenizer, "", line)
    answer, end, _ = whole.removeprefix(question).partition(END)
    if not whole.startswith(question) or answer.strip() != line or not end:
        raise BadCheckpoint(
            f"{tokenizer.name_or_path}: its chat template does not write an answer behind the prompt for one, "
            f"ended by {END}; take SmolVLM2's"
        )
    return answer + end


def _rendered(tokenizer: "PreTrainedTokenizerBase", instruction: str, answer: str | None = None) -> str:
    """The conversation by the template, with one `<image>` for the picture; without an answer it asks for one."""
    asked = one_line(instruction, SPECIAL, "instruction")
    messages = [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": asked}]}]
    if answer is not None:
        messages.append({"role": "assistant", "content": [{"type": "text", "text": answer}]})
    try:
        text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=answer is None)
    except Exception as error:  # a template raises what it likes
        raise BadCheckpoint(
            f"{tokenizer.name_or_path}: its chat template fails ({error}); take SmolVLM2's"
        ) from error
    if not isinstance(text, str) or text.count(IMAGE) != 1:
        raise BadCheckpoint(f"{tokenizer.name_or_path}: its chat template does not write one {IMAGE} for a picture")
    return text
