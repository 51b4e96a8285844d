"""A drawn folder that holds nothing of a split: what to do instead is said, with the command."""

import shlex
from pathlib import Path

import pytest

from roadcue.errors import BadInput
from roadcue.loaders.registry import open_dataset
from roadcue.roadworld.sidewalk.spec import SidewalkSpec
from roadcue.roadworld.sidewalk.write import write_sidewalk
from roadcue.roadworld.spec import RoadWorldSpec
from roadcue.roadworld.write import write_roadworld

SMALL = {"width": 96, "height": 72}
DRAWS = {"roadworld": "python -m roadcue.roadworld", "sidewalk": "python -m roadcue.roadworld.sidewalk"}


def drawn(view: str, folder: Path, train: int, val: int, pairs: int = 0) -> Path:
    kinds = ("house_colour",) if pairs else ()
    if view == "roadworld":
        one = {"cameras": ("FRONT",), "seconds": 0.1}
        write_roadworld(RoadWorldSpec(train, val, pairs=pairs, kinds=kinds, **one, **SMALL), folder, workers=1)
    else:
        write_sidewalk(SidewalkSpec(train, val, pairs=pairs, kinds=kinds, **SMALL), folder, workers=1)
    return folder


@pytest.mark.parametrize("view", [*DRAWS])
def test_pairs_are_to_be_scored_and_not_trained_on(view: str, tmp_path: Path) -> None:
    folder = drawn(view, tmp_path / "a pair", 0, 0, pairs=1)
    with pytest.raises(BadInput, match=r"nothing to train on\. Train on another") as refusal:
        open_dataset(view, folder, "train")
    command = f"python eval.py --run RUN --data {view} --data_dir {shlex.quote(str(folder))} --out SCORES"
    assert str(refusal.value).endswith(command)
    assert len(open_dataset(view, folder, "val")) == len(open_dataset(view, folder, "all")) == 2


@pytest.mark.parametrize("view", [*DRAWS])
def test_a_split_of_which_nothing_was_drawn_says_how_to_draw_it(view: str, tmp_path: Path) -> None:
    folder = drawn(view, tmp_path / "training alone", 1, 0)
    with pytest.raises(
        BadInput, match=rf"--val 0, .* split val\. .* {DRAWS[view]} --val N, or .* --split_by sequence"
    ):
        open_dataset(view, folder, "val")
    assert len(open_dataset(view, folder, "train")) == 1
