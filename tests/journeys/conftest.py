"""Every journey has a cache of its own, so that none lives on what another left."""

import pytest


@pytest.fixture(autouse=True, scope="module")
def _gentle(one_thread):
    pass


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    folder = tmp_path / "cache"
    monkeypatch.setenv("ROADCUE_CACHE", str(folder))
    monkeypatch.delenv("ROADCUE_TRACEBACK", raising=False)
    return folder
