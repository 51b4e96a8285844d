"""What a feature store says of itself: what decides its features (meta.json), and whose they are (index.json)."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from roadcue.errors import BadInput
from roadcue.files import read_bytes, read_text

STORE_VERSION = "6"
META = "meta.json"
"""Written last of a new store's files, so that where it is all of them are."""
_INDEX = "index.json"


def fingerprint(parts: Mapping[str, str]) -> str:
    """sha256 over every part that decides a feature, the store's own version included."""
    text = json.dumps({"store": STORE_VERSION, **parts}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class StoreDescription:
    """`parts` decide the features; `ids` of the rows, in their order; `shape` = (k, d) per camera."""

    parts: Mapping[str, str]
    ids: list[str]
    cameras: tuple[str, ...]
    shape: tuple[int, int]

    @property
    def row_shape(self) -> tuple[int, int, int]:
        """(c, k, d) of every row's features."""
        return (len(self.cameras), *self.shape)

    def write(self, folder: Path) -> None:
        """Write both files."""
        index = json.dumps(self.ids)
        (folder / _INDEX).write_text(index, encoding="utf-8")
        meta = {
            "store": STORE_VERSION,
            "fingerprint": fingerprint(self.parts),
            "rows": len(self.ids),
            "ids": hashlib.sha256(index.encode()).hexdigest(),
            "cameras": list(self.cameras),
            "shape": list(self.shape),
            "parts": dict(self.parts),
        }
        (folder / META).write_text(json.dumps(meta, indent=1), encoding="utf-8")

    @classmethod
    def read(cls, folder: Path, parts: Mapping[str, str]) -> "StoreDescription":
        """That of a store; BadInput when it is none, or other `parts` decide its features: it names the one.

        ValueError when the index is not the one that was written.
        """
        try:
            meta: dict[str, Any] = json.loads(read_text(folder / META))
            stored = _words(meta["parts"])
            cameras, shape = tuple(map(_word, meta["cameras"])), tuple(map(_size, meta["shape"]))
            ids_digest = _word(meta["ids"])
            if len(shape) != 2 or not cameras:
                raise ValueError(f"cameras {cameras}, shape {shape}")
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise BadInput(f"{folder / META}: not a feature store ({error}); delete the folder") from error
        _check_parts(folder, stored, parts)
        index = read_bytes(folder / _INDEX)
        if hashlib.sha256(index).hexdigest() != ids_digest:
            raise ValueError(f"{_INDEX} is not what was written")
        return cls(stored, list(map(_word, json.loads(index))), cameras, shape)

    def check_ids(self, folder: Path, ids: np.ndarray) -> None:
        """BadInput unless the rows are those of (n,) `ids`."""
        if self.ids != ids.tolist():
            raise BadInput(f"{folder}: its rows are other samples than this data set's; delete the folder")


def _check_parts(folder: Path, stored: Mapping[str, str], parts: Mapping[str, str]) -> None:
    for name in sorted({*stored, *parts}):
        if stored.get(name) != parts.get(name):
            raise BadInput(
                f"{folder}: these features were made with {name} = {stored.get(name)!r}, this run has "
                f"{parts.get(name)!r}; encode again (another --store_dir) or change the option back"
            )


def _words(value: object) -> dict[str, str]:
    if not isinstance(value, dict):
        raise TypeError(f"parts is {value!r:.60}")
    return {name: _word(word) for name, word in value.items()}


def _word(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r:.60} where a word is expected")
    return value


def _size(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise TypeError(f"{value!r:.60} where a size is expected")
    return value
