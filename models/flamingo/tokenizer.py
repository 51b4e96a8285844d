"""The tokeniser of OpenFlamingo: GPT-NeoX's, and three tokens after its last."""

from pathlib import Path

from transformers import PreTrainedTokenizerFast

from roadcue.errors import BadCheckpoint
from roadcue.models.flamingo.modeling.config import FlamingoConfig
from roadcue.models.flamingo.prompt import END, ENDOFCHUNK, IMAGE, PAD


def read_tokenizer(folder: Path, config: FlamingoConfig) -> PreTrainedTokenizerFast:
    """The tokeniser in `folder`/tokenizer.json, padding on the left, with the special tokens where `config` has them.

    Only that file is read, and no class that another file names. transformers 5 gives a GPT-NeoX tokeniser a padding
    token of its own, `<|padding|>`; taken for one, it would leave out `<PAD>`, the last row of the published
    embedding. BadCheckpoint when the tokeniser is not the model's, by its length or by an id.
    """
    path = folder / "tokenizer.json"
    if not path.is_file():
        raise BadCheckpoint(f"{path}: missing; the tokeniser is that of EleutherAI/gpt-neox-20b: put its file there")
    try:
        tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(path), padding_side="left")
    except Exception as error:  # the tokenizers library raises bare Exception
        raise BadCheckpoint(f"{path}: does not hold a tokeniser ({error}); download it again") from error
    add_special_tokens(tokenizer)
    rows = config.text_config.vocab_size  # type: ignore[union-attr]
    wanted = {ENDOFCHUNK: config.endofchunk_token_id, IMAGE: config.image_token_id, PAD: config.pad_token_id}
    found = {token: tokenizer.convert_tokens_to_ids(token) for token in wanted}
    if found != wanted or len(tokenizer) != rows:
        raise BadCheckpoint(
            f"{path}: is not the tokeniser of this model: it has {len(tokenizer)} tokens with {found}, and the model "
            f"has {rows} with {wanted}; take the one that the model was trained with"
        )
    return tokenizer


def add_special_tokens(tokenizer: PreTrainedTokenizerFast) -> None:
    """Add `<|endofchunk|>`, `<image>` and `<PAD>` in the package's order; those already there stay."""
    if END in tokenizer.get_vocab():
        tokenizer.add_special_tokens({"bos_token": END, "eos_token": END, "unk_token": END})
    tokenizer.add_special_tokens({"extra_special_tokens": [ENDOFCHUNK, IMAGE]})
    tokenizer.add_special_tokens({"pad_token": PAD})
