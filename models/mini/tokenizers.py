"""The miniatures' tokenizers: byte pairs learnt from captions, with the special tokens of the published models."""

from collections.abc import Iterable, Sequence

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from roadcue.models.flamingo.loading import add_special_tokens
from roadcue.models.flamingo.prompt import END

_SPECIAL = (
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<fake_token_around_image>",
    "<global-img>",
    "<image>",
    "<end_of_utterance>",
)
CHAT_TEMPLATE = (
    "<|im_start|>{% for message in messages %}{{ message['role'] | capitalize }}"
    "{% if message['content'][0]['type'] == 'image' %}:{% else %}: {% endif %}"
    "{% for part in message['content'] %}"
    "{% if part['type'] == 'text' %}{{ part['text'] }}{% elif part['type'] == 'image' %}<image>{% endif %}"
    "{% endfor %}<end_of_utterance>\n{% endfor %}{% if add_generation_prompt %}Assistant:{% endif %}"
)
"""SmolVLM2's, without video (https://huggingface.co/HuggingFaceTB/SmolVLM2-2.2B-Instruct, chat_template.json)."""


def learn_tokenizer(captions: Iterable[str], vocabulary: int = 768) -> PreTrainedTokenizerFast:
    """SmolVLM2's, of at most `vocabulary` tokens, with its chat template; the same captions give the same tokens."""
    return PreTrainedTokenizerFast(
        tokenizer_object=_byte_pairs(captions, vocabulary, _SPECIAL),
        bos_token="<|im_start|>",
        eos_token="<end_of_utterance>",
        pad_token="<|im_end|>",
        unk_token="<|endoftext|>",
        additional_special_tokens=["<fake_token_around_image>", "<global-img>", "<image>"],
        chat_template=CHAT_TEMPLATE,
        clean_up_tokenization_spaces=False,
        padding_side="left",
    )


def learn_flamingo_tokenizer(captions: Iterable[str], vocabulary: int = 768) -> PreTrainedTokenizerFast:
    """OpenFlamingo's, of at most `vocabulary` tokens: its three stand behind those that are learnt, as published."""
    learnt = _byte_pairs(captions, vocabulary - 3, [END])
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=learnt, padding_side="left", clean_up_tokenization_spaces=False
    )
    add_special_tokens(tokenizer)
    return tokenizer


def _byte_pairs(captions: Iterable[str], vocabulary: int, special: Sequence[str]) -> Tokenizer:
    """A byte-level BPE tokenizer of at most `vocabulary` tokens, the special ones first."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary, special_tokens=list(special), initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(captions, trainer)
    return tokenizer
