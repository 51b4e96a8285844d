"""states.jsonl of a SENSATION folder: where the walker comes from and goes to, a line for each picture.

A folder may have it or not, of all its pictures or of some: anybody can add it to a folder.
"""

import json
import sys
from collections.abc import Container, Iterable
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path

import numpy as np

from roadcue.errors import BadRecord
from roadcue.files import write_atomic
from roadcue.json_lines import from_json, lines_of
from roadcue.loaders.bad_records import OnBadRecord, Skipped, first_of_each
from roadcue.loaders.json_states import kind, nearest, parse_future, parse_intent, parse_past
from roadcue.schema import Intent

STATES = "states.jsonl"
KEYS = ("image", "time_s", "past", "intent", "future")
"""Of every line, all of them."""
DECIMALS = 3
"""Of a written number: millimetres, finer than any walker is measured."""


@dataclass(frozen=True, slots=True, eq=False)
class WalkerStates:
    """What a line says of the picture with the file name `image`, taken `time_s` seconds after its walk began.

    `past` (16, 6) float32, columns `STATE_COLUMNS`, t = -3.75 ... 0 s, and `future` (20, 2) float32, t = 0.25 ... 5
    s: metres, m/s and m/s^2 in the walker's frame at the picture, x forward and y left. `intent` is where his route
    goes.
    """

    image: str
    time_s: float
    past: np.ndarray
    intent: Intent
    future: np.ndarray


def read_states(
    file: Path, images: Container[str], on_bad_record: OnBadRecord = "raise"
) -> tuple[dict[str, WalkerStates], list[Skipped]]:
    """The states by image name, and the lines left out; of two for one picture the first counts.

    `images` are the names that a line may have. No states where there is no such file. BadInput when it cannot be
    read, BadRecord, with "raise", for the first line that cannot be used.
    """
    if not file.exists():
        return {}, []
    return first_of_each(
        lines_of(file),
        lambda line, where: parse_line(line, where, images),
        attrgetter("image"),
        lambda _: "has states before; its first line counts",
        on_bad_record,
    )


def parse_line(line: bytes | str, where: str, images: Container[str]) -> WalkerStates:
    """The states of one line; BadRecord names its place (`where`), the key and the remedy."""
    value = from_json(line, where)
    if not isinstance(value, dict):
        raise BadRecord(f"{where}: {kind(value)} where an object is expected, with {', '.join(KEYS)}")
    for key in value:
        if key not in KEYS:
            raise BadRecord(f"{where}: unknown key {key!r}{nearest(key, KEYS)}")
    for key in KEYS:
        if value.get(key) is None:
            raise BadRecord(f"{where}: key {key!r} is missing; every line needs {', '.join(KEYS)}")
    image, time_s = value["image"], value["time_s"]
    if isinstance(image, str) and "/" in image:
        raise BadRecord(f"{where}: image is {kind(image)}; write the bare file name, without its folder")
    if not isinstance(image, str) or image not in images:
        raise BadRecord(f"{where}: image is {kind(image)}, no picture that the folder knows; correct it")
    if isinstance(time_s, bool) or not isinstance(time_s, int | float) or not 0 <= time_s <= sys.float_info.max:
        raise BadRecord(
            f"{where}: time_s is {kind(time_s)}; write the seconds since the walk began as a number, 0 or more"
        )
    return WalkerStates(
        image=image,
        time_s=float(time_s),
        past=parse_past(value["past"], where),
        intent=parse_intent(value["intent"], where),
        future=parse_future(value["future"], where),
    )


def write_states(file: Path, states: Iterable[WalkerStates]) -> None:
    """Write the file, a line for each picture; it appears whole or not at all."""
    write_atomic(file, "".join(map(to_line, states)))


def to_line(states: WalkerStates) -> str:
    """The line of a picture with its end, numbers rounded to `DECIMALS`."""
    past, future = (_rounded(each) for each in (states.past, states.future))
    values = (states.image, round(states.time_s, DECIMALS), past, states.intent.name, future)
    return json.dumps(dict(zip(KEYS, values, strict=True))) + "\n"


def _rounded(values: np.ndarray) -> list[list[float]]:
    rounded: list[list[float]] = (values.astype(np.float64).round(DECIMALS) + 0.0).tolist()  # + 0.0: no -0.0
    return rounded
