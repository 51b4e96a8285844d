"""A few small drawn walks, in SENSATION's files."""

from pathlib import Path

import pytest

from roadcue.roadworld.sidewalk.spec import SidewalkSpec
from roadcue.roadworld.sidewalk.write import write_sidewalk


def drawn_walks(tmp_path_factory: pytest.TempPathFactory, train: int, val: int) -> Path:
    """The folder of so many pictures to learn from and so many others, 128 x 96."""
    folder = tmp_path_factory.mktemp("sidewalk") / "drawn"
    write_sidewalk(SidewalkSpec(train=train, val=val, width=128, height=96), folder, workers=1)
    return folder
