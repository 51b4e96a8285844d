"""Which frames a submission has to cover: one of each test sequence, as listed in a file beside the test shards."""

import json
import reprlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from roadcue.errors import BadInput
from roadcue.files import read_text, unreadable
from roadcue.json_lines import unique_keys
from roadcue.loaders.waymo_e2e.frame import parse_name

FRAMES_FILE = "test_sequence_frames_for_submission.json"
"""Its name in the set's bucket (waymo-open-dataset, issue 940); it maps each of 1,505 sequences to a frame number."""

FrameKey = tuple[str, int]
"""Sequence and frame number: what is left of a name when the zeros before its number do not count."""

_FORMS = "{sequence: frame}, {sequence: [frame, ...]} or [name, ...], where a frame is its number or its name"


def read_frames(path: Path) -> dict[FrameKey, str]:
    """(sequence, frame number) -> name of every listed frame, in the order of the list.

    Read are the bucket's {sequence: number} in JSON and its text file with a name in each line, and lists of them:
    {sequence: [frame, ...]} and [name, ...]. A number stands for the name that the real set has, with three digits.
    BadInput shows what was found instead.
    """
    try:
        text = read_text(path)
        content = text.split() if path.suffix == ".txt" else json.loads(text, object_pairs_hook=unique_keys)
    except OSError as error:
        where = f"download {FRAMES_FILE} from the set's bucket, next to the test shards, or name it with --frames"
        raise unreadable(path, error, f"it lists the frames that a submission needs: {where}") from error
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{path}: is not JSON ({error}). Download it again; a list of lines ends in .txt.") from error
    listed: dict[FrameKey, str] = {}
    for sequence, frame in _entries(content):
        name = _name(sequence, frame)
        key = parse_name(name) if name else None
        if name is None or key is None or sequence not in (None, key[0]):
            entry = reprlib.repr(frame) if sequence is None else reprlib.repr({sequence: frame})
            raise BadInput(f"{path}: found {entry}, which names no frame; expected {_FORMS}.")
        if key in listed:
            raise BadInput(f"{path}: lists the frame {name} twice; a submission has one path for a frame.")
        listed[key] = name
    if not listed:
        raise BadInput(f"{path}: found {reprlib.repr(content)}, which lists no frame; expected {_FORMS}.")
    return listed


def _entries(content: Any) -> Iterator[tuple[str | None, Any]]:
    """Every listed frame behind the sequence that it stands under, None in a plain list."""
    if isinstance(content, dict):
        for sequence, frames in content.items():
            for frame in frames if isinstance(frames, list) else [frames]:
                yield sequence, frame
    elif isinstance(content, list):
        for frame in content:
            yield None, frame


def _name(sequence: str | None, frame: Any) -> str | None:
    """The name that an entry may stand for: it is one itself, or the number of a frame of the sequence."""
    name = str(frame) if isinstance(frame, int) else frame
    if not isinstance(name, str):
        return None
    if name.isdecimal():
        return None if sequence is None else f"{sequence}-{name:0>3}"
    return name
