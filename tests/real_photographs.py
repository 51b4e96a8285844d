"""Real photographs as a manifest: Udacity's HMB_3 drive, cut into blocks that stand for sequences."""

import json
import os
import shutil
from pathlib import Path

import numpy as np

BLOCK_S = 24.0
GAP_S = 9.0
"""A window reaches from 3.75 s before to 5 s after its frame, so two blocks this far apart share nothing."""


def udacity_folder() -> Path:
    """The folder that holds the photographs: `$REAL_DIR/udacity_hmb3`, by default in ../shared/real."""
    beside = Path(__file__).parents[2] / "shared" / "real"
    return Path(os.environ.get("REAL_DIR", beside)) / "udacity_hmb3"


def write_udacity_manifest(source: Path, target: Path, *, every: int) -> Path:
    """Write every n-th window of the drive to `target`/manifest.jsonl and copy its photographs below `target`."""
    with np.load(source / "windows.npz", allow_pickle=False) as windows:
        columns = {name: windows[name] for name in windows.files}
    block = columns["t0"] // BLOCK_S
    kept = np.flatnonzero(columns["t0"] < (block + 1) * BLOCK_S - GAP_S)[::every]
    (target / "center").mkdir(parents=True)
    with (target / "manifest.jsonl").open("w") as manifest:
        for row in kept:
            image = str(columns["image"][row])
            shutil.copy2(source / image, target / image)
            line = {
                "id": f"hmb3-{row:04d}",
                "sequence": f"hmb3-block-{int(block[row])}",
                "images": {"FRONT": image},
                "past": columns["past"][row].tolist(),
                "intent": "UNKNOWN",
                "future": columns["future_xy"][row].tolist(),
            }
            manifest.write(json.dumps(line) + "\n")
    return target / "manifest.jsonl"
