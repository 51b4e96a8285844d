"""The words of a caption, as Stanford's Penn Treebank tokenizer parts them and `pycocoevalcap` keeps them.

Published caption figures are made of these words, and the fourth decimal is decided here. The rules were found by
asking Stanford CoreNLP 3.4.1 (`PTBTokenizer -preserveLines -lowerCase`, which pycocoevalcap 1.2 calls) what it makes
of examples; some stand beside the patterns. What differs on purpose: every line break is a space, where pycocoevalcap
knows `\\n` alone and shifts all later captions by one; no word holds a space, where Stanford joins `412 268 5000` and
`1 1/2`; and of what captions hardly hold (`pro-`, `5.x`, `-lrb-` written out, comments of HTML) some is left out.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import chain
from string import ascii_letters

_GLUE = "\N{NO-BREAK SPACE}"
_SPACES = str.maketrans(
    dict.fromkeys("\t\n\r\x0b\x0c\x1c\x1d\x1e\x1f\x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000", " ")
    | {chr(code): " " for code in range(0x2000, 0x200B)}
    | {"’": "'", "\N{SOFT HYPHEN}": None}
)
_NO_LETTER = r"\W\d_²³¹¼-¾⁰-₉⅐-⅞\U00010000-\U0010ffff"
_MARK = r"\u0300-\u036f\u0591-\u05c7\u064b-\u065f\u0900-\u0dff\u0e31-\u0e4e\u2010\u2011"
"""What Python's `\\w` leaves out: accents and vowel signs, and the hyphens that are not the keyboard's."""
_LETTER = rf"(?:[^{_NO_LETTER}]|[{_MARK}])"
_SOUND = rf"(?:\d|{_LETTER})"
"""A letter or a digit."""
_PART = rf"(?:[dol]')?{_SOUND}+"
_PATH = r"(?:/[^\s\"<>|(){}]+[^\s\"<>|(){}.!?,-])?"
_ABBREVIATION = (
    "al|cf|co|ct|dr|ft|ga|jr|ky|lt|md|mo|mr|ms|mt|ph|ph[.]d|rd|rt|sq|sr|st|va|vs|vt|wm|"
    "adj|adm|adv|ala|apr|aug|ave|bhd|cie|col|cos|cpl|dak|dec|det|drs|ens|esq|est|etc|ext|"
    "feb|fla|fri|gen|gov|hon|inc|ind|jan|jos|jul|jun|kan|ltd|maj|mar|mfg|mme|mon|mrs|mtg|"
    "neb|nev|nov|oct|pfc|plc|pte|pty|pvt|rep|rev|sen|sep|seq|sfc|sgt|spc|ste|sys|tel|thu|"
    "tue|wed|wis|wyo|alex|ariz|assn|asst|atty|bldg|blvd|brig|bros|capt|cmdr|colo|conn|corp|"
    "dept|elec|govs|insp|intl|invt|kans|mich|minn|mlle|mont|msgr|natl|okla|penn|ppte|ppty|pres|"
    "prof|ptes|ptys|reps|sens|sept|supt|tenn|tues|univ|wisc|assoc|attys|bancorp|calif|comdr|"
    "lieut|messrs|profs|supts|thurs"
)
_BEFORE_NUMBER = ("art", "arts", "ca", "fig", "figs", "no", "nos", "op", "pp", "prop")
_STARTER = (
    "A|About|According|Additionally|After|An|As|At|But|He|Her|Here|However|If|In|It|Last|Many|More|Now|Once|One|Other|"
    "Our|She|Since|So|Some|Such|That|The|Their|Then|There|These|They|This|We|What|When|While|Yet|You"
)
_PATTERNS = [
    *(
        re.compile(pattern, re.IGNORECASE)
        for pattern in (
            r"<[/!?]?[a-z][^<>]*>",  # <br>, <a href="x">
            r"https?://[^\s\"<>|(){}]+[^\s\"<>|(){}.!?,-]",
            rf"(?:[\w-]+\.)+(?:com|net|org|edu)(?!\w){_PATH}|www\.(?:[\w-]+\.)+[a-z]{{2,4}}{_PATH}",
            r"[a-z0-9][\w.+-]*@(?:[\w-]+\.)*[\w-]+|[@#][a-z_]\w*",  # me@mail.de, #tag
            r"(?:(can)(not)|(gon|wan)(na)|(got)(ta)|(gim|lem)(me)|('t)(is|was)|(more)('n))(?!\w)|(y')(all)",
            r"(?:([a-z]+)(n't)|(n't)|('(?:[smd]|re|ve|ll)))(?![a-z])",  # can't: ca n't; it's: it 's
            r"'n'|'(?:em|till?|n|cause|[2-9]0s|\d\d)(?!\w)",  # the '90s
            rf"{_PART}(?:-{_PART})*",  # state-of-the-art, d'hiver
            r"[a-z0-9][a-z0-9.,]*+(?:-[a-z0-9]+)+",  # 2.5-inch
            r"[a-z0-9]+(?:-[a-z]+){0,2}(?:/[a-z0-9]+(?:-[a-z]+){0,2}){1,2}",  # left/center/right
            r"[a-z](?:\.[a-z])+\.|[a-z]\.",  # a.m., and "wearing a."
            rf"(?:{_ABBREVIATION})\.|(?:{'|'.join(_BEFORE_NUMBER)})\.(?=\s?\d)",  # st. and no. 5
        )
    ),
    *(
        re.compile(pattern)
        for pattern in (
            r"(?:Ark|Az|Del|Ill|La|Mass|Miss|Ore|Pa|Tex|Wash)\.",
            rf"{_LETTER}{_SOUND}*(?:[.!?]{_LETTER}{_SOUND}*)*",  # left.the
            rf"({_SOUND}+\.);",  # "navigation.;" keeps its point, the only plain word that does
            rf"{_SOUND}+(?:_{_SOUND}+)+|{_SOUND}+\.(?:jpe?g|png|txt)",  # left_of, 0023.jpg
            r"[A-Z]+(?:[+&][A-Z]+)+|[A-Z](?:\+\+|#)",  # AT&T, C#
            r"\d{1,2}[-/]\d{1,2}[-/]\d{2,4}|\d+/\d+",  # 12/25/2020
            r"[-+]?(?:\d*(?:[.,:]\d+)+|\d+)",  # 1,000 and 12:30
            r"[<>]?[:;=][o*'-]?[()DPdpO\\{@|\[\]]",  # :)
            r"[A-Z]*\$|[?!]{2,}|\*+|@+|_+|#+|<<|>>",  # US$, ?! and **
            # Signs that are words; quotation marks, points and dashes are none, and neither are emoji.
            r"[%&+/<=>\\^|~()\[\]{}¡-©¬®-´¶-¹¼-¿×÷‖‗‚„-•‰-‸※‾-⁄⁰⁴-⁾₀-₎₠₤€℀-⅏⅓-⅞←-⯿。、]",
        )
    ),
]
"""What is a word at a place of a text: of all that match there the longest. Groups are several words."""
_LONGEST = 1000
"""Characters within which a pattern looks, or a text without spaces would take a time that grows with its square."""
_WRITTEN = str.maketrans(
    {"½": "1/2", "¼": "1/4", "¾": "3/4", "⅓": "1/3", "⅔": "2/3", "£": "#", "€": "$", "₠": "$", "¤": "$", "¢": "cents"}
    | {"(": "-lrb-", ")": "-rrb-", "[": "-lsb-", "]": "-rsb-", "{": "-lcb-", "}": "-rcb-"}
)
_TAG = re.compile(r"<[/!]?[A-Za-z][\w:.-]*(?: +[A-Za-z][\w:.-]*(?: *= *(?:\"[^\"<>]*\"|'[^'<>]*'))?)* */?>")
_BEFORE_STARTER = re.compile(rf"(?<![\w.])([A-Za-z])\.(?= +(?:{_STARTER})(?: |$))")
_NUMBERED = re.compile(rf"\b({'|'.join(_BEFORE_NUMBER)})\. +(?=\d)", re.IGNORECASE)
_PLAIN = re.compile(r"([A-Za-z]{2,}(?:-[A-Za-z]+)*)[,:;!?]?")
_IN_TWO = {"cannot", "gonna", "wanna", "gotta", "gimme", "lemme"}


_STANDS_BEFORE = {
    opening + piece
    for word in (*ascii_letters, *_BEFORE_NUMBER)
    for piece in (f"{word}.", f"{word.title()}.")
    for opening in ("", "(", '"')
}
"""Pieces of a text that are another word when another word follows."""


def ptb_words(text: str) -> list[str]:
    """The words of a text in lower case, without punctuation. Every line break, of any kind, is a space."""
    if not (text.isascii() and text.isprintable()):
        text = text.translate(_SPACES)
    # A space inside of a word is a no-break one before the text is cut at its spaces.
    if "<" in text:
        text = _TAG.sub(lambda tag: f" {tag[0].replace(' ', _GLUE)} ", text)
    pieces = text.split(" ")
    if not _STANDS_BEFORE.isdisjoint(pieces):
        text = _NUMBERED.sub(rf"\1.{_GLUE}", _BEFORE_STARTER.sub(r"\1", text))
        pieces = text.split(" ")
    return [*chain.from_iterable(map(_words_of, pieces))]


@lru_cache(maxsize=1 << 16)
def _words_of(piece: str) -> tuple[str, ...]:
    """The words of what stands between two spaces: most pieces are one, and come again and again."""
    if (plain := _PLAIN.fullmatch(piece)) and plain[1].lower() not in _IN_TWO:
        return (plain[1].lower(),)
    return tuple(word for words in _lexed(piece) for word in words.lower().split(_GLUE))


def _lexed(piece: str) -> Iterator[str]:
    """At each place the longest word, as a lexer does; what no pattern matches is no word."""
    place = 0
    while place < len(piece):
        found = [match for pattern in _PATTERNS if (match := pattern.match(piece, place, place + _LONGEST))]
        if not found:
            place += 2 if piece.startswith("--", place) else 1  # "a--5" is no "-5"
            continue
        longest = max(found, key=re.Match.end)
        words = [word for word in longest.groups() if word] or [longest[0]]
        yield from (word.translate(_WRITTEN) for word in words)
        place = longest.end()
