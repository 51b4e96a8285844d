"""Latency of `roadcue.load(run).predict(...)` for one picture and for a batch, beside the encoder alone.

    python benchmarks/predict_latency.py --run runs/demo [--device cuda]

The picture is drawn at random in the size of a Waymo front camera, 972 x 1079; predict resizes it, encodes it, pools
it and runs every head and baseline of the run. The ratios say how much of that the frozen encoder takes, and the
detector of unlike pictures. With --quick a run is trained on a few drawn drives when none is named.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch

import roadcue
from roadcue import train
from roadcue.roadworld.spec import RoadWorldSpec
from roadcue.roadworld.write import write_roadworld


def median_ms(call: Callable[[], object], repeats: int, device: str) -> float:
    times = []
    for _ in range(repeats + 2):
        start = time.perf_counter()
        call()
        if device == "cuda":
            torch.cuda.synchronize()
        times.append(1e3 * (time.perf_counter() - start))
    return statistics.median(times[2:])  # the first two warm up


def trained_run(folder: Path) -> Path:
    """A run of the default encoder and head, on so little that it takes seconds."""
    write_roadworld(RoadWorldSpec(4, 2, seconds=8, stride=20, cameras=("FRONT",)), folder / "drives", workers=1)
    os.environ["ROADCUE_CACHE"] = str(folder / "cache")
    run = folder / "run"
    drives = ["--data_dir", str(folder / "drives"), "--workers", "0"]
    if code := train.main([*drives, "--epochs", "1", "--run_dir", str(run)]):
        sys.exit(code)
    return run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", help="run folder that train.py made; may be left out with --quick")
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--batch", type=int, default=8, help="pictures per call in the second measurement")
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--quick", action="store_true", help="small sizes: the numbers then mean nothing")
    options = parser.parse_args()
    if not (options.run or options.quick):
        parser.error("--run is needed: a run folder that train.py made")
    if options.quick:
        options.repeats = 1
    with tempfile.TemporaryDirectory() as folder:
        run = options.run or trained_run(Path(folder))
        measure(roadcue.load(run, device=options.device), options.device, options.batch, options.repeats)


def measure(predictor: roadcue.RoadPredictor, device: str, batch: int, repeats: int) -> None:
    """Print the latency of one picture and of a batch."""
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 255, (1079, 972, 3), dtype=np.uint8)
    past = np.zeros((16, 6), np.float32)
    for count in (1, batch):
        pictures, pasts, intents = [picture] * count, np.stack([past] * count), [1] * count

        def whole(pictures=pictures, pasts=pasts, intents=intents) -> object:
            return predictor.predict(images=pictures, past=pasts, intent=intents)

        milliseconds = median_ms(whole, repeats, device)
        line = f"predict, {count} picture(s) on {device}: {milliseconds:.1f} ms"
        if predictor.encoder.width:
            pixels = torch.stack([predictor.encoder.preprocess(picture)] * count)

            def encoder(pixels=pixels) -> object:
                return predictor.encoder.encode(pixels)

            alone = median_ms(encoder, repeats, device)
            line += f", of which the encoder {alone:.1f} ms, ratio {alone / milliseconds:.2f}"
        if predictor.model.detector is not None:
            present = torch.ones(count, 1, dtype=torch.bool)
            detector = partial(predictor.model.detector, *predictor.stored(pictures), present)
            alone = median_ms(torch.no_grad()(detector), repeats, device)
            line += f", the detector {alone:.2f} ms, ratio {alone / milliseconds:.3f}"
        print(line)


if __name__ == "__main__":
    main()
