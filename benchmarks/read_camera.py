"""One front camera: read from the shard, decode, resize to 384, beside a bare libjpeg-turbo decode of the same bytes.

python benchmarks/read_camera.py [--frames N] [--rounds N]

Two ways: "whole" decodes every pixel and is what the published processor does; "half" lets libjpeg-turbo decode at
half the size where that is still more than the 384 wanted, and keeps the extent of the picture (half of 1079 rows are
540 rows of pixels that stand for 539.5). Both resize with Lanczos, antialiased. Rates are per second of a core's own
time, so that other processes do not count; the last lines are wall time with one and with two processes.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import torch
from ratio_lines import print_ratios

from roadcue.loaders import jpeg, picture_file
from roadcue.loaders.tfrecord import RecordWriter
from roadcue.loaders.waymo_e2e import CAMERAS, WaymoE2E, encode_frame
from roadcue.loaders.waymo_e2e.index import open_index
from roadcue.models.preprocessing import Preprocessing
from roadcue.schema import CameraCalibration, Intent

PREPROCESS = Preprocessing(384, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5), "lanczos", "squash")
Way = Callable[[WaymoE2E, Sequence[bytes], int], object]


def drawn_picture(rng: np.random.Generator) -> bytes:
    """A JPEG of the size of the real front camera's: 972 x 1079 pixels, about 330 kB, detail at every scale."""
    picture = np.full((1079, 972, 3), 128, np.float32)
    for cells in (3, 9, 27, 81, 243):
        coarse = rng.normal(size=(cells, cells, 3)).astype(np.float32) * 90 / cells**0.5
        picture += cv2.resize(coarse, (972, 1079), interpolation=cv2.INTER_CUBIC)
    picture += rng.normal(size=picture.shape[:2])[..., None] * 5  # the sensor's noise
    return jpeg.encode(np.clip(picture, 0, 255).astype(np.uint8), quality=91)


def write_shard(path: Path, frames: int) -> None:
    rng = np.random.default_rng(0)
    pictures = [drawn_picture(rng) for _ in range(8)]
    print(f"pictures of {np.mean([len(picture) for picture in pictures]) / 1e3:.0f} kB")
    calibrations = {camera: CameraCalibration(np.zeros(9), np.eye(4), 972, 1079) for camera in CAMERAS}
    with RecordWriter(path) as writer:
        for frame in range(frames):
            images = {camera: pictures[(frame + i) % 8] for i, camera in enumerate(CAMERAS)}
            writer.write(encode_frame(f"s-{frame}", images, calibrations, np.zeros((16, 6)), Intent.GO_STRAIGHT))


def bare(_: WaymoE2E, pictures: Sequence[bytes], row: int) -> np.ndarray:
    return picture_file.decode(pictures[row], "memory")


def whole(dataset: WaymoE2E, _: Sequence[bytes], row: int) -> torch.Tensor:
    return PREPROCESS(picture_file.decode(dataset.image(row, "FRONT") or b"", "shard"))


def half(dataset: WaymoE2E, _: Sequence[bytes], row: int) -> torch.Tensor:
    return PREPROCESS(*picture_file.decode_at_least(dataset.image(row, "FRONT") or b"", "shard", PREPROCESS.side))


def seconds(way: Way, dataset: WaymoE2E, pictures: Sequence[bytes], clock: Callable[[], float]) -> float:
    """Per picture, over every row once."""
    start = clock()
    for row in range(len(dataset)):
        way(dataset, pictures, row)
    return (clock() - start) / len(dataset)


def in_processes(n: int, way: Way, dataset: WaymoE2E, pictures: Sequence[bytes], rounds: int) -> float:
    """Pictures per second of wall time, of n processes together."""
    with ProcessPoolExecutor(n) as pool:
        jobs = [pool.submit(median_seconds, way, dataset, pictures, rounds) for _ in range(n)]
        return sum(1 / job.result() for job in jobs)


def median_seconds(way: Way, dataset: WaymoE2E, pictures: Sequence[bytes], rounds: int) -> float:
    torch.set_num_threads(1)
    return float(np.median([seconds(way, dataset, pictures, time.perf_counter) for _ in range(rounds)]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=32, help="frames in the shard, of 8 cameras each")
    parser.add_argument("--rounds", type=int, default=12, help="times that all frames are read")
    parser.add_argument("--quick", action="store_true", help="small sizes: the numbers then mean nothing")
    options = parser.parse_args()
    if options.quick:
        options.frames, options.rounds = 8, 1
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["ROADCUE_CACHE"] = folder
        shard = Path(folder) / "val_drawn.tfrecord"
        write_shard(shard, options.frames)
        dataset = WaymoE2E("val", [shard], open_index([shard]))
        pictures = [dataset.image(row, "FRONT") or b"" for row in range(len(dataset))]
        ways: dict[str, Way] = {"bare": bare, "whole": whole, "half": half}
        # turn by turn, so that what slows the machine slows all of them
        times = [
            {name: seconds(way, dataset, pictures, time.thread_time) for name, way in ways.items()}
            for _ in range(options.rounds)
        ]
        ratios = {}
        for name in ways:
            rate = 1 / np.median([one[name] for one in times])
            print(f"{name:6} {rate:6.0f} pictures/s and core")
            if name != "bare":
                ratios[f"read_camera_{name}"] = np.median([one["bare"] / one[name] for one in times])
        pairs = [(whole(dataset, pictures, row), half(dataset, pictures, row)) for row in range(8)]
        levels = np.ptp(np.array([[picture.numpy() for picture in pair] for pair in pairs], np.int16), axis=1)
        print(f"half differs from whole by {levels.mean():.2f} of 255 levels on average, {levels.max()} at most")
        for name in ("bare", "half"):
            one, two = (in_processes(n, ways[name], dataset, pictures, options.rounds) for n in (1, 2))
            print(f"{name:6} {one:6.0f} pictures/s in one process, {two:6.0f} in two")
        ratios["read_camera_two_processes"] = two / one
    print_ratios("the bare decode of the same bytes, and of two processes one alone", ratios)


if __name__ == "__main__":
    main()
