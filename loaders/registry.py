"""Files in, samples out; the registry of data sets."""

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from roadcue.errors import BadInput

if TYPE_CHECKING:
    from roadcue.loaders.dataset import RoadDataset

DATASETS: Mapping[str, str] = {
    "roadworld": "roadcue.roadworld.dataset:open_roadworld",
    "waymo_e2e": "roadcue.loaders.waymo_e2e.dataset:open_waymo_e2e",
    "manifest": "roadcue.loaders.manifest.dataset:open_manifest",
    "sensation": "roadcue.loaders.sensation.dataset:open_sensation",
    "bdd100k": "roadcue.loaders.bdd100k.dataset:open_bdd100k",
    "sidewalk": "roadcue.roadworld.sidewalk.dataset:open_sidewalk",
}
"""Name -> where the function is that opens it."""
NEEDS_NO_FOLDER = frozenset({"roadworld", "sidewalk"})
"""Data sets that make themselves when no folder is named."""
TAKES_IMAGE_ROOT = frozenset({"sensation", "bdd100k"})
"""Data sets whose pictures may lie in another folder than their labels."""
TO_PART: Mapping[str, str] = {"sensation": "grouped"}
"""The split whose sequences are to be parted, where that is not simply "all"."""


def open_dataset(
    name: str,
    data_dir: Path | None,
    split: str,
    *,
    image_root: Path | None = None,
    on_bad_record: Literal["raise", "skip"] = "raise",
) -> "RoadDataset":
    """One split ("train", "val", "test", or "all" of them) of a data set; BadInput when it cannot be opened.

    `image_root` is where the pictures are, if they are apart from the labels in `data_dir`.
    """
    if name not in DATASETS:
        raise BadInput(f"unknown data set {name!r}; choose one of {', '.join(DATASETS)}")
    if data_dir is None and name not in NEEDS_NO_FOLDER:
        raise BadInput(f"--data {name} needs --data_dir, the folder or file with the data")
    if image_root is not None and name not in TAKES_IMAGE_ROOT:
        raise BadInput(f"--image_root belongs to --data {' or '.join(sorted(TAKES_IMAGE_ROOT))}, not to {name}")
    module, function = DATASETS[name].split(":")
    apart = {} if image_root is None else {"image_root": image_root}
    opened: RoadDataset = getattr(import_module(module), function)(
        data_dir, split, on_bad_record=on_bad_record, **apart
    )
    return opened
