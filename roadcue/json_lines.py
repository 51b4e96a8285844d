"""JSON as users write it: values whose keys are unique, and JSON lines files, one value per line."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from roadcue.errors import BadRecord
from roadcue.files import opened, refuse_packed, unreadable


def unique_keys(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """The object of (key, value) pairs, as `json.loads` takes it; ValueError for a key that is there twice.

    Python keeps the last value of such a key and says nothing.
    """
    value = dict(pairs)
    if len(value) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the key {twice!r} stands twice in one object")
    return value


def from_json(line: bytes | str, where: str) -> object:
    """The value of one JSONL line; BadRecord with the column when it is not JSON in UTF-8."""
    try:
        text = line.decode("utf-8-sig") if isinstance(line, bytes) else line
        return json.loads(text.rstrip(), object_pairs_hook=unique_keys)
    except UnicodeDecodeError as error:
        raise BadRecord(f"{where}: byte {error.start + 1} of the line is not UTF-8; save the file as UTF-8") from None
    except json.JSONDecodeError as error:
        raise BadRecord(
            f"{where}, column {error.colno}: not JSON ({error.msg}); write one whole JSON object per line"
        ) from None
    except (ValueError, RecursionError) as error:
        raise BadRecord(f"{where}: not usable JSON ({error}); write one whole JSON object per line") from None


def lines_of(file: Path) -> Iterator[tuple[str, bytes]]:
    """The lines of a JSON lines file that hold something, each with its place; BadInput when it cannot be read."""
    try:
        with opened(file) as lines:
            refuse_packed(file, lines.peek(6))
            for number, line in enumerate(lines, 1):
                if line.strip():
                    yield f"{file}, line {number}", line
    except OSError as error:
        raise unreadable(file, error, "name the folder that holds it") from error
