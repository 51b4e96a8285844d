"""RoadWorld as a `RoadDataset`: drawn once into the cache, then read as any end-to-end set is."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from loaders.cache import cache_root
from loaders.dataset import RoadDataset
from loaders.errors import BadInput
from loaders.roadworld.spec import FIRST_NUMBER, RoadWorldSpec
from loaders.roadworld.write import check_roadworld, write_roadworld
from loaders.waymo_e2e import open_waymo_e2e


def open_roadworld(
    data_dir: Path | None, split: str, *, on_bad_record: Literal["raise", "skip"] = "raise"
) -> RoadDataset:
    """Open "train", "val" or "all" of the RoadWorld in a folder, or of the default one, which is drawn when needed.

    BadInput when the folder is not a finished RoadWorld, or its files are not of the sizes that were written.
    """
    if split not in (*FIRST_NUMBER, "all"):
        raise BadInput(f"split {split!r} is unknown; RoadWorld has {', '.join(FIRST_NUMBER)}, or all of them.")
    folder = data_dir or cached_roadworld(RoadWorldSpec())
    check_roadworld(folder)
    dataset = open_waymo_e2e(folder, split, on_bad_record=on_bad_record)
    dataset.name = "roadworld"
    dataset.description = (
        f"RoadWorld: drawn pictures, not photographs; {split}: {len(dataset)} frames of "
        f"{len(set(dataset.states.sequence))} simulated sequences in {folder}"
    )
    return dataset


def cached_roadworld(spec: RoadWorldSpec) -> Path:
    """The folder of a RoadWorld in the cache; drawn now, by one process at a time, unless it is there."""
    folder = cache_root() / "roadworld" / spec.key
    with _one_at_a_time(folder.with_name(f"{spec.key}.lock")):
        if not folder.exists():
            write_roadworld(spec, folder)
    return folder


@contextmanager
def _one_at_a_time(lock: Path) -> Iterator[None]:
    """Wait until no other process is between these lines; a killed one is no longer."""
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        file = open(lock, "w")  # noqa: SIM115 - closed below
    except OSError as error:
        remedy = "Name another folder in the environment variable ROADCUE_CACHE."
        raise BadInput(f"{lock}: the cache cannot be kept there ({error.strerror}). {remedy}") from error
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
