"""A file of captions beside their references, by row: what some model said, and what people wrote. No data set."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from roadcue.errors import BadInput
from roadcue.loaders.sensation.film import place_in_film
from roadcue.loaders.sensation.predictions import IMAGE_KEYS, answer, read_records, whole_characters


@dataclass(frozen=True)
class CaptionRows:
    """n rows that have a target: their `places` in the file, `images` as named there, `said`, `wanted` (one text or
    more each) and `sequence`, or None where some row names neither a sequence nor a picture; and the places of the
    rows that have no target.
    """

    places: list[str]
    images: list[str | None]
    said: list[str]
    wanted: list[list[str]]
    sequence: list[str] | None
    without_target: list[str]


def read_caption_rows(file: Path) -> CaptionRows:
    """The rows of JSON or JSONL with `prediction` and `target`, a text or a list of texts, and where there are any
    `sequence` or `image`; the same picture may come twice.

    BadInput, with the line or the record, for a row that cannot be read, and where no row has a target.
    """
    places, images, said, wanted, sequences = [], [], [], [], []
    without: list[str] = []
    for where, record in read_records(file):
        text = answer(record, where)
        targets = _targets(record, where)
        if not targets:
            without.append(where)
            continue
        image = _image(record)
        places.append(where)
        images.append(image)
        said.append(text)
        wanted.append(targets)
        sequences.append(_sequence(record, image, where))
    if not said:
        raise BadInput(f"{file}: no row has a `target`, the text or the list of texts that its prediction is held to")
    known = [name for name in sequences if name is not None]
    return CaptionRows(places, images, said, wanted, known if len(known) == len(said) else None, without)


def _targets(record: dict[str, Any], where: str) -> list[str]:
    """The texts of `target`; none where it is missing, null or empty."""
    value = record.get("target")
    texts = value if isinstance(value, list) else [] if value is None else [value]
    if not all(isinstance(text, str) for text in texts):
        raise BadInput(f"{where}: `target` is neither a text nor a list of texts")
    return [whole_characters(text) for text in texts if text.strip()]


def _image(record: dict[str, Any]) -> str | None:
    """The picture that a row names, its folders parted by slashes."""
    named = next((record[key] for key in IMAGE_KEYS if _is_name(record.get(key))), None)
    return None if named is None else whole_characters(str(named)).replace("\\", "/")


def _sequence(record: dict[str, Any], image: str | None, where: str) -> str | None:
    """The `sequence` that a row names, or that of the film from which its picture is."""
    named = record.get("sequence")
    if _is_name(named):
        return whole_characters(str(named))
    if named is not None:
        raise BadInput(f"{where}: `sequence` is neither a text nor a whole number; write its name, or leave it out")
    return None if image is None else place_in_film(image.rpartition("/")[2])[0]


def _is_name(value: Any) -> bool:
    """A text, or a number such as those of data sets' pictures."""
    return isinstance(value, str | int) and not isinstance(value, bool)
