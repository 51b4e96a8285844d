"""A run's drawn world once more: of another seed, through other cameras, and its walks in snow and at night."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from roadcue.files import user_path
from roadcue.loaders.dataset import RoadDataset, Subset
from roadcue.roadworld import dataset as drawn
from roadcue.roadworld.sidewalk.spec import SidewalkSpec
from roadcue.roadworld.sidewalk.walk import Walk
from roadcue.roadworld.sidewalk.write import check_sidewalk, write_sidewalk
from roadcue.roadworld.spec import RoadWorldSpec
from roadcue.roadworld.write import check_roadworld, write_roadworld
from roadcue.training.extraction_config import DataOptions

ANOTHER_SEED = "another seed"
_FRAMES_PER_S = 10


def drawn_anew(
    options: DataOptions, val: RoadDataset, pictures: int, folder: Path
) -> Iterator[tuple[str, RoadDataset]]:
    """What differs, and as many pictures as are asked for, drawn into `folder`; nothing where the data are not drawn.

    Of walks also the rows of `val`, the run's own, that lie in snow and in the night.
    """
    if options.data not in ("roadworld", "sidewalk"):
        return
    spec = _spec_of(options)
    for place, (kind, change) in enumerate(_changes(spec).items()):
        yield kind, _drawn(spec, change, pictures, folder / f"drawn_anew_{place}")
    if isinstance(spec, SidewalkSpec):
        yield from _by_weather(val, spec)


def _spec_of(options: DataOptions) -> RoadWorldSpec | SidewalkSpec:
    folder = user_path(options.data_dir) if options.data_dir else None
    if options.data == "sidewalk":
        return check_sidewalk(folder) if folder else drawn.DEFAULT_SIDEWALK
    return check_roadworld(folder) if folder else drawn.DEFAULT


def _changes(spec: RoadWorldSpec | SidewalkSpec) -> Mapping[str, Mapping[str, float]]:
    """Name -> fields of a spec: a camera mounted a little otherwise is still the same street."""
    wide, high = spec.field_of_view, spec.camera_height
    return {
        ANOTHER_SEED: {"seed": spec.seed + 1},
        "rolled 5 degrees to the left": {"roll": spec.roll - 5},
        "rolled 5 degrees to the right": {"roll": spec.roll + 5},
        "field of view 10 % narrower": {"field_of_view": 0.9 * wide},
        "field of view 10 % wider": {"field_of_view": 1.1 * wide},
        "camera 10 % lower": {"camera_height": 0.9 * high},
        "camera 10 % higher": {"camera_height": 1.1 * high},
    }


def _drawn(
    spec: RoadWorldSpec | SidewalkSpec, change: Mapping[str, float], pictures: int, folder: Path
) -> RoadDataset:
    if isinstance(spec, SidewalkSpec):
        write_sidewalk(replace(spec, train=0, val=pictures, masks=False, **change), folder, workers=1)  # type: ignore[arg-type]
        return drawn.open_sidewalk(folder, "val")
    of_one = max(1, round(_FRAMES_PER_S * spec.seconds / spec.stride))
    drives = -(-pictures // of_one)
    write_roadworld(replace(spec, train_sequences=0, val_sequences=drives, masks=False, **change), folder, workers=1)  # type: ignore[arg-type]
    return drawn.open_roadworld(folder, "val")


def _by_weather(val: RoadDataset, spec: SidewalkSpec) -> Iterator[tuple[str, RoadDataset]]:
    numbers = [int(name.split("-")[1]) for name in val.states.id.tolist()]
    light = {number: Walk(spec, number).light for number in sorted(set(numbers))}
    for kind, has in (("snow", lambda one: one.snow > 0), ("night", lambda one: one.dark)):
        rows = np.flatnonzero([has(light[number]) for number in numbers])
        if len(rows):
            yield kind, Subset(val, rows, kind)
