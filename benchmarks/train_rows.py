"""Rows per second of training a head from the feature store, against a bare PyTorch loop over the same memory map.

    python benchmarks/train_rows.py --rows 20000 --cells 1 --width 1152

The reference reads the same rows in the same order from the same file, normalises them with the same statistics and
trains the same layers with AdamW: no Lightning, no pool, no logs, no checkpoints. Both sides read a warm page cache.
"""

import argparse
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch
from ratio_lines import print_ratios

from roadcue.heads.multi_head import MultiHeadModel
from roadcue.heads.pool import FeaturePool
from roadcue.heads.registry import build_head
from roadcue.heads.waypoint.config import WaypointConfig
from roadcue.loaders.contrast import CONTRAST_SHAPE
from roadcue.loaders.dataset import StateTable
from roadcue.loaders.feature_store import FeatureStore, StoreWriter
from roadcue.training.config import TrainConfig
from roadcue.training.heads.batches import StoredSplit
from roadcue.training.heads.fitting import fit_by_gradient
from roadcue.training.run_folder import RunFolder
from roadcue.training.steps import TrainingSteps


def random_split(folder: Path, rows: int, cells: int, width: int) -> StoredSplit:
    """A store of random features with random states beside it."""
    rng = np.random.default_rng(0)
    states = StateTable(
        id=np.array([f"s-{row:06d}" for row in range(rows)]),
        sequence=np.array([f"s{row // 100}" for row in range(rows)]),
        frame=np.arange(rows),
        past=rng.normal(size=(rows, 16, 6)).astype(np.float32),
        intent=rng.integers(0, 4, rows),
        future=rng.normal(size=(rows, 20, 2)).astype(np.float32),
    )
    writer = StoreWriter(folder, {"benchmark": "1"}, states.id, ["FRONT"], (cells, width))
    for first in range(0, rows, 1000):
        some = np.arange(first, min(first + 1000, rows))
        features = rng.normal(size=(len(some), 1, cells, width)).astype(np.float32)
        writer.write(some, features, np.zeros((len(some), 1, *CONTRAST_SHAPE)), np.ones((len(some), 1), bool))
    writer.finish()
    facts = {"name": "random", "split": "train", "fingerprint": "random"}
    dataset = SimpleNamespace(states=states, **facts, __len__=lambda: rows)
    store = FeatureStore(folder, {"benchmark": "1"})
    return StoredSplit(dataset, store, np.arange(rows), np.arange(rows))


def fitted_head(split: StoredSplit, cells: int, width: int) -> MultiHeadModel:
    torch.manual_seed(0)
    pool = FeaturePool(["FRONT"], cells, width)
    model = MultiHeadModel(
        pool, {"waypoint": build_head("waypoint", WaypointConfig(residual="none"), cells, width)}, blind=[]
    )
    model.fit(split.batches())
    return model.train()


def bare_loop(split: StoredSplit, model: MultiHeadModel, config: TrainConfig) -> float:
    """Seconds of a loop that does nothing but read, predict and step."""
    head, states = model.heads["waypoint"], split.dataset.states
    optimizer = torch.optim.AdamW(head.parameters(), lr=config.lr, weight_decay=config.weight_decay)
    features = split.store.features
    start = time.perf_counter()
    for epoch in range(config.epochs):
        order = np.random.default_rng([config.seed, epoch]).permutation(len(split))
        for first in range(0, len(split), config.batch_size):
            rows = np.sort(order[first : first + config.batch_size])
            stored = torch.from_numpy(features[rows]).float().flatten(1, 2)
            inputs = {
                "features": stored,
                "feature_mask": torch.ones(stored.shape[:2], dtype=torch.bool),
                "past": torch.from_numpy(states.past[rows]),
                "intent": torch.from_numpy(states.intent[rows]),
            }
            loss = head.loss(head(inputs), {"future": torch.from_numpy(states.future[rows])})["loss"]
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
    return time.perf_counter() - start


def our_loop(split: StoredSplit, model: MultiHeadModel, config: TrainConfig, folder: Path) -> float:
    """Seconds of the training loop of train.py with its logs and checkpoints, validation on a few rows included."""
    few = StoredSplit(split.dataset, split.store, split.rows[:100], split.store_rows[:100])
    start = time.perf_counter()
    fit_by_gradient(model, split, few, config, RunFolder(folder), resuming=False)
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--cells", type=int, default=1, help="pooled vectors per row: 1 is mean, 16 a 4 x 4 grid")
    parser.add_argument("--width", type=int, default=1152)
    parser.add_argument("--batch_size", type=int, default=256)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="small sizes: the numbers then mean nothing")
    options = parser.parse_args()
    if options.quick:
        options.rows, options.width, options.epochs, options.repeats = 2_000, 64, 1, 1
    config = TrainConfig(batch_size=options.batch_size, epochs=options.epochs, device="cpu")
    with tempfile.TemporaryDirectory() as folder:
        split = random_split(Path(folder) / "store", options.rows, options.cells, options.width)
        steps = len(TrainingSteps(split, batch_size=config.batch_size, epochs=config.epochs, seed=0))
        bare, ours = [], []
        for repeat in range(options.repeats):
            model = fitted_head(split, options.cells, options.width)
            bare.append(bare_loop(split, model, config))
            model = fitted_head(split, options.cells, options.width)
            ours.append(our_loop(split, model, config, Path(folder) / f"run{repeat}"))
    rows = options.rows * options.epochs
    shape = f"{options.cells} x {options.width} features"
    print(f"{steps} steps of {config.batch_size} rows, {shape}, best of {options.repeats}")
    print(f"bare loop {rows / min(bare):,.0f} rows/s, train.py's loop {rows / min(ours):,.0f} rows/s")
    print_ratios("the bare loop", {"train_rows": min(bare) / min(ours)})


if __name__ == "__main__":
    main()
