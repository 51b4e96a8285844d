"""Pictures of one bright dot, on the left or on the right, drawn in memory."""

import hashlib
from pathlib import Path

import numpy as np
import simplejpeg

from roadcue.loaders.dataset import StateTable
from roadcue.loaders.registry import DatasetEntry
from roadcue.schema import SampleTargets

SIDES = ("left", "right")


class Dots:
    """A `roadcue.loaders.dataset.RoadDataset`."""

    name, cameras, skipped = "dots", ("TOP",), ()

    def __init__(self, split: str, sequences: int = 8, frames: int = 4) -> None:
        rng = np.random.default_rng([7, len(split)])
        n = sequences * frames
        self.split, self.description = split, f"dots: {n} drawn pictures, split {split}"
        self._right = rng.random(n) < 0.5
        self.states = StateTable(
            id=np.array([f"{split}{i:03d}" for i in range(n)]),
            sequence=np.repeat([f"{split}-{s}" for s in range(sequences)], frames),
            frame=np.tile(np.arange(frames), sequences),
            past=np.full((n, 16, 6), np.nan, np.float32),
            intent=np.zeros(n, np.int64),
            future=np.full((n, 20, 2), np.nan, np.float32),
        )
        self._jpegs = [self._draw(rng, right) for right in self._right]
        self.fingerprint = hashlib.sha256(b"".join(self._jpegs)).hexdigest()

    @staticmethod
    def _draw(rng: np.random.Generator, right: bool) -> bytes:
        picture = rng.integers(0, 60, (64, 64, 3)).astype(np.uint8)
        picture[24:40, 40:56] = 250 * right
        picture[24:40, 8:24] = 250 * (not right)
        return simplejpeg.encode_jpeg(picture)

    def __len__(self) -> int:
        return len(self.states)

    def cameras_of(self, row: int) -> tuple[str, ...]:
        return self.cameras

    def image(self, row: int, camera: str) -> bytes | None:
        return self._jpegs[row] if camera == "TOP" else None

    def where(self, row: int) -> str:
        return f"dots, row {row}"

    def calibration(self, row: int, camera: str) -> None:
        return None

    def targets(self, row: int) -> SampleTargets:
        side = SIDES[int(self._right[row])]
        return SampleTargets(fields={"dot": side}, caption=f"A dot on the {side}.")


def open_dots(data_dir: Path | None, split: str, *, on_bad_record: str = "raise") -> Dots:
    """A split of the dots, which need no folder."""
    return Dots(split)


DOTS = DatasetEntry(open_dots, needs_folder=False, camera="TOP")
