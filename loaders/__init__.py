"""Files in, samples out; the registry of data sets."""

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from loaders.errors import BadInput

if TYPE_CHECKING:
    from loaders.dataset import RoadDataset

DATASETS: Mapping[str, str] = {
    "roadworld": "loaders.roadworld.dataset:open_roadworld",
    "waymo_e2e": "loaders.waymo_e2e.dataset:open_waymo_e2e",
    "manifest": "loaders.manifest:open_manifest",
    "sensation": "loaders.sensation.dataset:open_sensation",
    "sidewalk": "loaders.roadworld.sidewalk.dataset:open_sidewalk",
}
"""Name -> where the function is that opens it."""
NEEDS_NO_FOLDER = frozenset({"roadworld", "sidewalk"})
"""Data sets that make themselves when no folder is named."""


def open_dataset(
    name: str, data_dir: Path | None, split: str, *, on_bad_record: Literal["raise", "skip"] = "raise"
) -> "RoadDataset":
    """One split ("train", "val", "test", or "all" of them) of a data set; BadInput when it cannot be opened."""
    if name not in DATASETS:
        raise BadInput(f"unknown data set {name!r}; choose one of {', '.join(DATASETS)}")
    if data_dir is None and name not in NEEDS_NO_FOLDER:
        raise BadInput(f"--data {name} needs --data_dir, the folder or file with the data")
    module, function = DATASETS[name].split(":")
    opened: RoadDataset = getattr(import_module(module), function)(data_dir, split, on_bad_record=on_bad_record)
    return opened
