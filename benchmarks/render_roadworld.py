"""Pictures per second of one core at which RoadWorld is drawn, beside the bare JPEG encoding of the same pictures.

    python benchmarks/render_roadworld.py [--sequences N]

A table for sequences of 20 s at 10 Hz seen by the front camera, and one for the default RoadWorld.
"""

import argparse
import time

import cv2
from ratio_lines import print_ratios

from roadcue.loaders import jpeg
from roadcue.roadworld.camera import camera
from roadcue.roadworld.dataset import DEFAULT
from roadcue.roadworld.drive import drive
from roadcue.roadworld.render import Painter
from roadcue.roadworld.spec import RoadWorldSpec


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sequences", type=int, default=4, help="sequences for a table (default: %(default)s)")
    parser.add_argument("--quick", action="store_true", help="small sizes: the numbers then mean nothing")
    options = parser.parse_args()
    sequences = 1 if options.quick else options.sequences
    cv2.setNumThreads(1)
    every = measure("every frame, the front camera", RoadWorldSpec(stride=1, cameras=("FRONT",)), sequences)
    default = measure("the default data set", DEFAULT, sequences)
    ratios = {"render_roadworld_every_frame": every, "render_roadworld_default": default}
    print_ratios("bare JPEG encoding of the same pictures", ratios)


def measure(title: str, spec: RoadWorldSpec, sequences: int) -> float:
    """Draw the first sequences of a spec and print where the time of one core went.

    Returns the rate of it all over that of encoding alone.
    """
    clock = time.process_time  # its own time: other processes do not count
    cameras = {name: camera(spec, name) for name in spec.cameras}
    seconds = {"drive": 0.0, "set the scene": 0.0, "paint": 0.0, "encode": 0.0}
    size = 0
    for number in range(sequences):
        start = clock()
        driven = drive(spec, number)
        driving = clock()
        painter = Painter(driven, cameras)
        setting = clock()
        pictures = [painter.paint(frame, name) for frame in range(driven.frames) for name in cameras]
        painting = clock()
        size += sum(len(jpeg.encode(picture, spec.jpeg_quality)) for picture in pictures)
        ends = (start, driving, setting, painting, clock())
        for stage, begin, end in zip(seconds, ends[:-1], ends[1:], strict=True):
            seconds[stage] += end - begin
    drawn = sequences * len(spec.frames) * len(cameras)
    whole = sum(seconds.values())
    print(f"{title}: {drawn} pictures of {spec.width} x {spec.height}, {size / drawn / 1e3:.0f} kB each, one core")
    for stage, spent in seconds.items():
        each, all_of_it = spent / drawn * 1e3, spent / sequences * 1e3
        print(f"  {stage:14s} {each:6.2f} ms per picture {all_of_it:8.1f} ms per sequence")
    print(f"  all            {whole / drawn * 1e3:6.2f} ms per picture: {drawn / whole:.0f} pictures/s")
    print(f"  painting alone: {drawn / seconds['paint']:.0f} pictures/s")
    print(f"  bare JPEG encoding of the same pictures: {drawn / seconds['encode']:.0f} pictures/s")
    return seconds["encode"] / whole


if __name__ == "__main__":
    main()
