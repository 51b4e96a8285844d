"""What several tests of training need: a miniature to begin with, and small splits whatever is named."""

import json
import shutil

import pytest
from drawn import DrawnDataset

from roadcue.models import mini
from roadcue.roadworld.sidewalk.spec import VIEW_VERSION
from roadcue.roadworld.spec import WORLD_VERSION


@pytest.fixture(scope="module")
def tower_of_this_world(tmp_path_factory):
    """The folder of a copy of the shipped miniature SmolVLM2 that says it has learnt the world as it is now."""
    folder = shutil.copytree(mini.SMOL, tmp_path_factory.mktemp("smol") / "smol")
    (folder / "world.json").write_text(json.dumps({"RoadWorld": WORLD_VERSION, "sidewalk view": VIEW_VERSION}))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mini, "SMOL", folder)
        yield folder


@pytest.fixture
def small(monkeypatch, tmp_path):
    """Splits of 96 and 48 rows in 8 and 4 sequences, whatever is named."""
    sequences = {"train": 8, "val": 4}
    monkeypatch.setattr(
        "roadcue.training.build.open_dataset", lambda name, folder, split, **_: DrawnDataset(split, sequences[split])
    )
    monkeypatch.setenv("ROADCUE_CACHE", str(tmp_path / "cache"))
