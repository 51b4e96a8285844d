"""A pipe or /dev/zero given as any file is refused at once: it may never come to an end."""

import os
import signal
from pathlib import Path

import pytest

from roadcue.command_line import parse_file
from roadcue.errors import RoadCueError
from roadcue.evaluation.frames import Frames
from roadcue.heads.registry import load_head
from roadcue.inference.pictures import pixels_of
from roadcue.loaders.bdd100k.labels import read_frames
from roadcue.loaders.csv_rows import read_rows
from roadcue.loaders.film import read_film
from roadcue.loaders.manifest.dataset import open_manifest
from roadcue.loaders.poses import read_poses
from roadcue.loaders.tfrecord import read_records
from roadcue.models.checkpoint import read_json
from roadcue.models.pickled import read_pickled
from roadcue.roadworld.write import check_roadworld
from roadcue.training.checkpoints import read_checkpoint
from roadcue.training.config import TrainConfig
from roadcue.training.run_folder import RunFolder
from roadcue.weights import read_safetensors


def at(name, read):
    """Reads the folder in which the pipe has a name."""

    def read_folder(pipe):
        place = pipe.with_name(name)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(pipe)
        return read(pipe.parent)

    return read_folder


READERS = {
    "config.yaml": lambda pipe: parse_file(TrainConfig, pipe),
    "run.json": at("run.json", lambda folder: RunFolder(folder).read_facts()),
    "last.safetensors": read_checkpoint,
    "weights": lambda pipe: list(read_safetensors(pipe)),
    "checkpoint.pt": read_pickled,
    "config.json": read_json,
    "head": at("config.json", load_head),
    "manifest": lambda pipe: at("m.jsonl", lambda folder: open_manifest(folder / "m.jsonl", "train"))(pipe),
    "Parquet": lambda pipe: at("m.parquet", lambda folder: open_manifest(folder / "m.parquet", "train"))(pipe),
    "poses": read_poses,
    "table": lambda pipe: list(read_rows(pipe, ["a"])),
    "labels": read_frames,
    "shard": lambda pipe: list(read_records(pipe)),
    "frames.parquet": Frames.read,
    "drawn world": at("manifest.json", check_roadworld),
    "picture": pixels_of,
    "film": read_film,
}


@pytest.fixture(params=["pipe", "/dev/zero"])
def endless(request, tmp_path):
    """A file without an end; whoever waits for it is stopped."""
    signal.alarm(60)
    if request.param == "pipe":
        os.mkfifo(tmp_path / "pipe")
    else:
        (tmp_path / "pipe").symlink_to(request.param)
    yield tmp_path / "pipe"
    signal.alarm(0)


@pytest.mark.parametrize("reader", READERS)
def test_is_refused_with_its_place(endless, reader):
    with pytest.raises((RoadCueError, OSError), match=r"pipe or a device") as caught:
        READERS[reader](endless)
    assert str(endless.parent) in str(caught.value) or str(Path("/dev/zero")) in str(caught.value)
