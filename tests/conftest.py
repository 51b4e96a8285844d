"""Fixtures that several rooms' tests share."""

import os
from pathlib import Path

import pytest
from real_photographs import udacity_folder, write_udacity_manifest


@pytest.fixture(scope="session")
def udacity_manifest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Real photographs with derived trajectories: every 2nd window of the drive as a manifest in 8 sequences."""
    source = udacity_folder()
    if not source.is_dir():
        message = f"real photographs not found in {source}; set REAL_DIR to the folder that holds udacity_hmb3"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return write_udacity_manifest(source, tmp_path_factory.mktemp("udacity"), every=2)
