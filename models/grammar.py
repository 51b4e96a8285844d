"""What a captioner may write: a grammar that lets each token through or not, by xgrammar.

Texts that have ended then have the form; one that is cut off at the limit has not ended and has no form yet. Free
text belongs last and without a bound of its own: a bound such as `{1,300}` takes xgrammar ten seconds and more to
compile (https://github.com/mlc-ai/xgrammar/issues/465), and the limit on new tokens ends it anyway.
"""

import json
from collections.abc import Mapping
from typing import Any, Self

from transformers import LogitsProcessor, PreTrainedTokenizerBase

from roadcue.errors import BadInput, how_to_install


class Grammar:
    """A language of texts, which `logits_processor` holds a generation to; compiled once for a tokenizer."""

    def __init__(self, ebnf: str) -> None:
        """From a grammar in GBNF, whose first symbol is `root` (xgrammar's documentation, "EBNF").

        ValueError with xgrammar's words when it is none; BadInput when xgrammar is not installed.
        """
        try:
            self._grammar = _xgrammar().Grammar.from_ebnf(ebnf)
        except RuntimeError as error:
            raise ValueError(f"this is no grammar: {error}") from None
        self._compiled: tuple[tuple[PreTrainedTokenizerBase, int, int], Any] | None = None

    @classmethod
    def of_schema(cls, schema: Mapping[str, Any]) -> Self:
        """Of the JSON documents of a schema, spaced as `json.dumps` does by default and in the schema's order.

        White space is not free: a small model would write nothing else up to the limit. Errors as in `Grammar`.
        """
        try:
            made = _xgrammar().Grammar.from_json_schema(json.dumps(schema), any_whitespace=False)
        except RuntimeError as error:
            raise ValueError(f"this schema is no grammar: {error}") from None
        return cls(str(made))

    def logits_processor(self, tokenizer: PreTrainedTokenizerBase, end_id: int, vocab_size: int) -> LogitsProcessor:
        """For one call of `generate` without beams: it remembers what has been written in each row.

        `end_id` is the token that ends an answer, let through where a text may end; every other special token never
        is. `vocab_size` is that of the logits, which may be more than the tokenizer has.
        """
        from xgrammar.contrib.hf import LogitsProcessor as Processor

        made: LogitsProcessor = Processor(self._compiled_for(tokenizer, end_id, vocab_size))
        return made

    def _compiled_for(self, tokenizer: PreTrainedTokenizerBase, end_id: int, vocab_size: int) -> Any:
        """For a tokenizer; the last one is kept, since setting up a large vocabulary takes a second."""
        of = tokenizer, end_id, vocab_size
        if self._compiled is None or self._compiled[0] != of:
            xgrammar = _xgrammar()
            known = xgrammar.TokenizerInfo.from_huggingface(tokenizer, vocab_size=vocab_size, stop_token_ids=[end_id])
            # A special token spells a text, too, `<image>` for one; without a spelling it fits nothing that is free.
            special = {token_id for token_id, token in tokenizer.added_tokens_decoder.items() if token.special}
            spelt = [b"" if i in special else text for i, text in enumerate(known.decoded_vocab)]
            vocabulary = xgrammar.TokenizerInfo(spelt, vocab_size=vocab_size, stop_token_ids=[end_id])
            compiled = xgrammar.GrammarCompiler(vocabulary).compile_grammar(self._grammar)
            self._compiled = of, compiled
        return self._compiled[1]


def _xgrammar() -> Any:
    """The package; BadInput when it is not installed."""
    try:
        import xgrammar
    except ImportError:
        raise BadInput(f"a grammar needs xgrammar, which is not here: {how_to_install('captions')}") from None
    return xgrammar
