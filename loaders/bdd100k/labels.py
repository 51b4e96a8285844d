"""BDD100K's detection labels: a JSON list with one frame for each picture (doc.bdd100k.com/format.html, Scalabel).

`{"name": "b1c66a42-6f7d68ca.jpg", "attributes": {"weather": "clear", "timeofday": "daytime", "scene": ...},
"labels": [{"category": "car", "box2d": {"x1": ..., "y1": ..., "x2": ..., "y2": ...}}, ...]}`

The first release has a file for each picture instead, with a film of one frame: `{"name": "b1c66a42-6f7d68ca",
"attributes": {...}, "frames": [{"timestamp": 10000, "objects": [{"category": "car", "box2d": {...}}, ...]}]}`.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from typing import Any

from roadcue.errors import BadInput, BadRecord
from roadcue.files import read_text, unreadable
from roadcue.json_lines import unique_keys
from roadcue.loaders.bad_records import OnBadRecord, Skipped, first_of_each
from roadcue.loaders.bdd100k.boxes import HEIGHT, KIND, WIDTH, Box

SPLITS = ("train", "val")
"""The splits whose labels are public."""
FILES = ("labels/det_20/det_{split}.json", "labels/bdd100k_labels_images_{split}.json", "det_{split}.json")
"""Where a split's labels are, below the data folder; the first that is there is read."""
FOLDERS = ("labels/100k/{split}",)
"""The same of a folder with a file for each picture."""
_CLEAR_DAYTIME = {"weather": "clear", "timeofday": "daytime"}
_SLACK = 2.0
"""Pixels by which a box may leave the picture; the labels are drawn by hand."""


@dataclass(frozen=True)
class Frame:
    """One picture's labels: its file name, what its sky was like, its boxes, and where in the files it was.

    `unboxed` labels have another geometry than a box, such as a lane's, or none that is known.
    """

    name: str
    is_clear_day: bool
    boxes: tuple[Box, ...]
    where: str
    unboxed: int = 0


def labels_file(data_dir: Path, split: str) -> Path:
    """The label file of a split, or its folder of them; BadInput when the split is unknown or there is none."""
    if split not in SPLITS:
        raise BadInput(
            f"split {split!r} is unknown; BDD100K publishes the labels of {', '.join(SPLITS)}, or all of them"
        )
    places = [data_dir / name.format(split=split) for name in (*FILES, *FOLDERS)]
    labels = next((place for place in places if place.is_file() or any(place.glob("*.json"))), None)
    if labels is None:
        raise BadInput(f"{data_dir}: has none of {', '.join(str(place.relative_to(data_dir)) for place in places)}")
    return labels


def read_frames(file: Path, on_bad_record: OnBadRecord = "raise") -> tuple[list[Frame], list[Skipped]]:
    """The frames of a label file, or of a folder of them, and those left out: damaged ones, and a second of a name.

    BadInput when the file is no JSON list, or has frames and not one box, BadRecord for a frame unless they are
    skipped.
    """

    def repeated(first: Frame) -> str:
        return f"has labels before, at {first.where}; remove one"

    values = _values_of_folder(file) if file.is_dir() else _values(file)
    by_name, skipped = first_of_each(values, parse_frame, attrgetter("name"), repeated, on_bad_record)
    frames = list(by_name.values())
    if frames and not any(frame.boxes for frame in frames):
        unboxed = sum(frame.unboxed for frame in frames)
        raise BadInput(
            f"{file}: not one of its {len(frames)} frames has a box; {unboxed} labels have no box2d. It would read "
            "as if nothing were there: name the labels of the detection task"
        )
    return frames, skipped


def parse_frame(value: Any, where: str) -> Frame:
    """A frame from its JSON value; BadRecord, beginning with `where`, when a key is missing or of another type.

    A frame without `labels` has no box: det_20 leaves the key out. What is no box, such as a lane, is `unboxed`.
    """
    frame = _of_one_picture(_object(value, where), where)
    name = frame.get("name")
    if not isinstance(name, str) or not name.isprintable() or not name or "/" in name:
        raise BadRecord(f"{where}: name is {name!r}, not the file name of a picture")
    attributes = _object(frame.get("attributes"), f"{where} ({name}): attributes")
    labels = frame.get("labels")
    if not isinstance(labels, list | None):
        raise BadRecord(f"{where} ({name}): labels is {_kind(labels)}, not a list")
    boxes: list[Box] = []
    for number, label in enumerate(labels or ()):
        try:
            boxes += _box(label)
        except BadRecord as bad:  # only now is its place put into words: there are a million boxes
            raise BadRecord(f"{where} ({name}): labels[{number}]{bad}") from None
    is_clear_day = all(attributes.get(key) == wanted for key, wanted in _CLEAR_DAYTIME.items())
    return Frame(name, is_clear_day, tuple(boxes), where, unboxed=len(labels or ()) - len(boxes))


def _of_one_picture(frame: dict[str, Any], where: str) -> dict[str, Any]:
    """A frame in the list's form, of one in the first release's."""
    if "frames" not in frame:
        return frame
    film = frame["frames"]
    if not isinstance(film, list) or len(film) != 1:
        raise BadRecord(f"{where}: frames is {_kind(film)}, not a list of one")
    objects = _object(film[0], f"{where}: frames[0]").get("objects")
    return {**frame, "name": f"{frame.get('name')}.jpg", "labels": objects}


def _values_of_folder(folder: Path) -> Iterator[tuple[str, Any]]:
    for file in sorted(folder.glob("*.json")):
        yield str(file), _json(file)


def _json(file: Path) -> Any:
    try:
        return json.loads(read_text(file, "utf-8-sig"), object_pairs_hook=unique_keys)
    except OSError as error:
        raise unreadable(file, error) from error
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{file}: is not JSON ({error}); unpack the labels again") from None


def _values(file: Path) -> Iterator[tuple[str, Any]]:
    content = _json(file)
    if not isinstance(content, list):
        raise BadInput(f"{file}: is {_kind(content)}, not a list of frames; name the labels of the detection task")
    return ((f"{file}, frame {number}", value) for number, value in enumerate(content))


def _box(value: Any) -> tuple[Box, ...]:
    """The box of a label, if it is one; BadRecord goes on from the label's place."""
    label = _object(value, "")
    if label.get("box2d") is None:
        return ()
    category = label.get("category")
    if not isinstance(category, str) or category not in KIND:
        raise BadRecord(f": category is {category!r}, none of {', '.join(KIND)}")
    edges = _object(label["box2d"], ": box2d")
    x1, y1, x2, y2 = _edge(edges, "x1"), _edge(edges, "y1"), _edge(edges, "x2"), _edge(edges, "y2")
    if not (-_SLACK <= x1 <= x2 <= WIDTH + _SLACK and -_SLACK <= y1 <= y2 <= HEIGHT + _SLACK):
        raise BadRecord(f": box2d {x1:g}, {y1:g} to {x2:g}, {y2:g} is no box in {WIDTH} x {HEIGHT} pixels")
    return (Box(KIND[category], x1, y1, x2, y2),)


def _edge(edges: dict[str, Any], key: str) -> float:
    value = edges.get(key)
    if not isinstance(value, int | float) or isinstance(value, bool) or not abs(value) < 1e6:
        raise BadRecord(f": box2d: {key} is {_kind(value)}, not a number of pixels")
    return float(value)


def _object(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise BadRecord(f"{where} is {_kind(value)}, not an object")
    return value


def _kind(value: Any) -> str:
    return "missing" if value is None else f"{type(value).__name__} {str(value)[:40]!r}"
