"""What METEOR knows of English: function words, synonyms and paraphrases, read out of an installed `pycocoevalcap`.

METEOR is LGPL and its synonyms are WordNet's, under a licence of its own, so nothing of either is part of RoadCue.
The paraphrases, 62 MB packed and 5.3 million pairs, become an index in the cache folder once: numbers of phrases, by
a hash of their words.
"""

import gzip
import io
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from roadcue.cache import cache_root
from roadcue.errors import BadInput, how_to_install
from roadcue.files import atomic_folder, unreadable, writing_into
from roadcue.left_over import remove_left_over
from roadcue.sentences import show

INSTALL = how_to_install("captions")
_JAR, _PARAPHRASES = "meteor-1.5.jar", "data/paraphrase-en.gz"
_ARRAYS = ("key", "first", "other")
_SUFFIXES = (
    *(
        ("s", ""),
        ("ses", "s"),
        ("xes", "x"),
        ("zes", "z"),
        ("ches", "ch"),
        ("shes", "sh"),
        ("men", "man"),
        ("ies", "y"),
    ),
    *(("es", "e"), ("es", ""), ("ed", "e"), ("ed", ""), ("ing", "e"), ("ing", "")),
    *(("er", ""), ("est", ""), ("er", "e"), ("est", "e")),
)
"""Endings and those of base forms, WordNet's "morphy" (wordnet.princeton.edu, morphy(7WN)), in METEOR's order."""


@dataclass(frozen=True)
class Synonyms:
    """WordNet's sets of words with one meaning, by number, and the base forms of words that no suffix rule gives."""

    sets: dict[str, frozenset[int]]
    irregular: dict[str, list[str]]

    def of(self, word: str) -> frozenset[int]:
        """The sets of a word and of its base form, which is the first that occurs."""
        return self.sets.get(word, frozenset()) | self._of_base(word)

    def _of_base(self, word: str) -> frozenset[int]:
        if word in self.irregular:
            return frozenset[int]().union(*(self.sets.get(base, frozenset()) for base in self.irregular[word]))
        if len(word) < 3 or word.endswith("ss"):
            return frozenset()
        bases = (word.removesuffix(ending) + base for ending, base in _SUFFIXES if word.endswith(ending))
        return next((self.sets[base] for base in bases if base in self.sets), frozenset())


class Paraphrases:
    """Which phrases may stand for a phrase.

    `key` (p,) uint64 are the hashes of all phrases in ascending order, and a phrase's number is its place among them;
    those that may stand for phrase i are `other[first[i] : first[i + 1]]`, in the order of the table.
    """

    longest = 7
    """Words of the longest phrase."""

    def __init__(self, key: np.ndarray, first: np.ndarray, other: np.ndarray) -> None:
        self.key, self.first, self.other = key, first, other

    @classmethod
    def of(cls, pairs: np.ndarray) -> "Paraphrases":
        """From the hashes of phrases and what may stand for them, (n, 2) uint64."""
        key, number = np.unique(pairs.ravel(), return_inverse=True)
        phrase, other = number.reshape(pairs.shape).T
        order = np.argsort(phrase, kind="stable")
        first = np.searchsorted(phrase[order], np.arange(len(key) + 1))
        return cls(key, first, other[order].astype(np.int32))

    def numbers(self, phrases: Sequence[str]) -> np.ndarray:
        """The number of each of some phrases, (k,); -1 where there is none."""
        wanted = np.array([phrase_key(phrase) for phrase in phrases], np.uint64)
        place = np.minimum(np.searchsorted(self.key, wanted), len(self.key) - 1)
        return np.where(self.key[place] == wanted, place, -1) if len(self.key) else np.full(len(wanted), -1)

    def of_number(self, number: int) -> list[int]:
        """The numbers of a phrase's paraphrases."""
        return list(map(int, self.other[self.first[number] : self.first[number + 1]]))


@dataclass(frozen=True)
class MeteorTables:
    """All that METEOR knows of a language."""

    function_words: frozenset[str]
    prefixes: frozenset[str]
    """After these a point ends no sentence."""
    synonyms: Synonyms
    paraphrases: Paraphrases


def phrase_key(phrase: str) -> int:
    """Eight bytes of BLAKE2b: of some two million phrases no two are likely to share them."""
    return int.from_bytes(blake2b(phrase.encode(), digest_size=8).digest(), "little")


def meteor_folder() -> Path | None:
    """The folder of METEOR in an installed pycocoevalcap; None where it or snowballstemmer is not installed."""
    package = find_spec("pycocoevalcap")
    if package is None or find_spec("snowballstemmer") is None or not package.submodule_search_locations:
        return None
    return Path(package.submodule_search_locations[0]) / "meteor"


def read_meteor_tables() -> MeteorTables:
    """BadInput, with the command that installs it, where pycocoevalcap is not there or not whole."""
    folder = meteor_folder()
    if folder is None:
        raise BadInput(f"METEOR needs the tables of pycocoevalcap, and snowballstemmer; to have them: {INSTALL}")
    try:
        with zipfile.ZipFile(folder / _JAR) as jar:
            function, prefixes, sets, irregular = (
                jar.read(name).decode().splitlines()
                for name in (
                    "function/english.words",
                    "nonbreaking/english.prefixes",
                    "synonym/english.synsets",
                    "synonym/english.exceptions",
                )
            )
        numbers = {word: frozenset(map(int, line.split())) for word, line in zip(sets[::2], sets[1::2], strict=True)}
        forms: dict[str, list[str]] = {}
        for base, inflected in zip(irregular[::2], irregular[1::2], strict=True):
            for word in inflected.split():
                forms.setdefault(word, []).append(base)
        paraphrases = _paraphrases(folder / _PARAPHRASES)
    except BadInput:
        raise
    except OSError as error:
        if isinstance(error, gzip.BadGzipFile):
            raise _damaged(folder, error) from error
        raise unreadable(folder, error, f"install it again: {INSTALL}") from error
    except (KeyError, ValueError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        raise _damaged(folder, error) from error
    always = {line for line in prefixes if line and not line.startswith("#") and "NUMERIC_ONLY" not in line}
    return MeteorTables(frozenset(function), frozenset(always), Synonyms(numbers, forms), paraphrases)


def _damaged(folder: Path, error: Exception) -> BadInput:
    return BadInput(f"{folder}: METEOR's tables are damaged ({error}); install them again: {INSTALL}")


def _paraphrases(file: Path) -> Paraphrases:
    """The index in the cache folder, built where it is missing."""
    state = file.stat()
    index = cache_root() / f"meteor-paraphrases-{state.st_size}"
    if not index.is_dir():
        remove_left_over(index.parent)
        show(f"indexing METEOR's paraphrases once, which takes a minute: {index}")
        built = Paraphrases.of(np.fromiter(_pairs(file), np.uint64).reshape(-1, 2))
        remedy = "free space there, or name another folder as ROADCUE_CACHE"
        with writing_into(index.parent, remedy):
            try:
                with atomic_folder(index) as partial:
                    for name in _ARRAYS:
                        np.save(partial / f"{name}.npy", getattr(built, name))
            except OSError:
                if not index.is_dir():  # else another process was faster
                    raise
    try:
        return Paraphrases(*(np.load(index / f"{name}.npy", mmap_mode="r") for name in _ARRAYS))
    except (OSError, ValueError, EOFError) as error:
        raise BadInput(f"{index}: is damaged ({error}); delete this folder, and it is built again") from error


def _pairs(file: Path) -> Iterator[int]:
    """Of each entry the hashes of its two phrases, one after the other; the probability before them is not used."""
    with gzip.open(file) as packed, io.TextIOWrapper(packed, encoding="utf-8", newline="\n") as lines:
        for _ in lines:
            yield phrase_key(next(lines).rstrip("\n"))
            yield phrase_key(next(lines).rstrip("\n"))
