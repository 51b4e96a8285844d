"""The visual tokens of a split's pictures, encoded once and read by the batch: what is asked later is text alone.

They are 332 kB a picture of the published SmolVLM2 in one piece, 4.3 MB in 13, 131 kB of OpenFlamingo, so how much it
will be is said before anything is written.
"""

import hashlib
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from roadcue.cache import cache_root
from roadcue.files import size_said, user_path
from roadcue.loaders import picture_file
from roadcue.loaders.contrast import contrast
from roadcue.loaders.feature_store import FeatureStore, StoreWriter, open_finished, store_folder
from roadcue.loaders.store_part import store_bytes
from roadcue.models.captioner import Captioner
from roadcue.models.visual_parts import visual_fingerprint
from roadcue.progress import ProgressLine
from roadcue.training.captions.pictures import CaptionPictures


@dataclass(frozen=True)
class VisualStore:
    """Visual tokens of the pictures (n,), in their order."""

    store: FeatureStore

    def __len__(self) -> int:
        return len(self.store.features)

    def tokens(self, positions: np.ndarray) -> Tensor:
        """(b,) positions among the pictures -> (b, tokens, d) float16, on the CPU."""
        return torch.from_numpy(self.store.features[positions][:, 0])


@torch.no_grad()
def visual_store(
    pictures: CaptionPictures, captioner: Captioner, *, store_dir: str | None = None, batch_size: int = 16
) -> VisualStore:
    """The store of the pictures' visual tokens; whatever is not there yet is encoded now, `batch_size` at a time.

    BadRecord for a picture that cannot be read; OSError where the disk has no room, before any is encoded.
    """
    dataset = pictures.dataset
    ids = dataset.states.id[pictures.rows]
    parts = {
        **visual_fingerprint(captioner),
        "decoding": picture_file.DECODING,
        "camera": pictures.camera,
        "data": dataset.name,
        "data_split": dataset.split,
        "data_files": dataset.fingerprint,
        "pictures": hashlib.sha256("\0".join(ids.tolist()).encode()).hexdigest(),
    }
    root = user_path(store_dir) if store_dir else cache_root() / "features"
    folder = store_folder(root, f"{dataset.name}-{dataset.split}", f"{captioner.name}-visual", parts)
    if (store := open_finished(folder, parts, ids)) is not None:
        return VisualStore(store)
    first = captioner.encode(pictures.batch(np.array([0]))["pixels"])
    shape = (first.shape[1], first.shape[2])
    needed = size_said(store_bytes(len(ids), 1, shape))
    print(f"visual tokens of {len(ids):,} pictures, {shape[0]} x {shape[1]} each: {needed} in {folder}", flush=True)
    writer = StoreWriter(folder, parts, ids, (pictures.camera,), shape)
    todo = writer.todo()
    with ProgressLine(f"encoding {dataset.name} {dataset.split} for captions", len(todo), "pictures") as advance:
        for start in range(0, len(todo), batch_size):
            rows = todo[start : start + batch_size]
            pixels = pictures.batch(rows)["pixels"]
            tokens = captioner.encode(pixels)[:, None].float().cpu().numpy()
            squares = pixels if pixels.ndim == 4 else pixels[:, -1]
            sharpness = contrast(squares)[:, None].numpy()
            writer.write(rows, tokens, sharpness, np.ones((len(rows), 1), dtype=bool))
            advance(len(rows))
    writer.finish()
    return VisualStore(FeatureStore(folder, parts))
