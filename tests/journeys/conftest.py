"""Every journey has a cache of its own, so that none lives on what another left, and may count its pictures."""

import pytest

from roadcue.models.smol.encoder import SmolEncoder


@pytest.fixture(autouse=True, scope="module")
def _gentle(one_thread):
    pass


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    folder = tmp_path / "cache"
    monkeypatch.setenv("ROADCUE_CACHE", str(folder))
    monkeypatch.delenv("ROADCUE_TRACEBACK", raising=False)
    return folder


@pytest.fixture
def encoded(monkeypatch):
    """Collects how many pictures of the data each call of the encoder gets: no training sees a covered lens."""
    counts = []
    monkeypatch.setattr("roadcue.training.heads.fitting.covered_pictures", lambda *_: None)
    encode = SmolEncoder.encode
    monkeypatch.setattr(
        SmolEncoder, "encode", lambda self, pixels: counts.append(len(pixels)) or encode(self, pixels)
    )
    return counts
