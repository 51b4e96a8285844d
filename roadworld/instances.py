"""Instance masks: which object each pixel of a picture shows, of which kind, and the box of what is seen of it.

With `--masks` they are written beside the pictures: `masks/NAME.png`, 16 bits grey, holds the object's number and 0
where no object is seen; `boxes.jsonl` has a line for each mask. A number is the same object in all frames of a
sequence, and in all of its cameras.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from roadcue.files import write_atomic
from roadcue.roadworld.mesh import Mesh, join
from roadcue.roadworld.paint import paint_owners
from roadcue.roadworld.roll import rolled
from roadcue.roadworld.semantic_class import SemanticClass
from roadcue.roadworld.view import View
from roadcue.schema import CameraCalibration

MASKS, BOXES = "masks", "boxes.jsonl"
"""The folder of the masks, and the file of what they hold, in the folder that is drawn."""
_KINDS = {
    "light": (
        SemanticClass.LIGHT_OFF,
        SemanticClass.LIGHT_RED,
        SemanticClass.LIGHT_YELLOW,
        SemanticClass.LIGHT_GREEN,
    ),
    "cyclist": (SemanticClass.CYCLIST,),
    "person": (SemanticClass.PERSON,),
    "vehicle": (SemanticClass.VEHICLE,),
    "bicycle": (SemanticClass.BICYCLE,),
    "sign": (SemanticClass.SIGN,),
    "obstacle": (SemanticClass.OBSTACLE,),
    "furniture": (SemanticClass.FURNITURE,),
    "tree": (SemanticClass.TREE,),
    "plant": (SemanticClass.PLANT,),
    "building": (SemanticClass.BUILDING,),
    "pole": (SemanticClass.POLE,),
}
"""Kinds of objects, by the classes of which a part tells it; the first one counts, as a light has a pole too."""
_PLACE = {semantic: place for place, classes in enumerate(_KINDS.values()) for semantic in classes}
_RANK = np.array([_PLACE.get(semantic, len(_KINDS)) for semantic in SemanticClass])


@dataclass(frozen=True)
class Instances:
    """What is seen of the objects in a picture: `mask` (height, width) uint16, and the kind of each number in it."""

    mask: np.ndarray
    kinds: Mapping[int, str]

    @classmethod
    def of(cls, view: View, meshes: Sequence[Mesh], numbers: np.ndarray, camera: CameraCalibration) -> "Instances":
        """Painted as the picture is, in the `view` of the levelled `camera`, and rolled with it.

        `numbers` (k,) from 1 on are those of all objects of the meshes, in order.
        """
        mesh = join(meshes)
        seen = rolled(paint_owners(view, mesh), camera, cv2.INTER_NEAREST)
        mask = np.concatenate([[0], numbers]).astype(np.uint16)[seen]
        kinds, owners = _kinds(mesh), np.unique(seen[seen > 0]).astype(int) - 1
        return cls(mask, {int(numbers[owner]): kinds[owner] for owner in owners})

    def boxes(self) -> list[dict[str, Any]]:
        """Of each object its number and kind, the box [left, top, right, bottom] of its pixels, and their count.

        Right and bottom are those of the first pixels that are no longer in the box.
        """
        row, column = np.nonzero(self.mask)
        numbers, place, pixels = np.unique(self.mask[row, column], return_inverse=True, return_counts=True)
        corners = np.empty((4, len(numbers)), int)
        corners[:2], corners[2:] = np.iinfo(int).max, 0
        for i, at in enumerate((column, row)):
            np.minimum.at(corners[i], place, at)
            np.maximum.at(corners[i + 2], place, at + 1)
        return [
            {"number": number, "kind": self.kinds[number], "box": corners[:, i].tolist(), "pixels": int(pixels[i])}
            for i, number in enumerate(numbers.tolist())
        ]


def write_mask(folder: Path, name: str, instances: Instances) -> None:
    """The mask of the picture `name` and its line of boxes, each a file of its own until all are drawn."""
    ok, content = cv2.imencode(".png", instances.mask)
    assert ok, "OpenCV has no PNG encoder"
    (folder / MASKS).mkdir(exist_ok=True)
    (folder / MASKS / f"{name}.png").write_bytes(content.tobytes())
    line = {"picture": name, "mask": f"{MASKS}/{name}.png", "objects": instances.boxes()}
    _line_file(folder, name).write_text(json.dumps(line) + "\n", encoding="utf-8")


def gather_boxes(folder: Path, names: Iterable[str]) -> list[Path]:
    """Write `BOXES` from the lines of the pictures, in their order; returns it, and the masks."""
    names = list(names)
    write_atomic(folder / BOXES, "".join(_line_file(folder, name).read_text(encoding="utf-8") for name in names))
    return [folder / BOXES, *(folder / MASKS / f"{name}.png" for name in names)]


def _line_file(folder: Path, name: str) -> Path:
    return folder / MASKS / f"{name}.json"


def _kinds(mesh: Mesh) -> list[str]:
    """(k,) of the mesh's objects; "" for one of no kind."""
    first = np.full(len(mesh.origins), len(_KINDS))
    np.minimum.at(first, mesh.owner, _RANK[mesh.classes])
    names = [*_KINDS, ""]
    return [names[place] for place in first.tolist()]
