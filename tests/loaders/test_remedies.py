"""Files that are whole and of another kind: the message says what helps, and never to download them again."""

import errno
import gzip
import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest
from manifest_lines import a_line
from refusing_disk import read_only
from safetensors import SafetensorError
from waymo_shards import SEQUENCE, SHARD, drawn_jpeg, frame_bytes, write_shard

from roadcue.errors import BadInput
from roadcue.files import writing_into
from roadcue.json_lines import lines_of
from roadcue.loaders.csv_rows import read_rows
from roadcue.loaders.manifest.dataset import open_manifest
from roadcue.loaders.tfrecord import RecordWriter
from roadcue.loaders.waymo_e2e import open_waymo_e2e

pytestmark = pytest.mark.usefixtures("cache")


def shard(folder: Path, number: int = 0) -> Path:
    path = folder / SHARD.format(number)
    write_shard(path, [frame_bytes(f"{SEQUENCE}-{number:03d}", number, images={"FRONT": drawn_jpeg(number)})])
    return path


@pytest.mark.parametrize("on_bad_record", ["raise", "skip"])
def test_a_gzip_shard_is_to_be_unpacked(tmp_path: Path, on_bad_record) -> None:
    """It is no bad record: left out, all of its frames would be."""
    shard(tmp_path)
    packed = shard(tmp_path, 1)
    packed.write_bytes(gzip.compress(packed.read_bytes()))
    with pytest.raises(BadInput, match="00001-of-00002: is packed with gzip; unpack it") as caught:
        open_waymo_e2e(tmp_path, "val", on_bad_record=on_bad_record)
    assert "ownload" not in str(caught.value)
    packed.write_bytes(gzip.decompress(packed.read_bytes()))
    assert len(open_waymo_e2e(tmp_path, "val")) == 2


def test_a_folder_of_gzip_shards_is_to_be_unpacked(tmp_path: Path) -> None:
    shard(tmp_path).rename(tmp_path / f"{SHARD.format(0)}.gz")
    with pytest.raises(BadInput, match=r"00000-of-00002\.gz is packed; unpack it and all that are like it"):
        open_waymo_e2e(tmp_path, "val")


def test_packed_text_is_to_be_unpacked(tmp_path: Path) -> None:
    file = tmp_path / "manifest.jsonl"
    file.write_bytes(gzip.compress(json.dumps(a_line("1")).encode()))
    for read in (
        lambda: open_manifest(file, "all", on_bad_record="skip"),
        lambda: list(lines_of(file)),
        lambda: read_rows(file, ["image"]),
    ):
        with pytest.raises(BadInput, match=r"manifest\.jsonl: is packed with gzip; unpack it"):
            read()
    (tmp_path / "manifest.parquet").write_bytes(file.read_bytes())
    with pytest.raises(BadInput, match=r"manifest\.parquet: is packed with gzip; unpack it"):
        open_manifest(tmp_path / "manifest.parquet", "all")
    with pytest.raises(BadInput, match=r"manifest\.jsonl\.gz is no manifest; unpack it, then its name must end in"):
        open_manifest(file.rename(tmp_path / "manifest.jsonl.gz"), "all")


def manifest_of_spark(folder: Path, kind: str) -> Path:
    """A folder as Spark writes it, of two part files, beside the picture that they name."""
    (folder / "front").mkdir()
    (folder / "front/1.jpg").write_bytes(drawn_jpeg(1))
    pieces = folder / f"manifest.{kind}"
    pieces.mkdir()
    (pieces / "_SUCCESS").touch()
    for number in (1, 2):
        line = a_line(str(number), intent=1)
        if kind == "parquet":
            pyarrow.parquet.write_table(
                pyarrow.Table.from_pylist([line]), pieces / f"part-0000{number}-a1.snappy.parquet"
            )
        else:
            (pieces / f"part-0000{number}-a1.json").write_text(json.dumps(line) + "\n")
    return pieces


@pytest.mark.parametrize(("kind", "whole"), [("parquet", "manifest.parquet"), ("jsonl", "manifest.jsonl")])
def test_a_folder_of_spark_s_is_to_be_made_one_file_by_the_command_that_is_said(tmp_path: Path, kind, whole) -> None:
    pieces = manifest_of_spark(tmp_path, kind)
    for named in (tmp_path, pieces):
        with pytest.raises(BadInput, match="is a folder of 2 part files, as Spark writes them") as caught:
            open_manifest(named, "all")
    command = str(caught.value).partition("Make one of them: ")[2]
    (tmp_path / "made").mkdir()
    command = command.replace("python -c", f"{shlex.quote(sys.executable)} -c", 1)
    subprocess.run(command, shell=True, cwd=tmp_path / "made", check=True)
    dataset = open_manifest(tmp_path / "made" / whole, "all", image_root=tmp_path)
    assert sorted(dataset.states.id) == ["1", "2"]


def test_a_folder_with_the_name_of_a_shard_is_said_to_be_one(tmp_path: Path) -> None:
    (tmp_path / "val_x.tfrecord").mkdir()
    shard(tmp_path / "val_x.tfrecord")
    with pytest.raises(BadInput, match=r"val_x\.tfrecord: is a folder, and a shard is a file"):
        open_waymo_e2e(tmp_path, "val")


def test_a_dangling_link_among_shards_is_named_with_where_it_leads(tmp_path: Path) -> None:
    """It was left out without a word, and its frames with it."""
    (tmp_path / "data").mkdir()
    shard(tmp_path / "data")
    elsewhere = shard(tmp_path, 1)
    (tmp_path / "data" / elsewhere.name).symlink_to(elsewhere)
    assert len(open_waymo_e2e(tmp_path / "data", "val")) == 2
    elsewhere.unlink()
    said = f"00001-of-00002: is a link to {elsewhere}, which is not there; put it back, or remove the link"
    with pytest.raises(BadInput, match=re.escape(said)):
        open_waymo_e2e(tmp_path / "data", "val")
    (tmp_path / "manifest.jsonl").symlink_to("gone.jsonl")
    with pytest.raises(BadInput, match=r"manifest\.jsonl: is a link to gone\.jsonl, which is not there"):
        open_manifest(tmp_path, "all")


ROOM = re.compile("room|free space", re.IGNORECASE)


def test_a_read_only_disk_does_not_lack_room(tmp_path: Path) -> None:
    with (
        read_only(),
        pytest.raises(BadInput, match=r"Read-only file system.*name a place where you may write") as said,
    ):
        RecordWriter(tmp_path / "val_x.tfrecord")
    assert not ROOM.search(str(said.value))
    refused = SafetensorError("Error while serializing: I/O error: Read-only file system (os error 30)")
    with (
        pytest.raises(BadInput, match=r"\(Read-only file system\); name a place where you may write") as said,
        writing_into(tmp_path, "free space there"),
    ):
        raise refused
    assert not ROOM.search(str(said.value))


def test_a_failing_disk_does_not_lack_room(tmp_path: Path) -> None:
    with (
        pytest.raises(BadInput, match=r"\(Input/output error\); look whether the disk or the network drive") as said,
        writing_into(tmp_path, "free space there"),
    ):
        raise OSError(errno.EIO, "Input/output error", str(tmp_path))
    assert not ROOM.search(str(said.value))


def test_a_full_disk_lacks_room(tmp_path: Path) -> None:
    full = SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")
    with (
        pytest.raises(BadInput, match=r"\(No space left on device\); free space there"),
        writing_into(tmp_path, "free space there"),
    ):
        raise full
