"""Real photographs as a manifest: Udacity's HMB_3 drive, cut into blocks that stand for sequences.

The photographs are Udacity's (MIT licence). The paths beside them are derived by visual odometry and smoothed: they
serve to compare features, and to see that a model learns, and never to state an accuracy.
"""

import json
import os
import shutil
from pathlib import Path

import numpy as np

from roadcue.errors import BadInput
from roadcue.files import user_path
from roadcue.loaders.dataset import RoadDataset
from roadcue.loaders.manifest.dataset import open_manifest

ROOT = Path(__file__).parents[1]
QUICK_EVERY = 20
"""Of a quick run every so many photographs."""
BLOCK_S = 24.0
GAP_S = 9.0
"""A window reaches from 3.75 s before to 5 s after its frame, so two blocks this far apart share nothing."""


def real_folder() -> Path:
    """Where real photographs are looked for: `$REAL_DIR`, or else shared/real in the checkout or beside it."""
    if "REAL_DIR" in os.environ:
        return Path(os.environ["REAL_DIR"])
    inside, beside = (parent / "shared" / "real" for parent in (ROOT, ROOT.parent))
    return inside if inside.is_dir() else beside


def udacity_folder(real: Path | None = None) -> Path:
    """The drive in a folder of real photographs, by default `real_folder`; BadInput when it is not there."""
    folder = (real or real_folder()) / "udacity_hmb3"
    if not (folder / "windows.npz").is_file():
        raise BadInput(f"{folder}: no real photographs; REAL_DIR or --real names the folder that holds udacity_hmb3")
    return folder


def open_udacity_drive(real: str | None, folder: Path, *, every: int = 1) -> RoadDataset:
    """Every n-th window of the drive as a data set below `folder`; says which it is.

    `real` is what `--real` named. BadInput when no real photographs are there.
    """
    source = udacity_folder(user_path(real) if real else None)
    drive = open_manifest(write_udacity_manifest(source, folder / "drive", every=every), "all")
    print(drive.description, flush=True)
    return drive


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
