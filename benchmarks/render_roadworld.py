"""Frames per second and core at which RoadWorld is drawn, beside the bare JPEG encoding of the same pictures.

python benchmarks/render_roadworld.py [--sequences N]
"""

import argparse
import time

import cv2
import numpy as np

from loaders import jpeg
from loaders.roadworld.drive import drive
from loaders.roadworld.render import Painter
from loaders.roadworld.spec import RoadWorldSpec
from loaders.roadworld.view import front_camera


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sequences", type=int, default=8, help="sequences of the default RoadWorld to draw")
    sequences = parser.parse_args().sequences
    cv2.setNumThreads(1)
    spec, clock = RoadWorldSpec(), time.process_time  # its own time: other processes do not count
    seconds = {"drive": 0.0, "set the scene": 0.0, "paint": 0.0, "encode": 0.0}
    size = 0
    for number in range(sequences):
        start = clock()
        driven = drive(spec, number)
        driving = clock()
        painter = Painter(driven, front_camera(spec), np.random.default_rng(number))
        setting = clock()
        pictures = [painter.paint(frame) for frame in range(spec.frames)]
        painting = clock()
        size += sum(len(jpeg.encode(picture, spec.jpeg_quality)) for picture in pictures)
        ends = (start, driving, setting, painting, clock())
        for part, begin, end in zip(seconds, ends[:-1], ends[1:], strict=True):
            seconds[part] += end - begin
    frames = sequences * spec.frames
    whole = sum(seconds.values())
    print(f"RoadWorld, {frames} frames of {spec.width} x {spec.height}, {size / frames / 1e3:.0f} kB each, one core")
    for part, spent in seconds.items():
        print(f"  {part:14s} {spent / frames * 1e3:6.2f} ms per frame")
    print(f"  all            {whole / frames * 1e3:6.2f} ms per frame: {frames / whole:.0f} frames/s")
    print(f"  painting alone: {frames / seconds['paint']:.0f} frames/s")
    print(f"  bare JPEG encoding of the same pictures: {frames / seconds['encode']:.0f} frames/s; ", end="")
    print(f"drawing reaches {seconds['encode'] / whole:.2f} of it")


if __name__ == "__main__":
    main()
