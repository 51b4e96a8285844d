"""Small films for tests: each picture tells its number by its brightness, and which way is up by a white corner."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

MILLI = Fraction(1, 1000)
STEP = 8
"""Between the brightness of a picture and of the next."""
DARKEST = 32
"""Of the first one."""


def picture(number: int, width: int = 64, height: int = 48) -> np.ndarray:
    """(H, W, 3) uint8 with a white corner at the top left, and noise, so that each takes some bytes of a file."""
    pixels = np.full((height, width, 3), DARKEST + STEP * number, np.int64)
    pixels += np.random.default_rng(number).integers(-30, 31, pixels.shape)
    pixels[: height // 4, : width // 4] = 255
    return pixels.astype(np.uint8)


def number_of(pixels: np.ndarray) -> int:
    """Which one of the film's pictures it is."""
    height, width = pixels.shape[:2]
    return round((float(pixels[height // 3 :, width // 3 :].mean()) - DARKEST) / STEP)


def write_film(
    path: Path,
    times_ms: Sequence[int],
    *,
    codec: str = "libx264",
    turned: int = 0,
    faststart: bool = False,
    numbers: Sequence[int] | None = None,
) -> Path:
    """A film that shows its pictures at `times_ms`; a player turns it by `turned` degrees counterclockwise.

    They are those of `numbers`, or one after the other.
    """
    options = {"movflags": "faststart"} if faststart else {}
    with av.open(str(path), "w", options=options) as container:
        stream = container.add_stream(codec, rate=25)
        stream.width, stream.height, stream.bit_rate = 64, 48, 4_000_000
        stream.pix_fmt = "rgb24" if codec == "png" else "yuv420p"
        stream.codec_context.gop_size = 8
        stream.codec_context.time_base = MILLI
        if turned:
            stream.set_display_rotation(turned)
        for number, time in zip(numbers or range(len(times_ms)), times_ms, strict=True):
            frame = av.VideoFrame.from_ndarray(picture(number), format="rgb24")
            frame.pts, frame.time_base = time, MILLI
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def write_sound(path: Path) -> Path:
    """A second of silence, and no picture."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=16000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 16000), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 16000
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path
