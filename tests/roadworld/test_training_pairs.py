"""Pairs to learn from: others than those that are scored, in a training split, under names of their own."""

import json
import sys
from dataclasses import fields, replace
from pathlib import Path

import pytest

from roadcue.errors import BadInput
from roadcue.loaders.registry import open_dataset
from roadcue.roadworld import __main__ as drives
from roadcue.roadworld import dataset
from roadcue.roadworld.drawing import Spec
from roadcue.roadworld.pairs import PAIRS
from roadcue.roadworld.sidewalk import __main__ as walks
from roadcue.roadworld.sidewalk import pairs as paired_walks
from roadcue.roadworld.sidewalk.spec import SidewalkSpec
from roadcue.roadworld.sidewalk.write import write_sidewalk
from roadcue.roadworld.spec import FIRST_NUMBER, RoadWorldSpec, written_spec
from roadcue.roadworld.write import write_roadworld

DRIVES = RoadWorldSpec(0, 0, width=96, height=72, cameras=("FRONT",), pairs=2, kinds=("house_colour", "sun"))
WALKS = SidewalkSpec(0, 0, width=96, height=72, pairs=2, kinds=("house_colour", "sun"))
VIEWS = {"roadworld": (DRIVES, write_roadworld), "sidewalk": (WALKS, write_sidewalk)}


@pytest.fixture(scope="module", params=[*VIEWS])
def drawn(request, tmp_path_factory) -> tuple[str, Path, Path]:
    """A view, with a folder of pairs to learn from and one of the same pairs to be scored."""
    spec, write = VIEWS[request.param]
    folder = tmp_path_factory.mktemp(request.param)
    for split in ("train", "val"):
        write(replace(spec, pairs_split=split), folder / split, workers=1)
    return request.param, folder / "train", folder / "val"


def lines(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / PAIRS).read_text().splitlines()]


def test_they_are_a_training_split_of_the_same_kinds_in_other_sequences(drawn) -> None:
    view, learnt, scored = drawn
    train, val = open_dataset(view, learnt, "train"), open_dataset(view, scored, "val")
    assert len(train) == len(val) == len(open_dataset(view, learnt, "all")) == 4
    assert not set(train.states.sequence) & set(val.states.sequence)
    for folder, data in ((learnt, train), (scored, val)):
        assert [(line["pair"], line["half"]) for line in lines(folder)] == [
            (pair, half) for pair in range(2) for half in ("without", "with")
        ]
        assert {line["frame"].removesuffix(".jpg") for line in lines(folder)} == set(data.states.id)
    assert [line["kind"] for line in lines(learnt)] == [line["kind"] for line in lines(scored)]
    with pytest.raises(BadInput, match=r"holds pairs .* there to be learnt from, and nothing to score\. Draw others"):
        open_dataset(view, learnt, "val")


@pytest.mark.parametrize("spec", [DRIVES, WALKS], ids=[*VIEWS])
def test_their_numbers_are_nobody_elses(spec: Spec) -> None:
    train = replace(spec, pairs_split="train")
    limit = FIRST_NUMBER["val"] - FIRST_NUMBER["train"]
    tried = paired_walks._SCENES * paired_walks._NEXT_SCENE
    taken = sorted(
        (first, first + tried if "pairs" in name else first + limit) for name, first in FIRST_NUMBER.items()
    )
    assert train.first_pair == FIRST_NUMBER["train_pairs"]
    assert taken[-1][0] == train.first_pair
    assert all(end <= train.first_pair for _, end in taken[:-1])


@pytest.mark.parametrize("spec", [DRIVES, WALKS, RoadWorldSpec(), SidewalkSpec()])
def test_what_was_drawn_before_keeps_its_name(spec: Spec) -> None:
    before = {field.name for field in fields(spec)} - {"pairs_split"}
    assert written_spec(spec).keys() == before
    if spec.pairs:
        train = replace(spec, pairs_split="train")
        assert written_spec(train)["pairs_split"] == "train"
        assert train.key != spec.key


@pytest.mark.parametrize("view", [drives, walks])
def test_a_split_of_pairs_belongs_to_pairs(view, tmp_path, monkeypatch, capsys) -> None:
    words = ["view", "--out", str(tmp_path / "out"), "--pairs_split", "train"]
    monkeypatch.setattr(sys, "argv", words)
    assert view.main() != 0
    assert "--pairs_split train belongs to --pairs N" in capsys.readouterr().err
    with pytest.raises(BadInput, match=r"pairs cannot be a split 'test'\. Choose among val, train"):
        replace(DRIVES if view is drives else WALKS, pairs_split="test")


def test_pairs_of_a_world_have_its_seed_and_its_camera(tmp_path, monkeypatch) -> None:
    asked = []
    monkeypatch.setattr(dataset, "drawn_once", lambda name, spec, write: asked.append((name, spec)))
    world = RoadWorldSpec(3, 1, 0.1, seed=5, width=96, height=72, masks=True, camera_height=1.4)
    walk = SidewalkSpec(4, 0, seed=6, roll=3.0, seconds=4.0, rate=1.0)
    monkeypatch.setattr(dataset, "check_roadworld", {Path("drives"): world}.__getitem__)
    monkeypatch.setattr(dataset, "check_sidewalk", {Path("walks"): walk}.__getitem__)
    dataset.roadworld_pairs(Path("drives"), ("FRONT",))
    dataset.sidewalk_pairs(Path("walks"))
    dataset.roadworld_pairs(None, ("FRONT",))
    (_, drive), (_, on_foot), (name, default) = asked
    assert (drive.seed, drive.width, drive.camera_height, drive.masks) == (5, 96, 1.4, False)
    assert (on_foot.seed, on_foot.roll, on_foot.seconds) == (6, 3.0, 1.0)
    for spec in (drive, on_foot, default):
        assert spec.pairs_split == "train"
        assert spec.pairs == dataset.PAIRS_OF_A_KIND * len(spec.kinds) > 0
    assert (name, default.seed, default.cameras) == ("roadworld", 0, ("FRONT",))
