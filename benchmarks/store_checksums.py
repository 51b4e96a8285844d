"""What it costs that rows of a store are held against their checksums when they are read first, of one epoch.

    python benchmarks/store_checksums.py --cells 16

Every row is read once with its checksum and once without, in batches of rows at random, as a training reads them. The
reference is an epoch of a bare PyTorch loop over the same memory map, which does nothing but read, predict and step:
train.py's own takes longer, and only its first epoch reads rows first. Seconds are of the processor, so that whoever
else uses it changes little; one thread.
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from ratio_lines import print_ratios
from train_rows import bare_loop, fitted_head, random_split

from roadcue.loaders.feature_store import FeatureStore
from roadcue.training.config import TrainConfig


def reading_s(store: FeatureStore, rows: int, batch: int) -> float:
    """Seconds of reading every row once."""
    order, start = np.random.default_rng(0).permutation(rows), time.process_time()
    for first in range(0, rows, batch):
        np.array(store.features[np.sort(order[first : first + batch])])
    return time.process_time() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--cells", type=int, default=16, help="pooled vectors per row: 1 is mean, 16 a 4 x 4 grid")
    parser.add_argument("--width", type=int, default=1152)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="small sizes: the numbers then mean nothing")
    given = parser.parse_args()
    if given.quick:
        given.rows, given.width, given.repeats = 2_000, 64, 1
    torch.set_num_threads(1)
    config = TrainConfig(epochs=1, device="cpu")
    first, again, epoch = [], [], []
    with tempfile.TemporaryDirectory() as place:
        split = random_split(Path(place) / "store", given.rows, given.cells, given.width)
        model = fitted_head(split, given.cells, given.width)  # which has read every row
        for _ in range(given.repeats):
            store = FeatureStore(Path(place) / "store", {"benchmark": "1"})
            first.append(reading_s(store, given.rows, config.batch_size))
            again.append(reading_s(store, given.rows, config.batch_size))
            start = time.process_time()
            bare_loop(split, model, config)
            epoch.append(time.process_time() - start)
    checking = max(0.0, min(first) - min(again))
    print(f"{given.rows:,} rows of {given.cells} x {given.width} features, best of {given.repeats}")
    print(f"read first {min(first):.3f} s, again {min(again):.3f} s, an epoch of a bare loop {min(epoch):.3f} s")
    print_ratios("an epoch of a bare PyTorch loop", {"store_checksums_of_an_epoch": checking / min(epoch)})


if __name__ == "__main__":
    main()
