from pathlib import Path

import numpy as np
import pytest
from waymo_shards import OTHER, SEQUENCE, SHARD, write_shards

from roadcue.loaders.jpeg import encode


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ROADCUE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "waymo_e2e"


@pytest.fixture
def two_shards(tmp_path: Path) -> Path:
    """Two shards with the frames of two sequences mixed."""
    (tmp_path / "data").mkdir()
    frames = [(f"{SEQUENCE}-012", 1), (f"{OTHER}-103", 2), (f"{SEQUENCE}-011", 3), (f"{OTHER}-99", 4)]
    write_shards(tmp_path / "data", {SHARD.format(0): frames[:2], SHARD.format(1): frames[2:]})
    return tmp_path / "data"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Pictures of two cameras, for the manifests of `manifest_lines`."""
    data = tmp_path / "data"
    for camera in ("front", "left"):
        (data / camera).mkdir(parents=True)
        for number in (1, 2, 3):
            (data / camera / f"{number}.jpg").write_bytes(encode(np.full((24, 32, 3), 40 * number, np.uint8), 90))
    return data
