"""What a BVPI text claims: the three positions, and which objects are near and far, and where.

The text may be anybody's: whole words count, with the plurals and synonyms that such texts use; what is negated is
not claimed; what cannot be understood claims nothing.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from roadcue.prompts.annotation import SIDES
from roadcue.prompts.bvpi import parse_sections

UNREADABLE = ""
"""A position that the text does not state, or states in several ways."""
MENTIONED_KINDS = ("person", "car", "bicycle", "obstacle", "traffic_sign", "traffic_light")
"""The kinds that a BVPI text mentions; grass, plants and trees are never in it."""

_WORDS = {
    "traffic_light": r"(?:traffic ?lights?|(?:traffic )?signals?|stop ?lights?)(?: (?:poles?|posts?))?",
    "traffic_sign": r"(?:(?:traffic|road|street) )?signs?(?: ?(?:poles?|posts?))?",
    "obstacle": r"obstacles?|obstructions?|barriers?|(?:traffic )?cones?|bollards?|poles?|(?:lamp ?)?posts?|pillars?"
    r"|(?:(?:trash|garbage|litter) )?bins?|(?:trash|garbage|litter) cans?|hydrants?|bench(?:es)?",
    "bicycle": r"bicycles?|bikes?|bicyclists?|cyclists?",
    "person": r"persons?|people|pedestrians?|m[ae]n|wom[ae]n|child(?:ren)?",
    "car": r"cars?|vehicles?|automobiles?",
}
# The obstacles are those that the captions name where one is annotated: bins, bollards and pillars in two of three.
_GROUND = r"(?! (?:crossings?|lanes?|paths?|racks?|parks?|zones?|areas?|bridges?)\b)"
"""A pedestrian crossing is no pedestrian, a bike lane no bike, a car park no car."""
_KIND = re.compile(
    rf"(?<![\w-])(?:{'|'.join(f'(?P<{kind}>{words})' for kind, words in _WORDS.items())})(?![\w-]){_GROUND}"
)
_PLACE = re.compile(
    r"\b(?:(?P<Center>(?:right |straight )?(?:ahead|in front)|cent(?:er|re)(?:ed|d)?|middle)"
    r"|(?P<Left>left)|(?P<Right>right)|(?P<both>both sides))\b"
)
_FIELD = re.compile(
    r"\b(?:(?P<unknown>unknown|outside|not present|not visible|none)|(?P<front>front|ahead)"
    r"|(?P<center>cent(?:er|re)(?:ed|d)?|middle)|(?P<left>left)|(?P<right>right))\b"
)
_RELATION = re.compile(
    r"\b(?:(?P<unknown>unknown)|(?P<left_of>left[ _]of)|(?P<right_of>right[ _]of)"
    r"|(?P<crossing_front>crossing[ _]front))\b"
)
_NOT = re.compile(r"\b(?:no|not(?! only\b)|without|neither|nor|never|free of|clear of|absence of|\w+n't)\b")
_AGAIN = re.compile(
    r"\b(?:but|except|however|although|though|only|just)\b"
    r"|(?:,|\band\b)\s*(?:and )?(?:an?|one|two|three|several|some|many|\d+|there (?:is|are))\b"
)
"""Where a negation ends within a phrase."""
_ABSENT = re.compile(
    r"\W*(?:(?:is|are|was|were) )?(?:(?:not|never|(?:is|are|was|were)n't) (?:\w+ )?"
    r"(?:visible|present|seen|there|close|near|nearby)|absent\b|none\b)|\s*:\s*no\b"
)
"""What after an object says that it is not there."""
_NOT_THERE = re.compile(r"\b(?:not|never) (?:on|to|at|in)\b.*?(?=\bbut\b|$)")
_DENIED = re.compile(r"\b(?:not|never)\b(?! (?:present|visible)\b)|n't\b")
"""What after an object, and in a field, says of a place that it is not the one."""


@dataclass(frozen=True)
class Claims:
    """What a text says: `sidewalk`, `road` and `relation` as BVPI texts have them, or `UNREADABLE`.

    `near` and `far` hold kind -> its positions, from left to right; none: it is said to be there, and not where.
    """

    sidewalk: str = UNREADABLE
    road: str = UNREADABLE
    relation: str = UNREADABLE
    near: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    far: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def parse_claims(text: str) -> Claims:
    """The claims of any text; of a section that it lacks, there are none. What `Context:` tells is not claimed."""
    sections = {name: said.lower() for name, said in parse_sections(text).items()}
    return Claims(
        sidewalk=_only(_FIELD, sections.get("Sidewalk", "")),
        road=_only(_FIELD, sections.get("Road", "")),
        relation=_only(_RELATION, sections.get("RoadVsSidewalk", "")),
        near=_objects(sections.get("Nearby", "")),
        far=_objects(sections.get("Far", "")),
    )


def claim_set(claims: Claims) -> frozenset[tuple[str, ...]]:
    """Every claim by itself, such as ("road", "left") and ("near", "car", "Left"); what is unreadable is none.

    An object that is said to be there, and not where, claims that much: ("near", "car").
    """
    fields = {(name, value) for name in ("sidewalk", "road", "relation") if (value := getattr(claims, name))}
    named = [("near", *each) for each in claims.near.items()] + [("far", *each) for each in claims.far.items()]
    placed = {(distance, kind, place) for distance, kind, places in named for place in places}
    somewhere = {(distance, kind) for distance, kind, places in named if not places}
    return frozenset[tuple[str, ...]]({*fields, *placed, *somewhere})


def _only(pattern: re.Pattern[str], text: str) -> str:
    """The one value that the first sentence names: who names two, or denies one, has not answered."""
    sentence = re.split(r"[.;\n]", text, maxsplit=1)[0]
    values = {match.lastgroup for match in pattern.finditer(sentence)}
    return values.pop() or UNREADABLE if len(values) == 1 and not _DENIED.search(sentence) else UNREADABLE


def _objects(text: str) -> dict[str, tuple[str, ...]]:
    """Kind -> positions, over all phrases of a section."""
    claimed: dict[str, set[str]] = {}
    for phrase in re.split(r"[;.\n]", text):
        for kind, places in _phrase(" ".join(phrase.split())):
            claimed.setdefault(kind, set()).update(places)
    return {kind: tuple(place for place in SIDES if place in places) for kind, places in claimed.items()}


def _phrase(phrase: str) -> list[tuple[str, set[str]]]:
    """The objects of one phrase that are not negated, each with the places named for it.

    Places follow their objects ("a car and a person on the left"), unless the phrase begins with one ("on the left a
    car, on the right a person"); objects that have none of their own share those of the next, or then of the last.
    """
    mentions = list(_KIND.finditer(phrase))
    if not mentions:
        return []
    starts, ends = [match.start() for match in mentions], [match.end() for match in mentions]
    before = [phrase[start:end] for start, end in zip([0, *ends[:-1]], starts, strict=True)]
    after = [*before[1:], phrase[ends[-1] :]]
    leads = bool(_PLACE.search(before[0]))
    places = [_places(text) for text in (before if leads else after)]
    absent = [negated or bool(_ABSENT.match(text)) for negated, text in zip(_negated(before), after, strict=True)]
    order = range(1, len(mentions)) if leads else range(len(mentions) - 2, -1, -1)
    for i in order:
        neighbour, between = (i - 1, before[i]) if leads else (i + 1, after[i])
        if not places[i] and _joins(between):
            places[i] = places[neighbour]
            absent[i] |= not leads and bool(_ABSENT.match(after[neighbour]))
    return [
        (match.lastgroup or "", where)
        for match, where, gone in zip(mentions, places, absent, strict=True)
        if not gone
    ]


def _joins(between: str) -> bool:
    """Are two objects named as one list?"""
    words = between.replace(",", " ").split()
    return len(words) - (words[:1] in (["and"], ["or"], ["nor"])) <= 1


def _places(text: str) -> set[str]:
    named = {match.lastgroup or "" for match in _PLACE.finditer(_NOT_THERE.sub("", text))}
    return named - {"both"} | ({"Left", "Right"} if "both" in named else set())


def _negated(before: Sequence[str]) -> Iterator[bool]:
    """Whether each object is negated, by the words before it up to the last one: a negation goes on over a list."""
    negated = False
    for words in before:
        reached = 0
        for word in _NOT.finditer(words):
            negated, reached = True, word.end()
        negated = negated and not _AGAIN.search(words, reached)
        yield negated
