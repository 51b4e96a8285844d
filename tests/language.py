"""A grammar's language, byte by byte: which texts are of it, and texts drawn from it at random."""

from functools import lru_cache

import numpy as np
import xgrammar

_END = 255
"""A byte that no text in UTF-8 has stands for the end."""
_VOCABULARY = xgrammar.TokenizerInfo([bytes([i]) for i in range(_END)] + [b""], stop_token_ids=[_END])


class Language:
    """The texts of a grammar in GBNF."""

    def __init__(self, ebnf: str):
        self._compiled = xgrammar.GrammarCompiler(_VOCABULARY).compile_grammar(xgrammar.Grammar.from_ebnf(ebnf))

    def holds(self, text: str) -> bool:
        matcher = xgrammar.GrammarMatcher(self._compiled)
        return matcher.accept_string(text) and matcher.is_completed()

    def drawn(self, seed: int) -> str:
        """A text of it: any printable byte that is allowed, and the end as soon as it is drawn among them."""
        rng, matcher, said = np.random.default_rng(seed), xgrammar.GrammarMatcher(self._compiled), bytearray()
        mask = xgrammar.allocate_token_bitmask(1, _END + 1)
        while True:
            matcher.fill_next_token_bitmask(mask)
            bits = np.unpackbits(mask.numpy().view(np.uint8), bitorder="little").astype(bool)
            byte = int(rng.choice([byte for byte in (*range(32, 127), _END) if bits[byte]]))
            assert matcher.accept_token(byte)
            if byte == _END:
                return said.decode()
            said.append(byte)


@lru_cache
def language(ebnf: str) -> Language:
    return Language(ebnf)
