"""The miniatures' tokenizers: byte pairs learnt from captions, with the special tokens of the published models."""

from collections.abc import Iterable, Sequence

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from roadcue.models.flamingo.loading import add_special_tokens
from roadcue.models.flamingo.prompt import END
from roadcue.models.smol import prompt as smol


def learn_tokenizer(captions: Iterable[str], vocabulary: int = 768) -> PreTrainedTokenizerFast:
    """SmolVLM2's, of at most `vocabulary` tokens, with its chat template; the same captions give the same tokens."""
    return PreTrainedTokenizerFast(
        tokenizer_object=_byte_pairs(captions, vocabulary, smol.SPECIAL),
        bos_token=smol.BEGIN,
        eos_token=smol.END,
        pad_token=smol.PAD,
        unk_token=smol.UNKNOWN,
        additional_special_tokens=[smol.AROUND_IMAGE, smol.GLOBAL_IMAGE, smol.IMAGE],
        chat_template=smol.CHAT_TEMPLATE,
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
