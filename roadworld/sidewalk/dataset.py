"""The sidewalk view as a data set: drawn once into the cache, then read as any SENSATION folder is."""

from pathlib import Path

from roadcue.errors import BadInput
from roadcue.loaders.bad_records import OnBadRecord
from roadcue.loaders.sensation import Sensation, open_sensation
from roadcue.roadworld.drawing import drawn_once
from roadcue.roadworld.sidewalk.spec import SidewalkSpec
from roadcue.roadworld.sidewalk.write import check_sidewalk, write_sidewalk

DEFAULT = SidewalkSpec()
"""What is drawn when no folder is named."""


def open_sidewalk(data_dir: Path | None, split: str, *, on_bad_record: OnBadRecord = "raise") -> Sensation:
    """Open "train", "val" or "all" of the sidewalk view in a folder, or of the default one, drawn when needed.

    BadInput when the folder is not a finished sidewalk view, or its files are not of the sizes that were written.
    """
    if split not in ("train", "val", "all"):
        raise BadInput(f"split {split!r} is unknown; the sidewalk view has train, val, or all of them.")
    folder = data_dir or drawn_once("sidewalk", DEFAULT, write_sidewalk)
    check_sidewalk(folder)
    dataset = open_sensation(folder, split, on_bad_record=on_bad_record)
    dataset.name = "sidewalk"
    dataset.description = (
        f"RoadWorld's sidewalk view: drawn pictures, not photographs; {split}: {len(dataset)} pictures of "
        f"{len(set(dataset.states.sequence))} simulated walks in {folder}"
    )
    return dataset
