"""Where other people's software has left what it says on fixed inputs."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def golden_dir() -> Path:
    """The folder `$GOLDEN_DIR`, by default ../shared/golden; missing it fails in CI and skips elsewhere."""
    folder = Path(os.environ.get("GOLDEN_DIR", Path(__file__).parents[3] / "shared" / "golden"))
    if not folder.is_dir():
        message = f"no golden data in {folder}; set GOLDEN_DIR to the folder that holds waymo_e2e"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return folder
