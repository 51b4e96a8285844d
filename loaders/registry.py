"""The data sets by name: a line each. Files in, samples out."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from roadcue.errors import BadInput
from roadcue.loaders.bad_records import OnBadRecord
from roadcue.registry import Registry, resolve

if TYPE_CHECKING:
    from roadcue.loaders.dataset import RoadDataset


@dataclass(frozen=True)
class DatasetEntry:
    """What is known of a data set before it is opened."""

    open: "str | Callable[..., RoadDataset]"
    """The function that opens a split, or where it is ("module:function"): open(data_dir, split, *, on_bad_record),
    and `image_root` where it takes one. It raises BadInput for a split that there is not."""
    needs_folder: bool = True
    """False: the data set makes itself when no folder is named, and `data_dir` is then None."""
    takes_image_root: bool = False
    """Whether the pictures may lie in another folder than their labels."""
    whole_split: str = "all"
    """The split whose sequences `--split_by sequence` parts into train and val."""
    camera: str = "FRONT"
    """The camera that is read when none is named."""
    fixed_fields: bool = False
    """Whether a published format fixes the names of `SampleTargets.fields`. Otherwise they are somebody's own, and
    one that no head reads is an error: labels under a misspelt name would teach nothing, unsaid."""


def _unfit(name: str, entry: object) -> str:
    """Why a plugin's thing is no data set."""
    if not isinstance(entry, DatasetEntry):
        return f"{entry!r:.60} is no DatasetEntry; register one"
    fits = callable(entry.open) or isinstance(entry.open, str)
    return "" if fits else f"its `open` is {entry.open!r:.60}; it must be the function that opens a split"


DATASETS = Registry[DatasetEntry](
    "data set",
    {
        "roadworld": DatasetEntry("roadcue.roadworld.dataset:open_roadworld", needs_folder=False, fixed_fields=True),
        "waymo_e2e": DatasetEntry("roadcue.loaders.waymo_e2e.dataset:open_waymo_e2e", fixed_fields=True),
        "manifest": DatasetEntry("roadcue.loaders.manifest.dataset:open_manifest", takes_image_root=True),
        "sensation": DatasetEntry(
            "roadcue.loaders.sensation.dataset:open_sensation",
            takes_image_root=True,
            whole_split="grouped",
            camera="CHEST",
            fixed_fields=True,
        ),
        "bdd100k": DatasetEntry(
            "roadcue.loaders.bdd100k.dataset:open_bdd100k", takes_image_root=True, fixed_fields=True
        ),
        "sidewalk": DatasetEntry(
            "roadcue.roadworld.dataset:open_sidewalk", needs_folder=False, camera="CHEST", fixed_fields=True
        ),
    },
    group="roadcue.datasets",
    unfit=_unfit,
)
"""Name -> data set. An installed package names a `DatasetEntry` of its own as an entry point of the group
`roadcue.datasets`; a file that `--plugin` names calls `DATASETS.register(name, DatasetEntry(...))`."""


def open_dataset(
    name: str,
    data_dir: Path | None,
    split: str,
    *,
    image_root: Path | None = None,
    on_bad_record: OnBadRecord = "raise",
) -> "RoadDataset":
    """One split ("train", "val", "test", or "all" of them) of a data set; BadInput when it cannot be opened.

    `image_root` is where the pictures are, if they are apart from the labels in `data_dir`.
    """
    entry = DATASETS.find(name)
    if data_dir is None and entry.needs_folder:
        raise BadInput(f"--data {name} needs --data_dir, the folder or file with the data")
    if image_root is not None and not entry.takes_image_root:
        taking = [other for other in DATASETS if DATASETS.find(other).takes_image_root]
        raise BadInput(f"--image_root belongs to --data {' or '.join(sorted(taking))}, not to {name}")
    open_split = resolve(entry.open) if isinstance(entry.open, str) else entry.open
    apart = {} if image_root is None else {"image_root": image_root}
    opened: RoadDataset = open_split(data_dir, split, on_bad_record=on_bad_record, **apart)
    return opened
