"""Whether a log of poses is in radians, metres and m/s: told by its own poses, however few pictures they are for."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from roadcue.loaders.moving_rows import MOVING_M_S, length
from roadcue.loaders.poses import CLOCK_S, LONGEST_GAP_S, PoseLog
from roadcue.loaders.state_check import AGREES, ALONG, CERTAIN, FASTEST_M_S, UNITS

_LEAST = 3
"""Steps that must move to be asked: the past states of one picture are of four seconds."""
_FITS = np.cos(np.radians(25))
"""Cosine of the angle up to which a way of reading headings fits a median step: GPS and curves turn steps by less."""
_READINGS: Mapping[str, Callable[[np.ndarray], np.ndarray]] = {
    "degrees": np.radians,
    "radians clockwise from north": lambda heading: np.pi / 2 - heading,
    "degrees clockwise from north": lambda heading: np.pi / 2 - np.radians(heading),
}
"""What headings may be instead of radians from x to y -> how they become these."""


def pose_warning(log: PoseLog) -> str:
    """The sentence that says what is likely wrong with a log's headings or speeds; "" where nothing is."""
    steps = _Steps.of(log)
    faults = list(filter(None, (_heading_fault(log, steps), _speed_fault(steps))))
    return f"{log.file}: {'; '.join(faults)}" if faults else ""


@dataclass(frozen=True)
class _Steps:
    """From one pose to another a second later, in which GPS is noisy by less than it moves: m of them, all moving.

    `direction`, `heading` (m,) radians, as the positions move and as is written at the start; `distance` (m,) metres;
    `said` (m,) metres by the speeds, or None; `seconds` (m,).
    """

    direction: np.ndarray
    heading: np.ndarray
    distance: np.ndarray
    said: np.ndarray | None
    seconds: np.ndarray

    @classmethod
    def of(cls, log: PoseLog) -> "_Steps":
        kept = np.flatnonzero(np.diff(np.floor(log.time - log.time[0] + CLOCK_S), prepend=-1) > 0)
        seconds, steps = np.diff(log.time[kept]), np.diff(log.xy[kept], axis=0)
        distance = length(steps)
        said, fastest = None, distance
        if log.speed is not None:
            between = np.abs(log.speed[1:] + log.speed[:-1]) / 2 * np.diff(log.time)
            said = np.diff(np.concatenate([[0], between.cumsum()])[kept])
            fastest = np.maximum(distance, said)
        moves = (fastest >= MOVING_M_S * seconds) & (seconds <= 2 * LONGEST_GAP_S)
        direction, heading = np.arctan2(steps[:, 1], steps[:, 0]), log.heading[kept[:-1]]
        said = None if said is None else said[moves]
        return cls(direction[moves], heading[moves], distance[moves], said, seconds[moves])

    def __len__(self) -> int:
        return len(self.seconds)


def _heading_fault(log: PoseLog, steps: _Steps) -> str:
    def cosine(heading: np.ndarray) -> float:
        return float(np.median(np.cos(heading - steps.direction))) if len(steps) >= _LEAST else 0.0

    fit = {name: cosine(read(steps.heading)) for name, read in _READINGS.items()}
    best, radians = max(fit, key=lambda name: fit[name]), cosine(steps.heading)
    beyond = np.flatnonzero(np.abs(log.heading) > 2 * np.pi)
    # Numbers of degrees are directions in radians, too, and now and then by chance about the right ones.
    if radians > (max(_FITS, fit[best]) if len(beyond) else ALONG):
        return ""
    if fit[best] > _FITS:
        return f"heading_rad looks like {best}, in which the positions move; write radians from x towards y"
    if not len(beyond):
        return ""
    return (
        f"heading_rad looks like degrees, as {len(beyond):,} of {len(log.heading):,} are beyond 2 pi, the first "
        f"{log.heading[beyond[0]]:g} at {log.time[beyond[0]]:g} s; write radians from x towards y"
    )


def _speed_fault(steps: _Steps) -> str:
    """Speeds against the distances between positions, over all steps."""
    if steps.said is None or len(steps) < _LEAST:
        return ""
    with np.errstate(divide="ignore"):
        ratio = steps.said.sum() / steps.distance.sum()
        off = abs(np.log(ratio))
        near = min(UNITS, key=lambda factor: abs(np.log(factor / ratio)))
        known = abs(np.log(near / ratio)) < np.log(AGREES) / 2
    if off > np.log(CERTAIN):
        cause = UNITS[near] if known else "speeds and positions differ in unit"
        return f"{cause} (speeds are {ratio:.3g} times those of the positions); write metres and m/s"
    if np.median(np.minimum(steps.said, steps.distance) / steps.seconds) > FASTEST_M_S:
        return "positions and speeds look like millimetres or centimetres; write metres and m/s"
    return ""
