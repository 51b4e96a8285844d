"""RoadWorld's two views as data sets: drawn once into the cache, then read as any set of their format is."""

from pathlib import Path

from roadcue.errors import BadInput
from roadcue.loaders.bad_records import OnBadRecord
from roadcue.loaders.dataset import RoadDataset
from roadcue.loaders.sensation import Sensation, open_sensation
from roadcue.loaders.waymo_e2e import open_waymo_e2e
from roadcue.roadworld.drawing import drawn_once
from roadcue.roadworld.sidewalk.spec import SidewalkSpec
from roadcue.roadworld.sidewalk.write import check_sidewalk, write_sidewalk
from roadcue.roadworld.spec import RoadWorldSpec
from roadcue.roadworld.write import check_roadworld, write_roadworld

DEFAULT = RoadWorldSpec(train_sequences=1440, val_sequences=240, stride=20, cameras=("FRONT",))
"""What is drawn when no folder is named: as much of one camera as two cores draw and encode in minutes."""
DEFAULT_SIDEWALK = SidewalkSpec()
"""The same of the sidewalk view."""


def open_roadworld(data_dir: Path | None, split: str, *, on_bad_record: OnBadRecord = "raise") -> RoadDataset:
    """Open "train", "val" or "all" of the RoadWorld in a folder, or of the default one, which is drawn when needed.

    BadInput when the folder is not a finished RoadWorld, or its files are not of the sizes that were written.
    """
    if split not in ("train", "val", "all"):
        raise BadInput(f"split {split!r} is unknown; RoadWorld has train, val, or all of them.")
    folder = data_dir or drawn_once("roadworld", DEFAULT, write_roadworld)
    check_roadworld(folder)
    dataset = open_waymo_e2e(folder, split, on_bad_record=on_bad_record)
    dataset.name = "roadworld"
    dataset.description = (
        f"RoadWorld: drawn pictures, not photographs; {split}: {len(dataset)} frames of "
        f"{len(set(dataset.states.sequence))} simulated sequences in {folder}"
    )
    return dataset


def open_sidewalk(data_dir: Path | None, split: str, *, on_bad_record: OnBadRecord = "raise") -> Sensation:
    """Open "train", "val" or "all" of the sidewalk view in a folder, or of the default one, drawn when needed.

    BadInput when the folder is not a finished sidewalk view, or its files are not of the sizes that were written.
    """
    if split not in ("train", "val", "all"):
        raise BadInput(f"split {split!r} is unknown; the sidewalk view has train, val, or all of them.")
    folder = data_dir or drawn_once("sidewalk", DEFAULT_SIDEWALK, write_sidewalk)
    check_sidewalk(folder)
    dataset = open_sensation(folder, split, on_bad_record=on_bad_record)
    dataset.name = "sidewalk"
    dataset.description = (
        f"RoadWorld's sidewalk view: drawn pictures, not photographs; {split}: {len(dataset)} pictures of "
        f"{len(set(dataset.states.sequence))} simulated walks in {folder}"
    )
    return dataset
