"""A small tokenizer with OpenFlamingo's special tokens, made offline."""

from transformers import PreTrainedTokenizerFast

from roadcue.models.flamingo.prompt import ENDOFCHUNK, IMAGE, PAD
from roadcue.models.mini.tokenizers import learn_tokenizer

CAPTIONS = ["Output:The road bends to the left.", "Output:A car is braking: 12 metres ahead. The light is red."] * 9


def flamingo_tokenizer() -> PreTrainedTokenizerFast:
    """Byte pairs learnt from captions, so that every text comes back; `Output:` and a bracket would merge."""
    tokenizer = learn_tokenizer([*CAPTIONS, *["Output:(none)"] * 99], vocabulary=360)
    tokenizer.add_special_tokens({"additional_special_tokens": [ENDOFCHUNK, IMAGE], "pad_token": PAD})
    return tokenizer
