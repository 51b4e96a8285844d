"""Which words of a caption METEOR 1.5 (Denkowski and Lavie 2014) takes for which of a reference, by a beam search."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from roadcue.metrics.captions.meteor_tables import MeteorTables

EXACT, STEM, SYNONYM, PARAPHRASE = range(4)
_BEAM = 40
"""Paths that are followed."""


class Match(NamedTuple):
    """Words of the reference from `start` on for words of the caption from `said` on, and by which matcher."""

    start: int
    length: int
    said: int
    said_length: int
    matcher: int

    @property
    def covered(self) -> int:
        """Words that count in the search: in METEOR 1.5 no word that is not the same one, and half a phrase."""
        if self.matcher == EXACT:
            return self.length + self.said_length
        return self.length // 2 + self.said_length // 2


@dataclass(slots=True)
class _Path:
    """A choice of matches up to a word of the reference; `used` and `said` are the words taken, as bits."""

    matches: tuple[Match, ...]
    used: int
    said: int
    index: int = 0
    covered: int = 0
    chunks: int = 0
    goes_on: int = -1
    """The word of the caption with which the last chunk would go on; -1 between chunks."""
    distance: int = 0

    def rank(self) -> tuple[int, int, int]:
        return -self.covered, self.chunks, self.distance

    def takes(self, match: Match) -> bool:
        return not (self.used & _bits(match.start, match.length) or self.said & _bits(match.said, match.said_length))

    def with_match(self, match: Match) -> "_Path":
        return _Path(
            (*self.matches, match),
            self.used | _bits(match.start, match.length),
            self.said | _bits(match.said, match.said_length),
            match.start + match.length,
            self.covered + match.covered,
            self.chunks + (self.goes_on not in (-1, match.said)),
            match.said + match.said_length,
            self.distance,
        )


def align(
    said: Sequence[str], wanted: Sequence[str], tables: MeteorTables, stem: Callable[[str], str]
) -> list[Match]:
    """The matches of a caption's words with a reference's, in the order of the reference."""
    found = _exact(said, wanted)
    if said != wanted:
        found += _stems(said, wanted, stem) + _synonyms(said, wanted, tables) + _paraphrases(said, wanted, tables)
    at: dict[int, list[Match]] = defaultdict(list)
    times, said_times = [0] * len(wanted), [0] * len(said)
    for match in found:
        at[match.start].append(match)
        for word in range(match.start, match.start + match.length):
            times[word] += 1
        for word in range(match.said, match.said + match.said_length):
            said_times[word] += 1
    fixed = {
        start: match
        for start, (match, *others) in at.items()
        if not others
        and set(times[start : start + match.length]) == {1}
        and set(said_times[match.said : match.said + match.said_length]) == {1}
    }
    return _best(at, fixed, len(wanted))


def _best(at: dict[int, list[Match]], fixed: dict[int, Match], words: int) -> list[Match]:
    """The matches that cover most words, of those in the fewest chunks, of those the least moved."""
    used = said = 0
    for match in fixed.values():
        used |= _bits(match.start, match.length)
        said |= _bits(match.said, match.said_length)
    paths = [_Path((), used, said)]
    for word in range(words):
        following: list[_Path] = []
        for path in sorted(paths, key=_Path.rank)[:_BEAM]:
            if word < path.index:
                following.append(path)
            elif word in fixed:
                following.append(path.with_match(fixed[word]))
                following[-1].distance += abs(word - fixed[word].said)
            else:
                for match in at.get(word, ()):
                    if path.takes(match):
                        following.append(path.with_match(match))
                        path.distance += abs(word - match.said)  # the original adds it to the path that skips
                path.chunks, path.goes_on = path.chunks + (path.goes_on != -1), -1
                following.append(path)
        paths = following
    ended = sorted(paths, key=_Path.rank)[:_BEAM]  # the last chunks are still open, which is how some paths get here
    for path in ended:
        path.chunks += path.goes_on != -1
    return [*min(ended, key=_Path.rank).matches]


def _bits(first: int, number: int) -> int:
    return ((1 << number) - 1) << first


def _exact(said: Sequence[str], wanted: Sequence[str]) -> list[Match]:
    return [
        Match(start, 1, place, 1, EXACT)
        for start, word in enumerate(wanted)
        for place, other in enumerate(said)
        if word == other
    ]


def _stems(said: Sequence[str], wanted: Sequence[str], stem: Callable[[str], str]) -> list[Match]:
    stems = [stem(word) for word in said]
    return [
        Match(start, 1, place, 1, STEM)
        for start, (word, its_stem) in enumerate(zip(wanted, map(stem, wanted), strict=True))
        for place, other in enumerate(stems)
        if its_stem == other and word != said[place]
    ]


def _synonyms(said: Sequence[str], wanted: Sequence[str], tables: MeteorTables) -> list[Match]:
    sets = [(place, of_word) for place, word in enumerate(said) if (of_word := tables.synonyms.of(word))]
    return [
        Match(start, 1, place, 1, SYNONYM)
        for start, (word, of_word) in enumerate(zip(wanted, map(tables.synonyms.of, wanted), strict=True))
        if of_word
        for place, other in sets
        if not of_word.isdisjoint(other) and word != said[place]
    ]


def _paraphrases(said: Sequence[str], wanted: Sequence[str], tables: MeteorTables) -> list[Match]:
    """Those that the table has of a phrase of the reference, then those of the caption; some twice, which counts."""
    of_said, of_wanted = _phrases(said, tables), _phrases(wanted, tables)
    from_said = [(*wanted_place, *said_place) for said_place, wanted_place in _pairs(of_said, of_wanted, tables)]
    from_wanted = [(*wanted_place, *said_place) for wanted_place, said_place in _pairs(of_wanted, of_said, tables)]
    return [Match(*places, PARAPHRASE) for places in from_wanted + from_said]


def _pairs(
    phrases: Sequence[tuple[int, int, int]], others: Sequence[tuple[int, int, int]], tables: MeteorTables
) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    """First word and length of each phrase and of each paraphrase that the other text has of it."""
    places: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for start, length, number in others:
        places[number].append((start, length))
    for start, length, number in phrases:
        for other in tables.paraphrases.of_number(number):
            yield from (((start, length), place) for place in places.get(other, ()))


def _phrases(words: Sequence[str], tables: MeteorTables) -> list[tuple[int, int, int]]:
    """First word, length and number of each phrase of a text that the table knows."""
    spans = [
        (start, length)
        for start in range(len(words))
        for length in range(1, min(tables.paraphrases.longest, len(words) - start) + 1)
    ]
    numbers = tables.paraphrases.numbers([" ".join(words[start : start + length]) for start, length in spans])
    return [(*span, number) for span, number in zip(spans, numbers.tolist(), strict=True) if number >= 0]
