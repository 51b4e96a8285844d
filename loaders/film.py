"""Film: at which times a video file shows pictures, and those pictures, upright, read one after the other.

PyAV reads it, with FFmpeg inside its wheel: the extra `video`, imported when there is a film.
"""

import errno
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from roadcue.errors import BadInput, BadRecord, how_to_install
from roadcue.files import check_file, unreadable
from roadcue.sentences import counted

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

SUFFIXES = (
    *(".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg"),
    *(".mpeg", ".ts", ".mts", ".m2ts", ".3gp", ".wmv", ".flv"),
)
"""Of video files."""
_SAME_S = 1e-3
"""By so much may a time lie before the step that it belongs to: Matroska rounds to milliseconds."""
_MISSING_S = 0.5
"""Sound or pictures end so much before the length that a file claims: it was cut off."""
_HOLE_S, _HOLE_STEPS = 0.5, 3
"""No picture is shown for so long, and so many times as long as between two pictures: some are lost."""
_LOST_STEPS, _STEADY, _LIKE = 1.6, 0.9, 1.25
"""A film of which so many steps are up to `_LIKE` times the median has one rate, and pictures are lost where one is
`_LOST_STEPS` times as long; of others, as of phones in the dark, nobody can tell."""
_PATIENCE = 10_000
"""Errors between two packets after which a file has ended: a transport stream gives one for each 64 KiB that hold
no packet (FFmpeg, libavformat/mpegts.c: MAX_RESYNC_SIZE)."""
_UNSPECIFIED, _HD_ROWS = 2, 720
"""FFmpeg's AVCOL_SPC_UNSPECIFIED; from so many rows on, colours that nobody specified are those of BT.709."""


@dataclass(frozen=True, eq=False)
class Film:
    """A video file: its pictures are shown at `ticks` (n,) int64, ascending, of `tick_s` seconds each.

    `faults` say where it shows no picture for long, is damaged, or breaks off before its end, if it does; `gaps` that
    pictures are missing one by one, by its rate, "" where none is.
    """

    path: Path
    ticks: np.ndarray
    tick_s: Fraction
    faults: tuple[str, ...]
    gaps: str = ""

    def time_of(self, tick: int) -> float:
        """Seconds since the first picture."""
        return float((tick - int(self.ticks[0])) * self.tick_s)

    def every(self, seconds: float) -> np.ndarray:
        """The tick of the first picture in each step of so many seconds; of every picture for 0."""
        if seconds == 0:
            return self.ticks
        times = (self.ticks - self.ticks[0]) * float(self.tick_s)
        steps = np.floor((times + _SAME_S) / seconds)
        return self.ticks[np.diff(steps, prepend=-1) > 0]

    def spread(self, count: int) -> np.ndarray:
        """The ticks of so many pictures, evenly from the first to the last; of fewer pictures some come again.

        As PyTorchVideo's UniformTemporalSubsample.
        """
        return self.ticks[np.linspace(0, len(self.ticks) - 1, count).round().astype(np.int64)]


def read_film(path: Path) -> Film:
    """Which pictures a video file holds; none of them is decoded.

    BadInput when PyAV is not installed, or the file is none that holds pictures.
    """
    shown: set[int] = set()
    end, damage = Fraction(0), []
    with _opened(path) as (container, video):
        tick_s = video.time_base or Fraction(1)
        claimed = Fraction(container.duration or 0, 1_000_000) + Fraction(container.start_time or 0, 1_000_000)
        for packet in _packets(path, container):
            if packet is None or (packet.is_corrupt and packet.stream is video):
                damage.append(max(shown, default=None))
            elif packet.pts is not None and not packet.is_corrupt:
                end = max(end, (packet.pts + (packet.duration or 0)) * packet.time_base)
                if packet.stream is video and not packet.is_discard:
                    shown.add(packet.pts)
    if not shown:
        raise BadInput(f"{path}: holds not one whole picture; record it again, or leave it out")
    film = Film(path, np.array(sorted(shown), np.int64), tick_s, ())
    faults = _holes(film)
    if claimed - end >= _MISSING_S:
        faults = (*faults, _cut_off(film, claimed))
    if damage and not faults:
        faults = (_damaged(film, damage),)
    return replace(film, faults=faults, gaps="" if faults else _gaps(film))


def _holes(film: Film) -> tuple[str, ...]:
    """A sentence for where a film shows no picture for longer than its own rate explains."""
    times, steps, usual = _steps(film)
    long = np.flatnonzero(steps > max(_HOLE_S, _HOLE_STEPS * usual) - _SAME_S)
    if not len(long):
        return ()
    first, lost = long[0], np.maximum(np.rint(steps[long] / max(usual, _SAME_S)) - 1, 1).sum()
    others = f", and {len(long) - 1:,} more such holes" if len(long) > 1 else ""
    return (
        f"{film.path}: shows no picture between {times[first]:.2f} and {times[first + 1]:.2f} s{others}, where about "
        f"{lost:,.0f} are lost by the rate of the others; nothing is answered of that time",
    )


def _gaps(film: Film) -> str:
    """A sentence for pictures that a film of one rate lacks, in gaps that are no holes."""
    times, steps, usual = _steps(film)
    long = np.flatnonzero(steps > _LOST_STEPS * usual)
    if not len(long) or (steps <= _LIKE * usual).mean() < _STEADY:
        return ""
    lost = (np.rint(steps[long] / usual) - 1).sum()
    return (
        f"{film.path}: lacks about {lost:,.0f} of its pictures, by the rate of the others, the first behind "
        f"{times[long[0]]:.2f} s; nothing is answered of those, and if the file is damaged, others may be wrong"
    )


def _steps(film: Film) -> tuple[np.ndarray, np.ndarray, float]:
    """The times of a film's pictures (n,), the steps between them (n - 1,), and the usual one, in seconds."""
    times = (film.ticks - film.ticks[0]) * float(film.tick_s)
    steps = np.diff(times)
    return times, steps, float(np.median(steps)) if len(steps) else 0.0


def _damaged(film: Film, damage: list[int | None]) -> str:
    """Where a film is damaged: behind the pictures of which ticks, None for its beginning."""
    first = "at its beginning" if damage[0] is None else f"the first behind {film.time_of(damage[0]):.2f} s"
    return (
        f"{film.path}: is damaged in {counted(len(damage), 'place')}, {first}; nothing is answered of what is lost "
        "there; copy it again"
    )


def _cut_off(film: Film, claimed: Fraction) -> str:
    """Where a film breaks off that claims to end at so many seconds of its own clock."""
    last, length = film.time_of(int(film.ticks[-1])), claimed - int(film.ticks[0]) * film.tick_s
    of = f" of {float(length):.2f} s" if length > last else ""
    return (
        f"{film.path}: breaks off after {last:.2f} s{of}, and is answered up to there; copy it again if there is more"
    )


class FilmReader:
    """Reads pictures of films: one film is open at a time, and of it one picture is held.

    In the order of their times each is decoded once; to go back costs a search for the key picture before.
    """

    def __init__(self) -> None:
        self._film: Film | None = None
        self._frames: Iterator[tuple[VideoFrame, bool]] = iter(())
        self._frame: VideoFrame | None = None
        self._doubtful = False
        self._passed = -np.inf

    def picture(self, film: Film, tick: int) -> np.ndarray:
        """(H, W, 3) uint8 RGB, upright; BadRecord for one that cannot be decoded."""
        if film is not self._film or tick <= self._passed:
            self._turn_to(film, tick)
        while self._frame is not None and _tick_of(self._frame) < tick:
            self._passed = _tick_of(self._frame)
            self._next()
        if self._frame is None or _tick_of(self._frame) != tick or self._doubtful:
            raise BadRecord(
                f"{film.path}: the picture at {film.time_of(tick):.3f} s is damaged, or made of one before that is; "
                "copy the film again"
            )
        return _pixels(self._frame)

    def _turn_to(self, film: Film, tick: int) -> None:
        """Make the picture of `tick`, or one before it, the next."""
        self._film, self._passed = film, -np.inf
        self._frames = _frames(film, tick)
        self._next()
        if self._frame is None or _tick_of(self._frame) > tick:  # a search may miss, in a file without an index
            self._frames = _frames(film, int(film.ticks[0]))
            self._next()

    def _next(self) -> None:
        self._frame, self._doubtful = next(self._frames, (None, True))


def _frames(film: Film, tick: int) -> Iterator[tuple["VideoFrame", bool]]:
    """What can be decoded from the key picture before `tick` on, and whether it may be wrong.

    That is so behind damage: pictures are made of those before, up to the next key picture, and few decoders flag it.
    """
    broken = _av(film.path).FFmpegError
    sound: dict[int, bool] = {}  # tick of a picture that is awaited -> whether it needs no other
    damaged, begun, key = False, False, int(film.ticks[0])
    with _opened(film.path) as (container, video):
        video.thread_type = "AUTO"
        if tick > key:
            with suppress(broken):  # what is read then is found too late, and sought from the beginning
                container.seek(tick, stream=video)
        for packet in _packets(film.path, container, video):
            if packet is None or packet.is_corrupt:  # decoded, it would take those with it that wait for their turn
                damaged = True
                continue
            if damaged and packet.is_keyframe and packet.pts is not None:
                damaged, key = False, packet.pts
            if not damaged and packet.pts is not None and packet.pts >= key:
                sound[packet.pts] = packet.is_keyframe
            try:
                frames = packet.decode()
            except broken:  # of this picture or one before; those behind it may be whole
                frames, damaged = [], True
                sound = {tick: alone for tick, alone in sound.items() if alone}
            for frame in frames:
                yield frame, frame.is_corrupt or _tick_of(frame) not in sound
                sound.pop(_tick_of(frame), None)
                if frame.is_corrupt and begun:  # before, it may be made of some that nobody needs
                    damaged = True
                    sound = {tick: alone for tick, alone in sound.items() if alone}
                begun |= not frame.is_corrupt


def _packets(path: Path, container: "InputContainer", *streams: "VideoStream") -> Iterator["Packet | None"]:
    """The packets of a file, of these streams or of all, and None for what between them cannot be read."""
    broken, errors = _av(path).FFmpegError, 0
    while errors < _PATIENCE:
        try:
            for packet in container.demux(*streams):
                errors = 0
                yield packet
            return
        except broken as error:
            if error.errno == errno.EIO:
                raise unreadable(path, error) from error
            errors += 1
            if errors == 1:
                yield None


def _tick_of(frame: "VideoFrame") -> int:
    return int(frame.dts or 0) if frame.pts is None else frame.pts


def _pixels(frame: "VideoFrame") -> np.ndarray:
    """(H, W, 3) uint8 RGB, turned as the file says."""
    guessed = frame.colorspace == _UNSPECIFIED and frame.height >= _HD_ROWS
    pixels = frame.to_ndarray(format="rgb24", src_colorspace="ITU709" if guessed else None)
    matrix: Any = frame.side_data.get("DISPLAYMATRIX")
    if matrix is None:
        return pixels
    # Row by row: x' = a x + c y, y' = b x + d y of a column x and a row y (FFmpeg, libavutil/display.h).
    a, b, _, c, d = np.frombuffer(bytes(matrix), "=i4")[:5].tolist()
    if abs(b) > abs(a):
        pixels, a, d = pixels.transpose(1, 0, 2), c, b
    return np.ascontiguousarray(pixels[:: -1 if d < 0 else 1, :: -1 if a < 0 else 1])


def _av(path: Path) -> ModuleType:
    """PyAV; BadInput where it is not installed."""
    try:
        import av
    except ImportError as error:
        raise BadInput(f"{path}: is film, which PyAV reads; install it: {how_to_install('video')}") from error
    return av


@contextmanager
def _opened(path: Path) -> Iterator[tuple["InputContainer", "VideoStream"]]:
    """A file and its first stream of pictures; BadInput when it has none or cannot be opened."""
    av = _av(path)
    try:
        check_file(path)
        container = av.open(str(path))
    except OSError as error:  # some of PyAV's errors are one, too
        raise unreadable(path, error) from error
    except av.FFmpegError as error:
        if path.stat().st_size == 0:
            raise BadInput(f"{path}: is empty; copy it again") from error
        raise BadInput(
            f"{path}: cannot be read as film ({error.strerror}): it is none, or its index is missing, as where "
            "a recording was broken off; copy it again, or repair it"
        ) from error
    with container:
        # The cover of a song is a stream of one picture.
        cover = av.stream.Disposition.attached_pic
        films = [one for one in container.streams.video if not one.disposition & cover]
        if not films:
            raise BadInput(f"{path}: holds no pictures, only {_held(container)}; name a film")
        yield container, films[0]


def _held(container: "InputContainer") -> str:
    kinds = sorted({stream.type for stream in container.streams if stream.type != "video"})
    return " and ".join(kinds) or "nothing"
