import shutil
from pathlib import Path

import numpy as np
import pytest

from roadcue.models import mini
from roadcue.models.smol.encoder import SmolEncoder


@pytest.fixture(scope="session")
def encoder() -> SmolEncoder:
    return SmolEncoder.from_pretrained(mini.SMOL, origin="miniature")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the miniature's folder, to be damaged."""
    return Path(shutil.copytree(mini.SMOL, tmp_path / "smol"))


def drawn_road(width: int = 320, height: int = 240, car_x: float = 0.25) -> np.ndarray:
    """A sky, a grey road and a red car whose place is a fraction of the width; (height, width, 3) uint8."""
    y, x = np.mgrid[0:height, 0:width]
    u, v = x / width, y / height
    picture = np.where((v < 0.5)[..., None], (150, 190, 240), (90, 130, 80)).astype(np.uint8)
    picture[(v >= 0.5) & (np.abs(u - 0.5) < (v - 0.45))] = (80, 80, 85)
    picture[(v >= 0.5) & (np.abs(u - 0.5) < 0.01) & ((y // 8) % 2 == 0)] = (250, 250, 250)
    picture[(np.abs(u - car_x) < 0.06) & (np.abs(v - 0.55) < 0.08)] = (220, 20, 20)
    return picture


@pytest.fixture
def road() -> np.ndarray:
    return drawn_road()
