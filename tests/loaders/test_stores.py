"""`python -m roadcue.loaders.stores`: which stores there are, and how one is removed."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from roadcue.errors import BadInput
from roadcue.folder_lock import Busy
from roadcue.loaders.contrast import CONTRAST_SHAPE
from roadcue.loaders.feature_store import FeatureStore, StoreWriter, store_folder
from roadcue.loaders.stores import main, remove, stores_in

PARTS = {"weights": "f" * 64, "pooling": "grid 4", "data": "drawn"}
IDS = np.array(["a", "b", "c"])
HOLDS = """
import fcntl, sys
file = open(sys.argv[1], "w")
fcntl.lockf(file, fcntl.LOCK_EX)
print("held", flush=True)
input()
"""


def write(root: Path, weights: str = "f", finish: bool = True) -> Path:
    parts = {**PARTS, "weights": weights * 64}
    folder = store_folder(root, "drawn-train", "smol", parts)
    writer = StoreWriter(folder, parts, IDS, ("FRONT",), (2, 3))
    if finish:
        features, contrast = np.ones((3, 1, 2, 3), np.float32), np.ones((3, 1, *CONTRAST_SHAPE), np.float32)
        writer.write(np.arange(3), features, contrast, np.ones((3, 1), bool))
        writer.finish()
    return folder


def test_stores_are_listed_and_removed_by_name(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("ROADCUE_CACHE", str(tmp_path))
    root = tmp_path / "features"
    first, second = write(root), write(root, "e", finish=False)
    assert main([]) == 0
    lines = capsys.readouterr().out.splitlines()
    by_name = {line.partition(": ")[0]: line for line in lines}
    assert "KB, 3 rows, written 20" in by_name[f"drawn-train/{first.name}"]
    assert by_name[f"drawn-train/{first.name}"].endswith("; pooling grid 4")
    assert "3 rows, not finished, written" in by_name[f"drawn-train/{second.name}"]
    assert lines[-1].startswith(f"2 stores in {root}, ")
    assert main(["--store_dir", str(root), "--remove", f"drawn-train/{first.name}"]) == 0
    assert capsys.readouterr().out.startswith(f"removed: drawn-train/{first.name}; ")
    assert sorted(path.name for path in first.parent.iterdir()) == [second.name]


@pytest.mark.parametrize("name", ["drawn-train/smol-0", "..", "drawn-train", "/etc"])
def test_what_is_no_store_is_not_removed(tmp_path, capsys, name):
    folder = write(tmp_path)
    assert main(["--store_dir", str(tmp_path), "--remove", name]) == 2
    assert f"--remove {name}: no such store in {tmp_path}" in capsys.readouterr().err
    assert FeatureStore(folder, PARTS).ids == ["a", "b", "c"]


def test_a_store_that_cannot_be_read_is_listed_and_can_be_removed(tmp_path, capsys):
    folder = write(tmp_path)
    (folder / "meta.json").write_text("[]")
    assert main(["--store_dir", str(tmp_path)]) == 0
    assert "cannot be read, so no training takes it" in capsys.readouterr().out
    remove(stores_in(tmp_path))
    assert stores_in(tmp_path) == []


def test_a_store_that_another_process_writes_is_left(tmp_path):
    folder = write(tmp_path, finish=False)
    (lock,) = (part / ".lock" for part in folder.glob("rows-*"))
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", HOLDS, str(lock)], **pipes) as process:
        assert process.stdout.readline() == "held\n"
        with pytest.raises(Busy, match=r"is encoding into .*; wait until it has ended"):
            remove(stores_in(tmp_path))
        assert folder.exists()
        process.communicate("\n")
    remove(stores_in(tmp_path))
    assert not folder.exists()


def test_none_is_there(tmp_path, capsys):
    assert main(["--store_dir", str(tmp_path / "nothing")]) == 0
    assert capsys.readouterr().out.startswith(f"0 stores in {tmp_path / 'nothing'}")
    assert not issubclass(Busy, OSError)
    assert issubclass(Busy, BadInput)
