"""The words that METEOR 1.5 aligns: its own normalizer (`-norm`), on top of words that are parted already.

Found by asking METEOR's normalizer what it makes of examples, as the tokenizer's rules were. Its texts here are in
lower case and hold hardly any punctuation, so that few of its rules are left to do.
"""

import re
from collections.abc import Collection, Sequence

_LETTER = r"A-Za-zªµº\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u052f\u1e00-\u1fff"
_SIGNS = str.maketrans(dict.fromkeys("‘’`", "'") | dict.fromkeys("“”", '"') | {"–": " - "})
_RULES = [
    (re.compile(pattern), parted)
    for pattern, parted in (
        (r"--", r"-"),
        (rf"([{_LETTER}\d.])-([{_LETTER}\d])", r"\1 \2"),  # glass-walled
        (rf"([^{_LETTER}0-9\s.',-])", r" \1 "),
        (r"(\.{2,})", r" \1 "),
        (r"(\D),(\D)", r"\1 , \2"),
        (r"(\d),(\D)", r"\1 , \2"),
        (r"(\D),(\d)", r"\1 , \2"),
        (rf"([^{_LETTER}])'([^{_LETTER}])", r"\1 ' \2"),
        (rf"([^{_LETTER}\d])'([{_LETTER}])", r"\1 ' \2"),
        (rf"([{_LETTER}])'([^{_LETTER}])", r"\1 ' \2"),
        (rf"([{_LETTER}])'([{_LETTER}])", r"\1 '\2"),  # don't: don 't
        (r"(\d)'(s)", r"\1 '\2"),
    )
]


def meteor_words(words: Sequence[str], prefixes: Collection[str] = ()) -> list[str]:
    """Words of a text in lower case as METEOR parts them once more; after `prefixes` a point is no end."""
    text = f" {' '.join(words)} ".replace("``", '"').replace("''", '"').translate(_SIGNS)
    for pattern, parted in _RULES:
        text = pattern.sub(parted, text)
    pieces = text.split()
    normalized = []
    for piece, following in zip(pieces, [*pieces[1:], ""], strict=False):
        stem = piece[:-1]
        if not stem or not piece.endswith(".") or stem.endswith("."):
            normalized.append(piece)
        elif "." in stem and re.search(r"[^\W\d_]", stem):
            normalized.append(piece.replace(".", ""))  # p.m.
        elif stem in prefixes or following[:1].islower():
            normalized.append(piece)
        else:
            normalized += [stem, "."]
    return normalized
