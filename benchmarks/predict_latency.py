"""Latency of `roadcue.load(run).predict(...)` for one picture and for a batch, beside the encoder alone.

    python benchmarks/predict_latency.py --run runs/demo [--device cuda]

The picture is drawn at random in the size of a Waymo front camera, 972 x 1079; predict resizes it, encodes it, pools
it and runs every head and baseline of the run. The ratio says how much of that the frozen encoder takes.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch

import roadcue


def median_ms(call: Callable[[], object], repeats: int, device: str) -> float:
    times = []
    for _ in range(repeats + 2):
        start = time.perf_counter()
        call()
        if device == "cuda":
            torch.cuda.synchronize()
        times.append(1e3 * (time.perf_counter() - start))
    return statistics.median(times[2:])  # the first two warm up


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", required=True, help="run folder that train.py made")
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--batch", type=int, default=8, help="pictures per call in the second measurement")
    parser.add_argument("--repeats", type=int, default=20)
    options = parser.parse_args()
    predictor = roadcue.load(options.run, device=options.device)
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 255, (1079, 972, 3), dtype=np.uint8)
    past = np.zeros((16, 6), np.float32)
    for count in (1, options.batch):
        pictures, pasts, intents = [picture] * count, np.stack([past] * count), [1] * count

        def whole(pictures=pictures, pasts=pasts, intents=intents) -> object:
            return predictor.predict(images=pictures, past=pasts, intent=intents)

        milliseconds = median_ms(whole, options.repeats, options.device)
        line = f"predict, {count} picture(s) on {options.device}: {milliseconds:.1f} ms"
        if predictor.encoder.width:
            pixels = torch.stack([predictor.encoder.preprocess(picture)] * count)

            def encoder(pixels=pixels) -> object:
                return predictor.encoder.encode(pixels)

            alone = median_ms(encoder, options.repeats, options.device)
            line += f", of which the encoder {alone:.1f} ms, ratio {alone / milliseconds:.2f}"
        print(line)


if __name__ == "__main__":
    main()
