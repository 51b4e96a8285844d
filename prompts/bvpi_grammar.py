"""The language of BVPI texts: a grammar to hold a generation to, and what is wrong with a text that is not of it.

Six sections, each once and in order, of which `Far` may be missing. All before the context is a finite choice, and no
two claims contradict each other: a relation stands with the two positions that it follows from, and a kind of object
comes once in a section. What is written by the grammar is valid; so is what `prompts.bvpi.compose` makes of labels
and a caption, as long as less than a hundred of one kind are annotated.
"""

import re
from itertools import combinations

from roadcue.prompts.annotation import ROAD_POSITIONS, SIDES, SIDEWALK_POSITIONS
from roadcue.prompts.bvpi import (
    CLOSE,
    FARTHER,
    NOTHING_NEAR,
    OBJECT_NAMES,
    SECTIONS,
    parse_sections,
    places_in_words,
    position_word,
    road_vs_sidewalk,
    section_names,
)

_RELATIONS = {
    (position_word(sidewalk), position_word(road)): road_vs_sidewalk(sidewalk, road)
    for sidewalk in SIDEWALK_POSITIONS
    for road in ROAD_POSITIONS
}
"""(sidewalk, road) as texts have them -> their relation: all 16 pairs of the annotation's positions."""
_PLACES = {places_in_words(places): n for n in (1, 2, 3) for places in combinations(SIDES, n)}
"""Places in words -> how many there are."""
_ONE = {one: kind for kind, (one, _) in OBJECT_NAMES.items()}
_MANY = {many: kind for kind, (_, many) in OBJECT_NAMES.items()}
_OBJECTS = re.compile(
    rf"(?:(?P<one>{'|'.join(_ONE)})|(?P<count>[1-9]\d?) (?P<many>{'|'.join(_MANY)})) "
    rf"(?P<distance>{CLOSE}|{FARTHER}) (?P<places>{'|'.join(_PLACES)})"
)


def _ebnf() -> str:
    """The grammar, in GBNF."""
    positions = (
        f'"Sidewalk: {sidewalk}. Road: {road}. RoadVsSidewalk: {relation}."'
        for (sidewalk, road), relation in _RELATIONS.items()
    )
    rules = {
        "root": 'positions " Nearby: " nearby "." (" Far: " far0 ".")? " Context: " [^\\n\\r ] [^\\n\\r]*',
        "positions": " | ".join(positions),
        "nearby": f'"{NOTHING_NEAR}" | close0',
        **_objects("close", CLOSE),
        **_objects("far", FARTHER),
        # n things are at n places at most; an endless number would be a text that does not end
        **{f"at{n}": " | ".join(f'"{words}"' for words, places in _PLACES.items() if places <= n) for n in (1, 2, 3)},
        "many": "[3-9] | [1-9] [0-9]",
    }
    return "".join(f"{name} ::= {rule}\n" for name, rule in rules.items())


def _objects(symbol: str, distance: str) -> dict[str, str]:
    """Rules for the objects of a section: `symbol` and a number is for a list that begins with that kind or later."""
    rules = {}
    for i, (one, many) in enumerate(OBJECT_NAMES.values()):
        last = i == len(OBJECT_NAMES) - 1
        rest, later = ("", "") if last else (f' ("; " {symbol}{i + 1})?', f" | {symbol}{i + 1}")
        rules[f"{symbol}{i}"] = f"{symbol}thing{i}{rest}{later}"
        rules[f"{symbol}thing{i}"] = (
            f'"{one} {distance} " at1 | "2 {many} {distance} " at2 | many " {many} {distance} " at3'
        )
    return rules


BVPI_EBNF = _ebnf()
"""For `models.grammar.Grammar`: what is written by it and has ended is valid. Its free text comes last."""


def is_valid_bvpi(text: str) -> bool:
    """Whether a text has the sections, values and relation of a BVPI text; that it has ended is not seen in it."""
    return not bvpi_fault(text)


def bvpi_fault(text: str) -> str:
    """The first thing that makes a text no BVPI text, in words; "" for a valid one.

    Headings may be spelt as `parse_sections` reads them, between asterisks too.
    """
    names = section_names(text)
    if names not in ([*SECTIONS], [name for name in SECTIONS if name != "Far"]):
        found = ", ".join(names) or "none"
        return f"the sections are {found:.100}, not {', '.join(SECTIONS)}, of which Far may be missing"
    if not re.match(r"[\s*]*sidewalk", text, re.IGNORECASE):
        return "something is said before the first section"
    sections = {name: section.strip("* ") for name, section in parse_sections(text).items()}
    said = {name: sections[name].lower() for name in ("Sidewalk", "Road", "RoadVsSidewalk")}
    for name, values in zip(said, map(dict.fromkeys, zip(*_RELATIONS, strict=True)), strict=False):
        if said[name] not in values:
            return f"{name} is {said[name]!r:.60}, not one of {', '.join(values)}"
    relation = _RELATIONS[said["Sidewalk"], said["Road"]]
    if said["RoadVsSidewalk"] != relation:
        return f"RoadVsSidewalk is {said['RoadVsSidewalk']!r:.60}, which follows as {relation} from the two before it"
    near = "" if sections["Nearby"] == NOTHING_NEAR else _fault_of_objects("Nearby", sections["Nearby"], CLOSE)
    far = _fault_of_objects("Far", sections["Far"], FARTHER) if "Far" in sections else ""
    return near or far or ("" if sections["Context"] else "Context says nothing")


def _fault_of_objects(section: str, text: str, distance: str) -> str:
    """What is wrong with the objects of a section; "" for nothing."""
    before: set[str] = set()
    for phrase in text.split("; "):
        named = _OBJECTS.fullmatch(phrase)
        if not named or named["distance"] != distance:
            return f"{section}: {phrase!r:.60} is none of the phrases for objects there"
        count = int(named["count"] or 1)
        if (named["many"] and count < 2) or count < _PLACES[named["places"]]:
            return f"{section}: {phrase!r:.60} has fewer things than places, or one that is called several"
        kind = _ONE[named["one"]] if named["one"] else _MANY[named["many"]]
        if kind in before:
            return f"{section}: {phrase!r:.60} is said of a kind that has been named"
        before.add(kind)
    return ""
