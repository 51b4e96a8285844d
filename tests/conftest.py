"""Fixtures that several rooms' tests share."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from drawn_configs import drawn_configs
from hypothesis import settings
from lacking import lacking
from udacity_drive import udacity_folder, write_udacity_manifest

from roadcue.errors import BadInput

# The same examples in every CI run: what CI says is about the change at hand. Elsewhere each run tries new ones.
settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("ci")


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """For tensors so small that a second thread costs more than it gives, where others use the cores too."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def udacity() -> Path:
    """The folder of real photographs with derived trajectories; missing it fails in CI and skips elsewhere."""
    try:
        return udacity_folder()
    except BadInput as missing:
        lacking(str(missing))


@pytest.fixture(scope="session")
def udacity_manifest(udacity: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every 2nd window of the drive as a manifest in 8 sequences."""
    return write_udacity_manifest(udacity, tmp_path_factory.mktemp("udacity"), every=2)


@pytest.fixture(scope="session")
def golden_dir() -> Path:
    """The folder `$GOLDEN_DIR`, by default ../shared/golden; missing it fails in CI and skips elsewhere."""
    folder = Path(os.environ.get("GOLDEN_DIR", Path(__file__).parents[2] / "shared" / "golden"))
    if not folder.is_dir():
        lacking(f"no golden data in {folder}; set GOLDEN_DIR to the folder that holds waymo_e2e")
    return folder


@pytest.fixture
def drawn(monkeypatch, tmp_path):
    """Runs read DrawnDatasets instead of files; returns a function that makes a TrainConfig for them."""
    return drawn_configs(monkeypatch, tmp_path)
