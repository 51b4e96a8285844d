"""The visual tokens of a split's pictures, encoded once and read by the batch: what is asked later is text alone.

They are 332 kB a picture of the published SmolVLM2 in one piece, 4.3 MB in 13, 131 kB of OpenFlamingo, so how much it
will be is said before anything is written, and by itself no command stores more than is bearable.
"""

import hashlib
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

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
from roadcue.sentences import show
from roadcue.training.captions.pictures import CaptionPictures

MOST_OF_A_PICTURE = 500_000
"""Bytes of a picture's tokens that are stored without being asked for: more than SmolVLM2's in one piece."""
_MOST_OF_THE_DISK = 0.5
"""Share of what is free on the disk that is taken without being asked for."""


@dataclass(frozen=True)
class VisualStore:
    """Visual tokens of all pictures that show the rows of a split; `rows` (n,) are theirs, in order."""

    store: FeatureStore
    rows: np.ndarray

    def __len__(self) -> int:
        return len(self.store.features)

    def tokens(self, positions: np.ndarray) -> Tensor:
        """(b,) positions among the pictures -> (b, tokens, d) float16, on the CPU."""
        return torch.from_numpy(self.store.features[positions][:, 0])

    def places(self, rows: np.ndarray) -> np.ndarray:
        """Rows of the data set, each of a picture that is there -> their positions, of the same shape."""
        return np.searchsorted(self.rows, rows)

    def of_clips(self, clips: np.ndarray) -> Tensor:
        """(b, p) rows of the data set -> (b, p, tokens, d) float16, on the CPU."""
        return self.tokens(self.places(clips).ravel()).unflatten(0, clips.shape)


def visual_store(
    pictures: CaptionPictures, captioner: Captioner, *, store_dir: str | None = None, batch_size: int = 16
) -> VisualStore:
    """The store of the pictures' visual tokens, and of those of the frames before them that are shown with them.

    Whatever is not there yet is encoded now, `batch_size` at a time. BadRecord for a picture that cannot be read;
    OSError where the disk has no room, before any is encoded.
    """
    place = _Place.of(_one_by_one(pictures), captioner, store_dir)
    return place.finished() or place.filled(place.shape(), batch_size)


def bearable_store(
    pictures: CaptionPictures, captioner: Captioner, *, store_dir: str | None = None, batch_size: int = 16
) -> VisualStore | None:
    """The same, of tokens that are few enough for a disk that has room; else None, and it is said why.

    A store that is there already is read in any case. BadRecord for a picture that cannot be read.
    """
    place = _Place.of(_one_by_one(pictures), captioner, store_dir)
    if (there := place.finished()) is not None:
        return there
    shape = place.shape()
    each, needed = (store_bytes(rows, 1, shape) for rows in (1, len(place.pictures)))
    free = shutil.disk_usage(next(folder for folder in place.folder.absolute().parents if folder.exists())).free
    if each > MOST_OF_A_PICTURE or needed > _MOST_OF_THE_DISK * free:
        sizes = f"{size_said(each)} a picture, {size_said(needed)} in all, and {size_said(free)} are free"
        why = f"{sizes} in {place.folder.parent}; --store_visual yes stores them all the same"
    else:
        try:
            return place.filled(shape, batch_size)
        except OSError as error:  # a folder that may not be written
            why = str(error)
    show(f"visual tokens are not stored: {why}")
    return None


@dataclass(frozen=True)
class _Place:
    """Where the visual tokens of pictures belong, and all that decides them."""

    pictures: CaptionPictures
    captioner: Captioner
    folder: Path
    parts: Mapping[str, str]

    @classmethod
    def of(cls, pictures: CaptionPictures, captioner: Captioner, store_dir: str | None) -> "_Place":
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
        return cls(pictures, captioner, folder, parts)

    @property
    def ids(self) -> np.ndarray:
        """(n,) str."""
        ids: np.ndarray = self.pictures.dataset.states.id[self.pictures.rows]
        return ids

    def finished(self) -> VisualStore | None:
        """What is there, whole."""
        store = open_finished(self.folder, self.parts, self.ids)
        return None if store is None else VisualStore(store, self.pictures.rows)

    @torch.no_grad()
    def shape(self) -> tuple[int, int]:
        """How many tokens a picture has, and their width."""
        first = self.captioner.encode(self.pictures.batch(np.array([0]))["pixels"])
        return first.shape[1], first.shape[2]

    @torch.no_grad()
    def filled(self, shape: tuple[int, int], batch_size: int) -> VisualStore:
        """With what is not there yet."""
        pictures, captioner, ids, dataset = self.pictures, self.captioner, self.ids, self.pictures.dataset
        size = size_said(store_bytes(len(ids), 1, shape))
        said = f"visual tokens of {len(ids):,} pictures, {shape[0]} x {shape[1]} each: {size} in {self.folder}"
        show(said)
        writer = StoreWriter(self.folder, self.parts, ids, (pictures.camera,), shape)
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
        return VisualStore(FeatureStore(self.folder, self.parts), pictures.rows)


def _one_by_one(pictures: CaptionPictures) -> CaptionPictures:
    """Every picture that is shown of any row, as a row of its own."""
    alone = np.arange(len(pictures.clips))[:, None]
    return replace(pictures, rows=np.unique(pictures.clips[pictures.rows]), clips=alone)
