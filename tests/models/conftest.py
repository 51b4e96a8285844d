import shutil
from pathlib import Path

import numpy as np
import pytest
from drawn_road import drawn_road

from roadcue.models import mini
from roadcue.models.smol.encoder import SmolEncoder


@pytest.fixture(scope="session")
def encoder() -> SmolEncoder:
    return SmolEncoder.from_pretrained(mini.SMOL, origin="miniature")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the miniature's folder, to be damaged."""
    return Path(shutil.copytree(mini.SMOL, tmp_path / "smol"))


@pytest.fixture
def road() -> np.ndarray:
    return drawn_road()
