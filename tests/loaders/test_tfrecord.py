import os
import resource
import struct
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roadcue.errors import BadInput, BadRecord
from roadcue.loaders.tfrecord import RecordWriter, masked_crc, read_records

PAYLOADS = [b"first", b"", b"third" * 100]


def write(path: Path, payloads: list[bytes]) -> list[int]:
    with RecordWriter(path) as writer:
        return [writer.write(payload) for payload in payloads]


@pytest.fixture
def shard(tmp_path: Path) -> Path:
    write(tmp_path / "shard", PAYLOADS)
    return tmp_path / "shard"


def flip(path: Path, offset: int) -> None:
    data = bytearray(path.read_bytes())
    data[offset] ^= 0x10
    path.write_bytes(data)


def test_crc_is_tensorflows() -> None:
    # RFC 3720, B.4: the CRC32C of 32 zero bytes is 0x8A9136AA; masked by hand: rotated right by 15, plus 0xA282EAD8
    assert masked_crc(bytes(32)) == ((0x8A9136AA >> 15) | (0x8A9136AA << 17) & 0xFFFFFFFF) + 0xA282EAD8 & 0xFFFFFFFF


def test_bytes_of_a_record_are_as_tensorflow_writes_them(tmp_path: Path) -> None:
    write(tmp_path / "one", [b"abc"])
    length = struct.pack("<Q", 3)
    expected = length + struct.pack("<I", masked_crc(length)) + b"abc" + struct.pack("<I", masked_crc(b"abc"))
    assert (tmp_path / "one").read_bytes() == expected


@settings(deadline=None)
@given(st.lists(st.binary(max_size=300), min_size=1, max_size=6))
def test_what_is_written_is_read(tmp_path_factory: pytest.TempPathFactory, payloads: list[bytes]) -> None:
    path = tmp_path_factory.mktemp("records") / "shard"
    offsets = write(path, payloads)
    records = list(read_records(path))
    assert [record.payload for record in records] == payloads
    assert [record.offset for record in records] == offsets
    data = path.read_bytes()
    assert all(data[r.payload_offset : r.payload_offset + len(r.payload)] == r.payload for r in records)


def test_reading_starts_where_it_is_told_to(shard: Path) -> None:
    second = list(read_records(shard))[1].offset
    assert [record.payload for record in read_records(shard, start=second)] == PAYLOADS[1:]


def test_flipped_bit_in_a_payload_costs_one_record(shard: Path) -> None:
    flip(shard, 12)
    with pytest.raises(BadRecord, match=rf"{shard}: record at byte 0: checksum of the 5-byte payload .* Download"):
        list(read_records(shard))
    bad: list[BadRecord] = []
    assert [record.payload for record in read_records(shard, on_bad=bad.append)] == PAYLOADS[1:]
    assert len(bad) == 1


@pytest.mark.parametrize("byte", [0, 7, 8, 11])
def test_flipped_bit_in_a_length_costs_the_rest_and_says_so(shard: Path, byte: int) -> None:
    second = list(read_records(shard))[1].offset
    flip(shard, second + byte)
    lost = shard.stat().st_size - second
    message = (
        rf"{shard}: record at byte {second}: checksum of the length .* the rest of the file, {lost} bytes, is lost"
    )
    with pytest.raises(BadRecord, match=message):
        list(read_records(shard))
    bad: list[BadRecord] = []
    assert [record.payload for record in read_records(shard, on_bad=bad.append)] == PAYLOADS[:1]
    assert len(bad) == 1


def test_every_truncation_is_noticed_and_keeps_what_is_before(shard: Path) -> None:
    whole = shard.read_bytes()
    ends = [record.payload_offset + len(record.payload) + 4 for record in read_records(shard)]
    for size in range(1, len(whole)):
        shard.write_bytes(whole[:size])
        bad: list[BadRecord] = []
        read = list(read_records(shard, on_bad=bad.append))
        assert len(read) == sum(end <= size for end in ends)
        assert len(bad) == (size not in ends)
        assert all("truncated" in str(one) for one in bad)


def test_absurd_length_is_not_allocated(tmp_path: Path) -> None:
    for length in (2**63, 2**40):
        header = struct.pack("<Q", length)
        (tmp_path / "bomb").write_bytes(header + struct.pack("<I", masked_crc(header)) + b"x" * 100)
        with pytest.raises(BadRecord, match=f"bomb: record at byte 0: claims {length} bytes, more than"):
            list(read_records(tmp_path / "bomb"))
    header = struct.pack("<Q", 2**30)
    (tmp_path / "bomb").write_bytes(header + struct.pack("<I", masked_crc(header)) + b"x" * 100)
    with pytest.raises(BadRecord, match=f"truncated, claims a payload of {2**30} bytes where 96 are left"):
        list(read_records(tmp_path / "bomb"))


def test_empty_file(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    with pytest.raises(BadRecord, match=r"empty: the file is empty. Download"):
        list(read_records(tmp_path / "empty"))


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"absent: cannot be read \(No such file or directory\); check the path"):
        list(read_records(tmp_path / "absent"))


def test_full_disk_leaves_nothing_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "shard"
    path.write_bytes(b"as it was")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(BadInput, match=r"shard: cannot be written beyond byte \d+ .* Nothing was left behind"):
            write(path, [os.urandom(10_000)] * 50)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_bytes() == b"as it was"
    assert os.listdir(tmp_path) == ["shard"]


def test_full_disk_when_the_last_bytes_are_flushed(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, hard))
    try:
        with pytest.raises(BadInput, match="Nothing was left behind"):
            write(tmp_path / "shard", [b"small enough to wait in the buffer"])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert os.listdir(tmp_path) == []


def test_failure_of_the_writer_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(TypeError):
        write(tmp_path / "shard", [b"x", None])  # type: ignore[list-item]
    assert os.listdir(tmp_path) == []


def test_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot be written"):
        RecordWriter(tmp_path / "absent" / "shard")
