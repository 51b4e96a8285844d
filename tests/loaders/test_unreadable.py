"""Files that are there and that the system does not hand over: said as what it is, and never called damage."""

import errno
import json
import re
from pathlib import Path

import pyarrow.parquet
import pytest
from refusing_disk import not_readable, read_only, refusal, stamps

from roadcue.errors import BadInput, BadRecord, Unreadable
from roadcue.json_lines import lines_of
from roadcue.loaders.bdd100k.labels import read_frames
from roadcue.loaders.manifest.dataset import open_manifest
from roadcue.loaders.picture_folder import PictureFolder
from roadcue.loaders.sensation.annotation_files import read_annotations
from roadcue.loaders.sensation.predictions import read_predictions
from roadcue.loaders.tfrecord import read_records
from roadcue.loaders.waymo_e2e import index, open_waymo_e2e
from roadcue.loaders.waymo_e2e.clusters import read_clusters
from roadcue.loaders.waymo_e2e.submission import frames

READERS = {
    "shard.tfrecord": lambda file: list(read_records(file)),
    "clusters.json": read_clusters,
    "frames.json": frames.read_frames,
    "labels.json": read_frames,
    "annotations.csv": read_annotations,
    "lines.jsonl": lambda file: list(lines_of(file)),
    "predictions.jsonl": read_predictions,
    "manifest.jsonl": lambda file: open_manifest(file, "all"),
}
DAMAGE = re.compile("damaged|download|delete|write it again|is whole", re.IGNORECASE)


@pytest.mark.parametrize(
    ("number", "message"),
    [
        (errno.EACCES, r"cannot be read \(Permission denied\); get the permission to read it"),
        (errno.EIO, r"cannot be read \(Input/output error\); look whether the disk or the network drive is in order"),
    ],
)
@pytest.mark.parametrize("name", READERS)
def test_no_permission_and_a_failing_disk_are_no_damage(tmp_path: Path, name: str, number: int, message: str) -> None:
    (tmp_path / name).write_text("{}\n")
    with (
        not_readable(tmp_path / name, number),
        pytest.raises(Unreadable, match=f"^{tmp_path / name}: {message}") as caught,
    ):
        READERS[name](tmp_path / name)
    assert not DAMAGE.search(str(caught.value))


@pytest.mark.parametrize("name", READERS)
def test_a_file_that_is_not_there_is_said_with_its_path(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadInput, match=f"{tmp_path / name}.*(No such file or directory|does not exist)"):
        READERS[name](tmp_path / name)


def test_a_parquet_manifest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "manifest.parquet"
    file.write_bytes(b"PAR1")
    with pytest.raises(BadInput, match="check that it is whole"):
        open_manifest(file, "all")

    def refuse(path: Path) -> None:
        raise refusal(errno.EACCES, path)

    monkeypatch.setattr(pyarrow.parquet, "ParquetFile", refuse)
    with pytest.raises(
        Unreadable, match=r"manifest.parquet: cannot be read \(Permission denied\); get the permission"
    ):
        open_manifest(file, "all")


def test_a_picture(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"\xff\xd8\xff")
    pictures = PictureFolder(tmp_path)
    for number, message in ((errno.EACCES, "get the permission to read it"), (errno.EIO, "look whether the disk")):
        with (
            not_readable(tmp_path / "a.jpg", number),
            pytest.raises(BadRecord, match=f"'a.jpg' cannot .*; {message}"),
        ):
            pictures.read("a.jpg")


class TestIndex:
    @pytest.fixture(autouse=True)
    def indexed(self, cache: Path, two_shards: Path) -> Path:
        """The file of the first shard's index."""
        open_waymo_e2e(two_shards, "val")
        return sorted(cache.iterdir())[0]

    def test_is_opened_on_a_read_only_disk_and_nothing_is_touched(self, two_shards: Path, cache: Path) -> None:
        before = stamps(cache), stamps(two_shards)
        with read_only():
            dataset = open_waymo_e2e(two_shards, "val")
            assert dataset.image(0, "FRONT")
        assert (stamps(cache), stamps(two_shards)) == before

    def test_that_may_not_be_read_is_not_made_again(
        self, two_shards: Path, indexed: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(index, "_index_shard", lambda *_: pytest.fail("indexed again"))
        for number in (errno.EACCES, errno.EIO):
            with not_readable(indexed, number), pytest.raises(Unreadable, match=f"^{indexed}: cannot be read"):
                open_waymo_e2e(two_shards, "val")


def test_the_readers_read_when_nothing_is_in_the_way(tmp_path: Path) -> None:
    """Else the tests above could pass for want of a reader that opens the file."""
    (tmp_path / "clusters.json").write_text(json.dumps({"a": {"scenario_cluster": "Others"}}))
    with not_readable(tmp_path / "another", errno.EACCES):
        assert read_clusters(tmp_path / "clusters.json") == {"a": "Others"}
