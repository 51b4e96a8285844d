"""A data set in memory: small noisy pictures whose brightness tells how fast the road ahead bends."""

import hashlib

import numpy as np
import simplejpeg

from roadcue.errors import BadRecord
from roadcue.loaders.bad_records import Skipped
from roadcue.loaders.dataset import StateTable
from roadcue.prompts.annotation import COLUMNS
from roadcue.schema import SampleTargets


def moving(speed, acceleration, t):
    """(n,) m/s and (n, 2) m/s^2 along and across, ego frame -> (n, len(t), 6) states: every column of them changes
    over time but the acceleration, and at t = 0 the car is at the origin and heads along x.
    """
    velocity = np.stack([speed, np.zeros_like(speed)], axis=1)[:, None] + acceleration[:, None] * t[:, None]
    position = speed[:, None, None] * t[:, None] * [1, 0] + acceleration[:, None] * t[:, None] ** 2 / 2
    return np.concatenate([position, velocity, np.broadcast_to(acceleration[:, None], velocity.shape)], axis=2)


class DrawnDataset:
    """`sequences` x `frames` rows; the left/right brightness of FRONT decides the lateral drift of the future.

    Pasts accelerate and turn, in the train split otherwise than in the others: who takes the statistics of the wrong
    split, or the speed of the wrong moment, is told apart.
    """

    name, cameras = "drawn", ("FRONT", "REAR")
    skipped: tuple[Skipped, ...] = ()

    def __init__(self, split="train", sequences=8, frames=12, seed=0, without_rear=(), unreadable=(), no_future=()):
        rng = np.random.default_rng([seed, len(split)])
        n = sequences * frames
        self.split, self.description = split, f"drawn data, {split}"
        self.without_rear, self.unreadable = set(without_rear), set(unreadable)
        drift = rng.uniform(-1, 1, n).astype(np.float32)
        self._drift = drift
        speed = rng.uniform(2, 12, n).astype(np.float32)
        least, most = ((-0.4, -0.5), (0.2, 0.3)) if split == "train" else ((-0.1, -0.2), (0.4, 0.6))
        acceleration = np.random.default_rng([seed, len(split), 1]).uniform(least, most, (n, 2)).astype(np.float32)
        past = moving(speed, acceleration, np.arange(-15, 1) / 4).astype(np.float32)
        t = np.arange(1, 21, dtype=np.float32) / 4
        ahead = speed[:, None] * t + acceleration[:, :1] * t**2 / 2
        future = np.stack([ahead, drift[:, None] * t**2 / 2], axis=2)
        future[list(no_future)] = np.nan
        self.states = StateTable(
            id=np.array([f"{split}{s:02d}-{f:03d}" for s in range(sequences) for f in range(frames)]),
            sequence=np.repeat([f"{split}{s:02d}" for s in range(sequences)], frames),
            frame=np.tile(np.arange(frames), sequences),
            past=past,
            intent=rng.integers(0, 4, n),
            future=future,
        )
        self._jpegs = [self._draw(rng, value) for value in drift]
        self.fingerprint = hashlib.sha256(b"".join(self._jpegs)).hexdigest()
        self.reads = 0

    @staticmethod
    def _draw(rng, drift):
        image = np.full((60, 80, 3), 128.0)
        image[:, :40] += 80 * drift
        image[:, 40:] -= 80 * drift
        return simplejpeg.encode_jpeg(np.clip(image + rng.normal(0, 4, image.shape), 0, 255).astype(np.uint8))

    def __len__(self):
        return len(self.states)

    def cameras_of(self, row):
        return ("FRONT",) if row in self.without_rear else self.cameras

    def image(self, row, camera):
        self.reads += 1
        if row in self.unreadable:
            raise BadRecord(f"row {row}: this picture cannot be read")
        return self._jpegs[row] if camera == "FRONT" else self._jpegs[-1 - row]

    def where(self, row):
        return f"memory: row {row}: sample {self.states.id[row]}"

    def calibration(self, row, camera):
        return None

    def targets(self, row):
        return SampleTargets(future=self.states.future[row], fields=self._fields(row))

    def _fields(self, row):
        """Labels as SENSATION spells them, of what the picture's brightness tells; some rows lack some or all."""
        if row % 5 == 3:
            return {}
        side = ("Right", "Center", "Left")[int((self._drift[row] + 1) * 1.499)]
        fields = dict.fromkeys(COLUMNS[6:], "not present")
        fields |= {"sidewalk_pos": side, "road_pos": "Front", "m_car": side, "m_person_outside": "Left-Center-Left"}
        if row % 7 == 1:
            fields["road_pos"] = fields["m_bicycle"] = ""
        return fields
