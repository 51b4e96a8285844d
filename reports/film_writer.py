"""Film that is written: pictures at the times at which they are to be shown."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from roadcue.errors import BadInput
from roadcue.files import atomic_file

if TYPE_CHECKING:
    from av.container import OutputContainer
    from av.video.stream import VideoStream

_TICK = Fraction(1, 60_000)
"""Of a second: the usual rates of pictures are whole numbers of it, and MPEG-4 allows 65,535 at most."""
_BT709 = 1
"""FFmpeg's AVCOL_SPC_BT709: the colours that players take a film for."""


@contextmanager
def written_film(path: Path) -> Iterator[Callable[[np.ndarray, float], None]]:
    """What is to be called with each picture (h, w, 3) uint8 RGB, h and w even, and its time in seconds.

    The MP4 file appears when all is written, in H.264 where PyAV has its encoder, and else in MPEG-4. All pictures
    are of the size of the first, and the times ascend.
    """
    import av

    with atomic_file(path) as partial, av.open(str(partial), "w", format="mp4") as container:
        streams: list[VideoStream] = []

        def show(picture: np.ndarray, time_s: float) -> None:
            if not streams:
                streams.append(_stream(container, picture))
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame = frame.reformat(streams[0].width, streams[0].height, "yuv420p", dst_colorspace="ITU709")
            frame.pts, frame.time_base = round(time_s / _TICK), _TICK
            container.mux(streams[0].encode(frame))

        yield show
        if not streams:
            raise BadInput(f"{path}: is not written, as there is no picture to show in it")
        for stream in streams:
            container.mux(stream.encode())


def _stream(container: "OutputContainer", picture: np.ndarray) -> "VideoStream":
    import av

    height, width = picture.shape[:2]
    if "libx264" in av.codecs_available:
        stream = container.add_stream("libx264", options={"preset": "veryfast", "crf": "20"})
    else:
        stream = container.add_stream("mpeg4")
        stream.bit_rate = 6 * width * height
    stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
    stream.codec_context.time_base = _TICK
    stream.codec_context.colorspace = _BT709
    return stream
