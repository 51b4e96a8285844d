"""A log of time and pose, as CSV, and the pictures that were taken meanwhile: the past states at its times."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from roadcue.errors import BadInput, BadRecord
from roadcue.loaders.csv_rows import read_rows, whole
from roadcue.loaders.json_states import parse_past
from roadcue.schema import PAST_STATES, STEP_S

POSE = ("x_m", "y_m", "heading_rad")
HEADER, OPTIONAL = ("t_s", *POSE), ("speed_m_s", "picture")
LONGEST_GAP_S = 1.0
"""Between two poses of a path that is filled in by a straight line: receivers of GPS say at least one a second."""
CLOCK_S = 1e-3
"""By so much may times differ that mean the same; seconds since 1970 have six digits behind the point."""


@dataclass(frozen=True)
class PoseLog:
    """The n poses of a file in the order of time, in one frame of reference of its own, x to y counterclockwise.

    `time` (n,) seconds; `xy` (n, 2) metres, float64, of the rear axle; `heading` (n,) radians from x, as written;
    `speed` (n,) m/s along the heading, or None. `taken` maps pictures, by the parts of their paths, to seconds.
    """

    file: Path
    time: np.ndarray
    xy: np.ndarray
    heading: np.ndarray
    speed: np.ndarray | None
    taken: Mapping[tuple[str, ...], float]

    def times_of(self, pictures: Sequence[Path]) -> list[float | None]:
        """When pictures were taken, each by the longest end of its path that the log names; None where it names none.

        BadInput when it names not one of them, or two by one name.
        """
        absolute = [picture.absolute() for picture in pictures]
        named = [self._name_of(picture) for picture in absolute]
        if not any(named):
            raise BadInput(
                f"{self.file}: its column picture names none of the {len(pictures)} pictures, the first "
                f"{pictures[0]}; name them there as they are called, with the time of each"
            )
        first: dict[tuple[str, ...], Path] = {}
        for name, picture in zip(named, absolute, strict=True):
            if name and (other := first.setdefault(name, picture)) != picture:
                raise BadInput(
                    f"{self.file}: picture {str(PurePosixPath(*name))!r} may be {other} or {picture}; write more of "
                    "their paths"
                )
        return [self.taken[name] if name else None for name in named]

    def missing(self, pictures: Sequence[Path]) -> list[str]:
        """The pictures that the log names and that are not there: below none of the folders that others lie below."""
        absolute = [picture.absolute() for picture in pictures]
        named = {picture: name for picture in absolute if (name := self._name_of(picture))}
        folders = {picture.parents[len(name) - 1] for picture, name in named.items()} | {self.file.absolute().parent}
        unknown = self.taken.keys() - set(named.values())
        gone = (name for name in unknown if not any(folder.joinpath(*name).exists() for folder in folders))
        return sorted(str(PurePosixPath(*name)) for name in gone)

    def past(self, time: float) -> np.ndarray:
        """Past states (16, 6) float32 at `time`, t = -3.75 ... 0 s, columns `STATE_COLUMNS`, ego frame of then.

        Poses are interpolated linearly, so that of later ones the next alone counts. Velocities are the speed along
        the heading, or without speeds differences of the positions (second order, one-sided at the ends), and
        accelerations differences of the velocities (one-sided at the ends). BadRecord when poses are missing there,
        or they move beyond what a past state may say.
        """
        times = time + STEP_S * np.arange(1 - PAST_STATES, 1)
        some = self._around(times[0], time)
        heading = np.interp(times, self.time[some], np.unwrap(self.heading[some]))
        forward = np.stack([np.cos(heading), np.sin(heading)], axis=1)
        xy = np.stack([np.interp(times, self.time[some], column) for column in self.xy[some].T], axis=1)
        if self.speed is None:
            velocity = np.gradient(xy, STEP_S, axis=0, edge_order=2)
        else:
            velocity = np.interp(times, self.time[some], self.speed[some])[:, None] * forward
        acceleration = np.gradient(velocity, STEP_S, axis=0)
        x, y = forward[-1]
        to_ego = np.array([[x, -y], [y, x]])
        past = np.concatenate([vector @ to_ego for vector in (xy - xy[-1], velocity, acceleration)], axis=1)
        return parse_past(past, str(self.file))

    def _name_of(self, picture: Path) -> tuple[str, ...]:
        parts = picture.parts
        return next((parts[at:] for at in range(len(parts)) if parts[at:] in self.taken), ())

    def _around(self, begin: float, end: float) -> slice:
        """The poses from `begin` to `end`; BadRecord unless there are some without a gap beyond `LONGEST_GAP_S`."""
        if begin < self.time[0] - CLOCK_S or end > self.time[-1] + CLOCK_S:
            raise BadRecord(
                f"{self.file}: has poses from {self.time[0]:.2f} to {self.time[-1]:.2f} s, and the past states at "
                f"{end:.2f} s need those since {begin:.2f} s"
            )
        before = int(np.searchsorted(self.time, begin + CLOCK_S, "right")) - 1
        some = slice(max(before, 0), int(np.searchsorted(self.time, end - CLOCK_S)) + 1)
        between = self.time[some]
        gaps = np.diff(between)
        if len(gaps) and gaps.max() > LONGEST_GAP_S + CLOCK_S:
            at = int(gaps.argmax())
            raise BadRecord(
                f"{self.file}: has no pose between {between[at]:.2f} and {between[at + 1]:.2f} s, and the past "
                f"states at {end:.2f} s need one each {LONGEST_GAP_S:g} s"
            )
        return some


def read_poses(file: Path) -> PoseLog:
    """Read a log; BadInput with its line for one that cannot be used."""
    poses: dict[float, tuple[float, ...]] = {}
    taken: dict[tuple[str, ...], float] = {}
    columns: tuple[str, ...] = POSE
    for line, row in read_rows(file, HEADER, OPTIONAL):
        where, cells = f"{file}, line {line}", whole(row)
        columns = (*POSE, "speed_m_s") if "speed_m_s" in cells else POSE
        time, picture = _number(cells, "t_s", where), cells.get("picture", "").strip()
        if picture:
            name = PurePosixPath(picture.replace("\\", "/")).parts
            if taken.setdefault(name, time) != time:
                raise BadRecord(f"{where}: picture {picture!r} has another time before; a picture is taken once")
        if picture and not any(cells[column].strip() for column in columns):
            continue
        pose = tuple(_number(cells, column, where) for column in columns)
        if poses.setdefault(time, pose) != pose:
            raise BadRecord(f"{where}: there is another pose at {time:.3f} s; give each drive a file of its own")
    if not poses:
        raise BadInput(f"{file}: has no pose; fill in {', '.join(HEADER)}")
    times = sorted(poses)
    values = np.array([poses[at] for at in times])
    speed = values[:, 3] if len(columns) > len(POSE) else None
    return PoseLog(file, np.array(times), values[:, :2], values[:, 2], speed, taken)


def _number(cells: Mapping[str, str], column: str, where: str) -> float:
    try:
        number = float(cells[column])
    except ValueError:
        number = np.nan
    if not np.isfinite(number):
        raise BadRecord(f"{where}, column {column}: {cells[column]!r} is no number; write one, with a decimal point")
    return number
