"""How much RoadWorld, and which one: everything that decides its bytes."""

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from roadcue.errors import BadInput
from roadcue.roadworld.camera_options import check_camera
from roadcue.roadworld.pairs import PAIRS_SPLITS, PAIRS_VERSION, check_pairs, check_pairs_split
from roadcue.sentences import counted

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

WORLD_VERSION = "4"
"""Raised with every change of what is drawn or driven, so that no cache of an older world is taken for this one.

A test compares with the hashes in golden.json, which `python -m roadcue.roadworld.golden` writes.
"""

FRAMES_PER_S = 10
FIRST_NUMBER = {
    "train": 0,
    "val": 1_000_000,
    "pretrain": 2_000_000,
    "pairs": 3_000_000,
    # A pair of walks tries scenes of numbers that are millions higher, up to 500 of them.
    "pretrain_pairs": 1_000_000_000,
    "train_pairs": 2_000_000_000,
}
"""Sequences are numbered, and a number with the seed decides all of a sequence; the splits' ranges never meet.

The miniature encoder learns from numbers of the two pretrain ranges alone, which no data set holds. Pairs to be
learnt from have a range of their own, so that none of them is among those that are scored.
"""
CAMERAS = ("FRONT_LEFT", "FRONT", "FRONT_RIGHT")
"""Those that can be drawn."""
REASONS = ("pedestrian", "red_light", "works", "standing_vehicle", "braking_car", "car_from_kerb")
"""The kinds of pairs whose halves have different futures: what the half with it has in the driver's way."""
KINDS = (*REASONS, "parked_car", "house_colour", "sign", "sun")
"""All of them; the others are null pairs, which differ in what must not matter."""
HIGHEST_CAMERA_M = 4.0
"""Higher than the cab of a truck; this world is drawn to be seen from the street."""


@dataclass(frozen=True)
class RoadWorldSpec:
    """The amount and the form of a RoadWorld: sequences, seconds of 10 Hz frames in each, pixels, JPEG quality.

    Every `stride`-th frame is drawn and written, 1: all; seen by each of `cameras`, which have one field of view and
    one roll in degrees, right side down positive, one height in metres, and one exposure, a factor on the light.
    `masks`: with the mask and the boxes of what is seen in each picture. With `pairs` there is no other sequence, and
    no `stride`: each is a sequence of one moment, without and with a thing of one of the `kinds`, in turn; they are
    validation sequences or, by `pairs_split`, training ones, which are others.
    """

    train_sequences: int = 960
    val_sequences: int = 240
    seconds: float = 20.0
    stride: int = 30
    seed: int = 0
    width: int = 486
    height: int = 540
    jpeg_quality: int = 85
    cameras: tuple[str, ...] = CAMERAS
    masks: bool = False
    field_of_view: float = 50.0
    camera_height: float = 1.9
    roll: float = 0.0
    exposure: float = 1.0
    pairs: int = 0
    kinds: tuple[str, ...] = ()
    pairs_split: Literal["val", "train"] = "val"

    def __post_init__(self) -> None:
        for name in ("cameras", "kinds"):
            object.__setattr__(self, name, tuple(getattr(self, name)))  # a list, when read from JSON
        limit = FIRST_NUMBER["val"] - FIRST_NUMBER["train"]
        for option, sequences in (("--train", self.train_sequences), ("--val", self.val_sequences)):
            if not 0 <= sequences <= limit:
                raise BadInput(f"RoadWorld: {sequences} sequences cannot be drawn. Choose 0 to {limit} for {option}.")
        check_pairs("RoadWorld", self.pairs, self.kinds, KINDS, limit, self._ordinary)
        check_pairs_split("RoadWorld", self.pairs, self.pairs_split)
        if not self._ordinary and not self.pairs:
            raise BadInput("RoadWorld: no sequence is asked for. Ask for at least one, for training or validation.")
        if not 0.1 <= self.seconds <= 600:
            raise BadInput(f"RoadWorld: a sequence of {self.seconds} s cannot be made. Choose 0.1 to 600 s.")
        if abs(self.seconds * FRAMES_PER_S - self.length) > 1e-9:
            raise BadInput(
                f"RoadWorld: {self.seconds:g} s with {FRAMES_PER_S} frames a second are "
                f"{self.seconds * FRAMES_PER_S:g} frames. Choose whole tenths of a second."
            )
        if self.stride < 1:
            raise BadInput(f"RoadWorld: stride {self.stride} is too small. Choose 1 for every frame, or more.")
        if not self.cameras or len(set(self.cameras)) < len(self.cameras) or set(self.cameras) - set(CAMERAS):
            named = ", ".join(map(str, self.cameras)) or "none"
            raise BadInput(
                f"RoadWorld: cameras {named} cannot be drawn. Choose among {', '.join(CAMERAS)}, each once."
            )
        if self.pairs and "FRONT" not in self.cameras:
            raise BadInput(
                f"RoadWorld: cameras {', '.join(self.cameras)} may not see what a pair differs in. Add FRONT to them."
            )
        if self.seed < 0:
            raise BadInput(f"RoadWorld: seed {self.seed} is negative. Choose 0 or more.")
        check_camera("RoadWorld", self, HIGHEST_CAMERA_M)

    @property
    def _ordinary(self) -> str:
        """The sequences that are no pairs, in words; "" for none."""
        train, val = self.train_sequences, self.val_sequences
        return f"{train} training and {val} validation sequences" if train + val else ""

    @property
    def frames(self) -> range:
        """The drawn frames of one sequence, as their places in it at 10 Hz."""
        return range(0, self.length, self.stride)

    @property
    def length(self) -> int:
        """The frames of one sequence at 10 Hz, drawn or not."""
        return round(self.seconds * FRAMES_PER_S)

    @property
    def key(self) -> str:
        """A folder name that differs whenever any byte of the data may differ."""
        return folder_name(self.version, self)

    @property
    def version(self) -> str:
        """Of what is drawn: the world's, and behind it that of pairs."""
        return f"{WORLD_VERSION}-pairs{PAIRS_VERSION}" if self.pairs else WORLD_VERSION

    def amount(self, split: str) -> str:
        """How many frames of how many sequences a split has, in words, and by how many cameras each is seen."""
        if not (sequences := len(self.numbers(split))):
            return "none"
        frames = sequences * (2 if self.pairs else len(self.frames))
        of = counted(sequences, "pair" if self.pairs else "sequence")
        return f"{counted(frames, 'frame')} of {of}, seen by {counted(len(self.cameras), 'camera')}"

    @property
    def first_pair(self) -> int:
        """The number of the first pair."""
        return FIRST_NUMBER[PAIRS_SPLITS[self.pairs_split]]

    def numbers(self, split: str) -> range:
        """The numbers of the sequences of a split that is written, train or val."""
        if self.pairs and split == self.pairs_split:
            return range(self.first_pair, self.first_pair + self.pairs)
        count = {"train": self.train_sequences, "val": self.val_sequences}[split]
        return range(FIRST_NUMBER[split], FIRST_NUMBER[split] + count)


def folder_name(version: str, spec: "DataclassInstance") -> str:
    """Of what was drawn from a spec: another version, or another value of anything in the spec, is another name."""
    digest = hashlib.sha256(json.dumps(written_spec(spec), sort_keys=True).encode()).hexdigest()
    return f"v{version}-{digest[:12]}"


def written_spec(spec: "DataclassInstance") -> dict[str, Any]:
    """The fields of a spec as folders' names and manifests have them.

    Without `pairs_split` where that is "val", as all pairs were before there was a choice: what was drawn then keeps
    its name.
    """
    return {name: value for name, value in asdict(spec).items() if (name, value) != ("pairs_split", "val")}
