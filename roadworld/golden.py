"""Golden hashes of both views: drawing that changes without a new version is noticed.

python -m roadcue.roadworld.golden

The pixels before JPEG are hashed as they are. NumPy's and OpenBLAS's results differ between processors in the last
bit, but places are rounded to 1/16 pixel and colours to whole numbers: with AVX-512 or AVX2, and on each of
OpenBLAS's paths, the hashes were the same. Without AVX2, OpenCV paints single pixels of some walks otherwise.
"""

import hashlib
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from roadcue.errors import BadInput, exit_code
from roadcue.files import write_atomic
from roadcue.roadworld import spec as world
from roadcue.roadworld.camera import camera
from roadcue.roadworld.drive import drive
from roadcue.roadworld.preferences import preferences
from roadcue.roadworld.render import Painter
from roadcue.roadworld.sidewalk import spec as sidewalk
from roadcue.roadworld.sidewalk.walk import Walk
from roadcue.sentence_parser import SentenceParser
from roadcue.sentences import show

COMMAND = "python -m roadcue.roadworld.golden"
DRIVES = {2_000_005: "FRONT", 2_000_050: "FRONT_RIGHT", 2_000_043: "FRONT_LEFT"}
"""Sequences, with the camera of which the last picture is hashed: rain by night, fog, snow under a low sun."""
WALKS = (2_000_110, 2_000_127, 2_000_116)
"""Walks of which the last picture is hashed: rain, night, snow at dusk."""


@dataclass(frozen=True)
class Golden:
    """A view with the hashes of its frames as they are drawn now, and the file of those of its version."""

    name: str
    version_name: str
    version: str
    file: Path
    draw: Callable[[], Mapping[str, str]]

    def complaint(self) -> str | None:
        """What is to be done when the drawing and its version do not belong together; None when they do."""
        kept = json.loads(self.file.read_text(encoding="utf-8"))
        if kept["version"] != self.version:
            return (
                f"{self.file.name} of {self.name} holds the hashes of version {kept['version']}, and "
                f"{self.version_name} is {self.version}. Write new ones with {COMMAND}."
            )
        if changed := self._changed(kept["frames"]):
            return (
                f"{self.name} draws other bytes than version {self.version} did ({', '.join(changed)}), so caches of "
                f"that version would be taken for this one. If the change is meant, raise {self.version_name} and "
                f"run {COMMAND}; if it is not, undo it."
            )
        return None

    def keep(self) -> None:
        """Write the hashes of this version; BadInput when there are others of it already."""
        frames = self.draw()
        if self.file.exists():
            kept = json.loads(self.file.read_text(encoding="utf-8"))
            if kept["version"] == self.version and kept["frames"] != frames:
                raise BadInput(
                    f"{self.name} has changed and {self.version_name} is still {self.version}. Raise it, then run "
                    "this command again."
                )
        write_atomic(self.file, json.dumps({"version": self.version, "frames": frames}, indent=1) + "\n")

    def _changed(self, kept: Mapping[str, str]) -> list[str]:
        now = self.draw()
        return [name for name in {**kept, **now} if kept.get(name) != now.get(name)]


def _drives() -> dict[str, str]:
    """Of each of `DRIVES` the last picture; and intents, states in whole millimetres and what raters would say."""
    hashes = {}
    spec = world.RoadWorldSpec()
    for number, name in DRIVES.items():
        driven = drive(spec, number)
        last = driven.frames - 1
        painter = Painter(driven, {name: camera(spec, name)}, spec.exposure)
        rated = preferences(driven, last - 1)
        content = [
            [driven.intent(i), _thousandths(driven.past(i)), _thousandths(driven.future(i))] for i in (0, last)
        ]
        content.append([[each.score, _thousandths(each.xy)] for each in rated])
        hashes[f"picture of drive {number}"] = _sha256(painter.paint(last, name).tobytes())
        hashes[f"states of drive {number}"] = _sha256(json.dumps(content).encode())
    return hashes


def _walks() -> dict[str, str]:
    """Of each of `WALKS` the last picture, its annotation and caption, and its states in whole millimetres."""
    hashes = {}
    spec = sidewalk.SidewalkSpec()
    last = spec.frames - 1
    for number in WALKS:
        walk = Walk(spec, number)
        hashes[f"picture of walk {number}"] = _sha256(walk.paint(last).tobytes())
        content = [walk.annotation(last).row, walk.caption(last)]
        states = [walk.intent(last), _thousandths(walk.past(last)), _thousandths(walk.future(last))]
        hashes[f"states of walk {number}"] = _sha256(json.dumps(states).encode())
        hashes[f"labels of walk {number}"] = _sha256(json.dumps(content).encode())
    return hashes


def _thousandths(values: np.ndarray) -> list[int]:
    return np.rint(1000 * values).astype(int).ravel().tolist()


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def goldens() -> tuple[Golden, Golden]:
    """Those of the drive and of the walk."""
    return (
        Golden(
            "RoadWorld's drive",
            "WORLD_VERSION in roadworld/spec.py",
            world.WORLD_VERSION,
            Path(world.__file__).with_name("golden.json"),
            _drives,
        ),
        Golden(
            "RoadWorld's sidewalk view",
            "VIEW_VERSION in roadworld/sidewalk/spec.py",
            sidewalk.VIEW_VERSION,
            Path(sidewalk.__file__).with_name("golden.json"),
            _walks,
        ),
    )


def main() -> int:
    """Parse, write; returns the exit code."""
    SentenceParser(
        prog=COMMAND, description="Write the golden hashes of RoadWorld's views, after their version was raised."
    ).parse_args()

    def keep() -> None:
        for golden in goldens():
            golden.keep()
            show(golden.file)

    return exit_code(keep)


if __name__ == "__main__":
    sys.exit(main())
