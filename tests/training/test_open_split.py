"""Which data set, split and pictures the options name."""

from dataclasses import replace
from pathlib import Path

import pytest
from sensation_folder import write_folder

from roadcue.command_line import parse
from roadcue.errors import BadInput
from roadcue.evaluation.config import EvalConfig
from roadcue.evaluation.run import run_options
from roadcue.loaders.sensation.film import BETWEEN, leakage
from roadcue.training.build import open_split
from roadcue.training.config import TrainConfig
from roadcue.training.extraction_config import DataOptions
from roadcue.training.run_folder import RunFolder


def images(options: DataOptions, split: str) -> list[str]:
    return [f"{one}.jpg" for one in open_split(options, split).states.id]


@pytest.fixture
def film(tmp_path: Path) -> DataOptions:
    """A film of 400 numbered pictures, of which the published split takes every fourth for validation."""
    names = [f"{number:04d}.jpg" for number in range(400)]
    val = names[::4]
    splits = {"train": sorted(set(names) - set(val)), "val": val}
    write_folder(tmp_path / "labels", splits, texts=False, pictures=tmp_path / "pictures")
    return DataOptions(
        data="sensation", data_dir=str(tmp_path / "labels"), image_root=str(tmp_path / "pictures"), val_fraction=0.4
    )


def test_sensations_own_parts_leak_and_its_stretches_do_not(film):
    train, val = images(film, "train"), images(film, "val")
    assert leakage(val, train) == (100, 100)
    grouped = replace(film, split_by="sequence")
    train, val = images(grouped, "train"), images(grouped, "val")
    assert len(train) + len(val) == 400 - 8 * BETWEEN
    assert leakage(val, train, steps=BETWEEN) == (len(val), 0)
    with pytest.raises(BadInput, match="it makes no test split"):
        open_split(grouped, "test")


def test_an_image_root_is_refused_where_pictures_are_in_the_data(tmp_path):
    taking = "bdd100k or manifest or sensation"
    with pytest.raises(BadInput, match=f"--image_root belongs to --data {taking}, not to waymo_e2e"):
        open_split(DataOptions(data="waymo_e2e", data_dir=str(tmp_path), image_root=str(tmp_path)), "train")


@pytest.mark.parametrize(
    ("asked", "data_dir", "image_root"),
    [
        ({}, "labels", "pictures"),
        ({"image_root": "others"}, "labels", "others"),
        ({"data_dir": "other"}, "other", ""),
        ({"data_dir": "other", "image_root": "others"}, "other", "others"),
        ({"data": "bdd100k", "data_dir": "bdd"}, "bdd", ""),
        ({"data": "sidewalk"}, "", ""),
    ],
)
def test_a_run_is_scored_on_its_own_pictures_unless_other_data_are_named(tmp_path, asked, data_dir, image_root):
    folder = RunFolder(tmp_path)
    words = ("--data", "sensation", "--data_dir", "labels", "--image_root", "pictures")
    folder.config.write_text(parse(TrainConfig, words)[1])
    options = run_options(folder, EvalConfig(run=str(tmp_path), **asked))
    of_run = {
        name: str(Path(name).absolute()) for name in ("labels", "pictures")
    }  # as the folder of that command has it
    wanted = of_run.get(data_dir, data_dir), of_run.get(image_root, image_root)
    assert (options.data_dir, options.image_root) == wanted
