"""A disk that fails at the n-th thing that is asked of it, n = 1, 2, ... until all goes well, as SQLite tests it.

After every failure there is a sentence that names the place, what was there before is there still, nothing half
written stays under its name, and the same again without a failure gives the same. (sqlite.org/testing.html, 3.2)
"""

import errno
import itertools
from pathlib import Path

import numpy as np
import pytest
import torch
from damaged_files import KINDS
from failing_disk import FailingDisk, failing

from roadcue.errors import RoadCueError
from roadcue.files import atomic_folder, resumable_folder, resumable_lines, write_atomic
from roadcue.loaders.contrast import CONTRAST_SHAPE
from roadcue.loaders.feature_store import FeatureStore, StoreWriter
from roadcue.loaders.tfrecord import RecordWriter, read_records
from roadcue.training.checkpoints import read_checkpoint, write_checkpoint


def lines(folder):
    with resumable_lines(folder / "lines", "key") as (file, left):
        for number in range(len(left), 3):
            file.write(f"{number}\n")
            file.flush()
    return (folder / "lines").read_text()


def shard(folder):
    with RecordWriter(folder / "shard") as writer:
        for number in range(3):
            writer.write(bytes([number]) * 100)
    return [record.payload for record in read_records(folder / "shard")]


def store(folder):
    ids = np.array(["a", "b", "c"])
    writer = StoreWriter(folder / "store", {"part": "1"}, ids, ["FRONT"], (2, 3))
    for row in writer.todo().tolist():
        if row == 1:
            writer.skip(1, "b", "bad JPEG")
            continue
        features = np.full((1, 1, 2, 3), row)
        writer.write(np.array([row]), features, np.zeros((1, 1, *CONTRAST_SHAPE)), np.ones((1, 1), bool))
    assert writer.finish()
    read = FeatureStore(folder / "store", {"part": "1"})
    return read.features[[0, 2]].tolist(), read.skipped


def checkpoint(folder):
    write_checkpoint(folder / "checkpoint/last.safetensors", {"global_step": 5, "weight": torch.arange(3)})
    return repr(read_checkpoint(folder / "checkpoint/last.safetensors"))


def facts(folder):
    KINDS["run.json"].write(folder)
    return KINDS["run.json"].read(folder)


def head(folder):
    KINDS["head weights"].write(folder / "head")
    return KINDS["head weights"].read(folder / "head")


def folders(folder):
    if not (folder / "made").exists():
        with atomic_folder(folder / "made") as partial:
            (partial / "file").write_text("whole")
    if not (folder / "world").exists():
        with resumable_folder(folder / "world", "key") as partial:
            (partial / "file").write_text("whole")
    write_atomic(folder / "DONE", "done\n")
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def refusal(job, folder):
    """The sentence that a job ends in; None where it has helped itself."""
    try:
        job(folder)
    except (RoadCueError, OSError) as error:
        return str(error)
    return None


@pytest.mark.parametrize("once", [True, False])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
@pytest.mark.parametrize("job", [lines, shard, store, checkpoint, facts, head, folders])
def test_a_disk_that_fails_at_any_moment(tmp_path, job, number, once):
    (tmp_path / "whole").mkdir()
    expected = job(tmp_path / "whole")
    everything = {str(path.relative_to(tmp_path / "whole")) for path in (tmp_path / "whole").rglob("*")}
    for first in itertools.count(1):
        folder = tmp_path / str(first)
        folder.mkdir()
        disk = FailingDisk(first, number, once=once)
        with failing(disk):
            said = refusal(job, folder)
        if not disk.failed:
            break
        assert said is None or str(folder) in said, said
        left = {str(path.relative_to(folder)) for path in folder.rglob("*")}
        assert not [name for name in left if name.endswith(".partial")], f"at {first}"
        assert job(folder) == expected, f"after a failure at {first}"
        assert {str(path.relative_to(folder)) for path in folder.rglob("*")} == everything, f"at {first}"
    assert first > 2
    assert Path(folder).exists()
