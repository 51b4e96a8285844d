"""RoadWorld's two views as data sets: drawn once into the cache, then read as any set of their format is."""

import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from roadcue.errors import BadInput
from roadcue.loaders.bad_records import OnBadRecord
from roadcue.loaders.sensation import Sensation, open_sensation
from roadcue.loaders.waymo_e2e import WaymoE2E, open_waymo_e2e
from roadcue.roadworld.drawing import drawn_once
from roadcue.roadworld.pairs import PAIRS
from roadcue.roadworld.sidewalk.spec import KINDS as WALK_KINDS
from roadcue.roadworld.sidewalk.spec import SidewalkSpec
from roadcue.roadworld.sidewalk.write import check_sidewalk, write_sidewalk
from roadcue.roadworld.spec import KINDS, RoadWorldSpec
from roadcue.roadworld.write import check_roadworld, write_roadworld
from roadcue.sentences import counted

DEFAULT = RoadWorldSpec(train_sequences=1440, val_sequences=240, stride=20, cameras=("FRONT",))
"""What is drawn when no folder is named: as much of one camera as two cores draw and encode in minutes."""
DEFAULT_SIDEWALK = SidewalkSpec()
"""The same of the sidewalk view."""
PAIRS_OF_A_KIND = 100
"""Of the pairs that are drawn for a run that learns from pairs and names none."""
View = TypeVar("View", WaymoE2E, Sensation)


def open_roadworld(data_dir: Path | None, split: str, *, on_bad_record: OnBadRecord = "raise") -> WaymoE2E:
    """Open "train", "val" or "all" of the RoadWorld in a folder, or of the default one, which is drawn when needed.

    BadInput when the folder is not a finished RoadWorld, its files are not of the sizes that were written, or none is
    of the split.
    """
    _check_split(split, "RoadWorld")
    folder = data_dir or drawn_once("roadworld", DEFAULT, write_roadworld)
    spec = check_roadworld(folder)
    held = [part for part in ("train", "val") if len(spec.numbers(part))]
    _check_held(split, held, spec, folder, "roadworld", "roadcue.roadworld")
    dataset = open_waymo_e2e(folder, split, on_bad_record=on_bad_record)
    return _described(dataset, "roadworld", "RoadWorld", split, folder, "frame", "sequence")


def open_sidewalk(data_dir: Path | None, split: str, *, on_bad_record: OnBadRecord = "raise") -> Sensation:
    """Open "train", "val" or "all" of the sidewalk view in a folder, or of the default one, drawn when needed.

    BadInput when the folder is not a finished sidewalk view, its files are not of the sizes that were written, or
    none is of the split.
    """
    _check_split(split, "the sidewalk view")
    folder = data_dir or drawn_once("sidewalk", DEFAULT_SIDEWALK, write_sidewalk)
    spec = check_sidewalk(folder)
    held = [part for part in ("train", "val") if spec.pictures(part)]
    _check_held(split, held, spec, folder, "sidewalk", "roadcue.roadworld.sidewalk")
    dataset = open_sensation(folder, split, on_bad_record=on_bad_record)
    described = _described(dataset, "sidewalk", "RoadWorld's sidewalk view", split, folder, "picture", "walk")
    described.description += dataset.of_states
    return described


def roadworld_pairs(data_dir: Path | None, cameras: tuple[str, ...]) -> Path:
    """The folder of pairs to learn from, of the world in a folder or of the default one; drawn when needed.

    They have its seed, its pictures' size and its cameras' mount, are seen by `cameras`, and no sequence of theirs is
    in it or among pairs that are scored.
    """
    spec = replace(
        check_roadworld(data_dir) if data_dir else DEFAULT,
        train_sequences=0,
        val_sequences=0,
        seconds=RoadWorldSpec.seconds,  # of which a short drive may have too few for a moment
        stride=RoadWorldSpec.stride,
        cameras=cameras,
        masks=False,
        pairs=PAIRS_OF_A_KIND * len(KINDS),
        kinds=KINDS,
        pairs_split="train",
    )
    return drawn_once("roadworld", spec, write_roadworld)


def sidewalk_pairs(data_dir: Path | None) -> Path:
    """The same of the sidewalk view."""
    spec = replace(
        check_sidewalk(data_dir) if data_dir else DEFAULT_SIDEWALK,
        train=0,
        val=0,
        seconds=SidewalkSpec.seconds,
        rate=SidewalkSpec.rate,
        masks=False,
        pairs=PAIRS_OF_A_KIND * len(WALK_KINDS),
        kinds=WALK_KINDS,
        pairs_split="train",
    )
    return drawn_once("sidewalk", spec, write_sidewalk)


def _check_split(split: str, view: str) -> None:
    if split not in ("train", "val", "all"):
        raise BadInput(f"split {split!r} is unknown; {view} has train, val, or all of them.")


def _check_held(
    split: str, held: Sequence[str], spec: RoadWorldSpec | SidewalkSpec, folder: Path, name: str, module: str
) -> None:
    """BadInput, with what to do, when nothing of a split was drawn into the folder of the data set `name`.

    `held` are the splits that were; `module` draws such folders.
    """
    if split == "all" or split in held:
        return
    if spec.pairs and spec.pairs_split == "train":
        raise BadInput(
            f"{folder}: holds pairs ({PAIRS}) that are there to be learnt from, and nothing to score. Draw "
            f"others with python -m {module} --pairs N."
        )
    if spec.pairs:
        raise BadInput(
            f"{folder}: holds pairs ({PAIRS}), which are a validation split and nothing to train on. Train on "
            "another folder (pairs to learn from are drawn with --pairs_split train), then score that run on the "
            f"pairs: python eval.py --run RUN --data {name} --data_dir {shlex.quote(str(folder))} --out SCORES"
        )
    raise BadInput(
        f"{folder}: was drawn with --{split} 0, so it holds nothing of split {split}. Draw another with python -m "
        f"{module} --{split} N, or part this one by --split_by sequence."
    )


def _described(dataset: View, name: str, view: str, split: str, folder: Path, row: str, drive: str) -> View:
    """The data set under the view's own name, which says that its pictures are drawn."""
    dataset.name = name
    dataset.description = (
        f"{view}: drawn pictures, not photographs; {split}: {counted(len(dataset), row)} of "
        f"{counted(len(set(dataset.states.sequence)), f'simulated {drive}')} in {folder}"
    )
    return dataset
