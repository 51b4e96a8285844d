"""Names of cameras that are nearly one: `front` in some lines and FRONT in the others would be two cameras.

A run reads one of them, and lines that lack it would be trained and scored on zeros.
"""

import re
import unicodedata
from collections.abc import Collection, Mapping
from difflib import SequenceMatcher
from itertools import combinations

from roadcue.errors import BadInput

NEAR = 0.8
"""`difflib`'s ratio from which two words may be one: that of FRONT and FORNT."""


def check_camera_names(first: Mapping[str, str], together: Collection[frozenset[str]]) -> None:
    """BadInput for two names that have the same letters, or are near and never in one line.

    `first` is camera -> the place of the line that first names it; `together` are the cameras of each line.
    """
    for one, other in combinations(first, 2):
        words = _words(one), _words(other)
        apart = not any({one, other} <= line for line in together)
        if "".join(words[0]) == "".join(words[1]) or (apart and _near(*words)):
            meant, written = _quoted(one, other)
            raise BadInput(
                f"{first[other]}: images names a camera {written}, and {first[one]} one {meant}; did you mean "
                f"{meant}? Write the name of one camera alike in all lines, and names of two more differently"
            )


def _quoted(one: str, other: str) -> tuple[str, str]:
    """Two names as a message shows them: by the numbers of their letters where they look alike."""
    alike = unicodedata.normalize("NFC", one) == unicodedata.normalize("NFC", other)
    return (ascii(one), ascii(other)) if alike and one != other else (repr(one), repr(other))


def _words(name: str) -> list[str]:
    """What a name is made of, whatever its case, what is between its words, and how its accents are written."""
    return re.findall(r"[^\W_]+", unicodedata.normalize("NFKC", name).casefold()) or [name]


def _near(one: list[str], other: list[str]) -> bool:
    """Whether two names have as many words and each is nearly its counterpart."""
    return len(one) == len(other) and all(
        a == b or (not _in_a_row(a, b) and SequenceMatcher(None, a, b).ratio() >= NEAR)
        for a, b in zip(one, other, strict=True)
    )


def _in_a_row(one: str, other: str) -> bool:
    """Whether words number or letter cameras, as cam1 and cam2 or camA and camB do."""
    return one[:-1] == other[:-1] or re.sub(r"\d", "", one) == re.sub(r"\d", "", other)
