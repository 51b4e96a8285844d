"""A file of texts that some model has said of pictures: JSONL, a JSON list, or a JSON object that holds one list."""

import json
import re
from pathlib import Path
from typing import Any

from roadcue.errors import BadInput
from roadcue.files import read_text, unreadable
from roadcue.json_lines import from_json, unique_keys

IMAGE_KEYS = ("image", "image_path", "id")
TEXT_KEYS = ("prediction", "response", "text")
"""Under which keys a record names its picture and has its text; of several the first counts. Beside a `response` the
`text` is what was asked; where a record has a `prompt` besides, either may be the answer."""

_HALF = re.compile("[\ud800-\udfff]")


def picture_name(path: str) -> str:
    """By what a picture is found again: its file name without folders and ending."""
    name = path.replace("\\", "/").rpartition("/")[2]
    stem, _, ending = name.rpartition(".")
    return stem if ending.lower() in ("jpg", "jpeg", "png") else name


def read_predictions(file: Path) -> dict[str, str]:
    """`picture_name` -> text; BadInput, with the line or the record, when one cannot be read or says two things."""
    predictions: dict[str, str] = {}
    for where, record in read_records(file):
        name, text = picture_name(_text_of(record, IMAGE_KEYS, where)), answer(record, where)
        if not name:
            raise BadInput(f"{where}: names no picture; give its file name as `image`")
        if predictions.setdefault(name, text) != text:
            raise BadInput(f"{where}: {name} has another prediction before; leave one of them")
    if not predictions:
        raise BadInput(f"{file}: holds no prediction; write an object a line, with `image` and `prediction`")
    return predictions


def read_records(file: Path) -> list[tuple[str, Any]]:
    """Each record of a file with its place; BadInput where it cannot be read."""
    try:
        content = read_text(file, "utf-8-sig")
    except OSError as error:
        raise unreadable(file, error, "name the file of predictions") from error
    except UnicodeDecodeError as error:
        raise BadInput(f"{file}: byte {error.start + 1} is not UTF-8; save the file as UTF-8") from None
    if "\0" in content:
        raise BadInput(f"{file}: holds zero bytes, as UTF-16 without its mark does; save the file as UTF-8")
    if not content.strip():
        raise BadInput(f"{file}: holds no prediction, as it is empty; write an object a line")
    try:
        whole = json.loads(content, object_pairs_hook=unique_keys)
    except json.JSONDecodeError as error:
        if content.lstrip().startswith("["):
            place = f"{file}, line {error.lineno}, column {error.colno}"
            raise BadInput(f"{place}: not JSON ({error.msg}); write one whole list, or one object per line") from None
        whole = None  # not one document: then a document a line
    except (ValueError, RecursionError) as error:
        first, _, others = content.strip().partition("\n")
        if not others or not first.endswith("}"):  # else a document a line, of which the first is not usable
            raise BadInput(f"{file}: not usable JSON ({error}); write one object per line, or one list") from None
        whole = None
    if isinstance(whole, dict) and not any(key in whole for key in (*IMAGE_KEYS, *TEXT_KEYS)):
        lists = [value for value in whole.values() if isinstance(value, list)]
        if len(lists) != 1:
            raise BadInput(f"{file}: is an object with {len(lists)} lists; one list of predictions is expected")
        whole = lists[0]
    if isinstance(whole, list):
        return [(f"{file}, record {number}", record) for number, record in enumerate(whole, 1)]
    lines = [(f"{file}, line {number}", line) for number, line in enumerate(content.split("\n"), 1) if line.strip()]
    return [(where, from_json(line, where)) for where, line in lines]


def answer(record: Any, where: str) -> str:
    """What was said of the picture; BadInput where it is not clear which of two texts that is."""
    text = _text_of(record, TEXT_KEYS, where)
    if "prediction" not in record and {"prompt", "text", "response"} <= record.keys() and record["text"] != text:
        raise BadInput(
            f"{where}: has a `prompt`, a `text` and a `response`, so that either of the last two may be the answer; "
            "write the text to score as `prediction`"
        )
    return text


def _text_of(record: Any, keys: tuple[str, ...], where: str) -> str:
    if not isinstance(record, dict):
        raise BadInput(f"{where}: is not an object with `image` and `prediction`")
    key = next((key for key in keys if key in record), None)
    if key is None:
        raise BadInput(f"{where}: has none of the keys {', '.join(keys)}")
    if not isinstance(record[key], str):
        raise BadInput(f"{where}: `{key}` is not a text")
    return whole_characters(record[key])


def whole_characters(text: str) -> str:
    """The text with U+FFFD for halves of characters, which JSON can write and no file can hold."""
    return _HALF.sub("\ufffd", text)
