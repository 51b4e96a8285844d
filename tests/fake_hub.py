"""A model hub that is a folder: what is uploaded lands in the hub's cache, where a download would have put it."""

import shutil
from pathlib import Path
from types import SimpleNamespace

SHA = "0123456789abcdef0123456789abcdef01234567"


def offline(monkeypatch, cache: Path) -> None:
    """An empty cache of the hub, and no network beside it."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(cache))


def snapshot_of(cache: Path, name: str) -> Path:
    """The folder of a repository's main revision in the cache; it need not exist."""
    repository = cache / f"models--{name.replace('/', '--')}"
    (repository / "refs").mkdir(parents=True, exist_ok=True)
    (repository / "refs" / "main").write_text(SHA)
    return repository / "snapshots" / SHA


def fake_hub(monkeypatch, cache: Path) -> SimpleNamespace:
    """`private` is what a push has asked for, `is_private` what the repository is, `fault` what a push meets."""
    offline(monkeypatch, cache)
    hub = SimpleNamespace(private=None, is_private=True, fault=None)

    class Api:
        def __init__(self, **_):
            pass

        def create_repo(self, name, *, private, exist_ok):
            if hub.fault:
                raise hub.fault
            hub.private = private
            return f"https://huggingface.co/{name}"

        def model_info(self, name):
            return SimpleNamespace(private=hub.is_private)

        def upload_folder(self, *, repo_id, folder_path, commit_message, delete_patterns):
            shutil.copytree(folder_path, snapshot_of(cache, repo_id), dirs_exist_ok=True)

    monkeypatch.setattr("huggingface_hub.HfApi", Api)
    return hub
