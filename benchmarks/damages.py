"""Kinds of damage to a file: what disks, editors and people do, each by a seed; and what may come of it."""

import random
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from roadcue.errors import RoadCueError

Damage = Callable[[bytearray, random.Random], None]
_NUMBERS = (b"1e999", b"-1e400", b"1e30", b"NaN", b"Infinity", b"-1", b"99999999999999999999999", b"1e-400", b"0.5")
_VALUES = (b"null", b"[]", b"{}", b"true", b'"x"', b"5", b"[" * 3000, b'{"a": ' * 500, b'"' + b"x" * 4000 + b'"')
_ESCAPES = "\x1b[2J\x1b]0;owned\x07[bold red]\u202e".encode()


def _flip(data: bytearray, draw: random.Random) -> None:
    data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)


def _flip_early(data: bytearray, draw: random.Random) -> None:
    data[draw.randrange(min(64, len(data)))] ^= 1 << draw.randrange(8)


def _zeros(data: bytearray, draw: random.Random) -> None:
    at = draw.randrange(len(data))
    data[at : at + 512] = bytes(len(data[at : at + 512]))


def _cut(data: bytearray, draw: random.Random) -> None:
    at = draw.randrange(len(data))
    del data[at : at + draw.randrange(1, 400)]


def _end(data: bytearray, draw: random.Random) -> None:
    del data[draw.randrange(len(data)) :]


def _twice(data: bytearray, draw: random.Random) -> None:
    at = draw.randrange(len(data))
    data[draw.randrange(len(data)) : 0] = data[at : at + draw.randrange(1, 3000)]


def _behind(data: bytearray, draw: random.Random) -> None:
    data += draw.randbytes(draw.randrange(1, 200))


def _noise(data: bytearray, draw: random.Random) -> None:
    data[:] = draw.randbytes(len(data) % 5000 + 1)


def _nothing(data: bytearray, draw: random.Random) -> None:
    del data[:]


def _escapes(data: bytearray, draw: random.Random) -> None:
    at = _somewhere(rb'(?<=")\w', data, draw)
    data[at:at] = _ESCAPES


def _number(data: bytearray, draw: random.Random) -> None:
    _replace(rb"-?\d+(\.\d+)?", data, draw, _NUMBERS)


def _type(data: bytearray, draw: random.Random) -> None:
    _replace(rb'(?<=: )("[^"]*"|-?[\d.]+|true|false|null)', data, draw, _VALUES)


def _line_twice(data: bytearray, draw: random.Random) -> None:
    lines = data.splitlines(keepends=True)
    lines.insert(draw.randrange(len(lines)), draw.choice(lines))
    data[:] = b"".join(lines)


def _key_gone(data: bytearray, draw: random.Random) -> None:
    _replace(rb'"\w+": ', data, draw, (b'"gone": ', b'"": ', b""))


def _latin(data: bytearray, draw: random.Random) -> None:
    at = _somewhere(rb"[a-z]", data, draw)
    data[at:at] = b"\xfc\xff\x00"


def _wide(data: bytearray, draw: random.Random) -> None:
    data[:] = data.decode("latin-1").encode("utf-16")


def _somewhere(pattern: bytes, data: bytearray, draw: random.Random) -> int:
    """Where the pattern begins, one of its places, or anywhere."""
    places = [found.start() for found in re.finditer(pattern, bytes(data[:100_000]))]
    return draw.choice(places) if places else draw.randrange(len(data))


def _replace(pattern: bytes, data: bytearray, draw: random.Random, by: tuple[bytes, ...]) -> None:
    places = [found.span() for found in re.finditer(pattern, bytes(data[:100_000]))]
    start, stop = draw.choice(places) if places else (draw.randrange(len(data)),) * 2
    data[start:stop] = draw.choice(by)


DAMAGES: Mapping[str, Damage] = {
    "flip": _flip,
    "flip early": _flip_early,
    "zeros": _zeros,
    "cut": _cut,
    "end": _end,
    "twice": _twice,
    "behind": _behind,
    "noise": _noise,
    "nothing": _nothing,
    "escapes": _escapes,
    "number": _number,
    "type": _type,
    "line twice": _line_twice,
    "key gone": _key_gone,
    "latin": _latin,
    "wide": _wide,
}


def damaged(whole: bytes, kind: str, seed: int) -> bytes:
    """`whole` with one damage of a kind, the same for the same seed."""
    data = bytearray(whole)
    if data:
        DAMAGES[kind](data, random.Random(f"{kind} {seed}"))
    return bytes(data)


@dataclass(frozen=True)
class Kind:
    """`write(folder)` makes the files, `read(folder)` reads all; `damaged` is the path of one in the folder."""

    write: Callable[[Path], object]
    read: Callable[[Path], Any]
    damaged: str
    sealed: bool = False


def outcome(kind: Kind, folder: Path, whole: Any) -> str:
    """What reading ends in: "refused", "the same", "other values", "skipped"; whatever else is raised is a fault.

    `whole` is what was read of the files as they were written. AssertionError where a sealed file gives other values,
    or a message names no place.
    """
    try:
        found = kind.read(folder)
    except RoadCueError as error:
        if str(folder) not in str(error):
            raise AssertionError(f"no place in: {error}") from error
        return "refused"
    if found == whole:
        return "the same"
    if isinstance(found, dict) and isinstance(whole, dict) and found.items() <= whole.items():
        return "skipped"
    assert not kind.sealed, f"other values past a checksum: {found!r:.300}"
    return "other values"
