"""How much RoadWorld, and which one: everything that decides its bytes."""

import hashlib
import json
from dataclasses import asdict, dataclass

from loaders.errors import BadInput

WORLD_VERSION = "1"
"""Raised with every change of what is drawn or driven, so that no cache of an older world is taken for this one."""

FRAMES_PER_S = 10
FIRST_NUMBER = {"train": 0, "val": 1_000_000}
"""Sequences are numbered, and a number with the seed decides all of a sequence; the splits' ranges never meet."""


@dataclass(frozen=True)
class RoadWorldSpec:
    """The amount and the form of a RoadWorld: sequences, seconds of 10 Hz frames in each, pixels, JPEG quality."""

    train_sequences: int = 480
    val_sequences: int = 240
    seconds: float = 1.0
    seed: int = 0
    width: int = 486
    height: int = 540
    jpeg_quality: int = 85

    def __post_init__(self) -> None:
        limit = FIRST_NUMBER["val"] - FIRST_NUMBER["train"]
        if not (0 <= self.train_sequences <= limit and 0 <= self.val_sequences <= limit):
            raise BadInput(f"RoadWorld: each split holds 0 to {limit} sequences.")
        if self.train_sequences + self.val_sequences == 0:
            raise BadInput("RoadWorld: no sequence is asked for. Ask for at least one, for training or validation.")
        if not 0.1 <= self.seconds <= 600:
            raise BadInput(f"RoadWorld: a sequence of {self.seconds} s cannot be made. Choose 0.1 to 600 s.")
        if self.seed < 0:
            raise BadInput(f"RoadWorld: seed {self.seed} is negative. Choose 0 or more.")

    @property
    def frames(self) -> int:
        """Frames of one sequence."""
        return round(self.seconds * FRAMES_PER_S)

    @property
    def key(self) -> str:
        """A folder name that differs whenever any byte of the data may differ."""
        digest = hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()
        return f"v{WORLD_VERSION}-{digest[:12]}"

    def numbers(self, split: str) -> range:
        """The numbers of a split's sequences."""
        count = self.train_sequences if split == "train" else self.val_sequences
        return range(FIRST_NUMBER[split], FIRST_NUMBER[split] + count)
