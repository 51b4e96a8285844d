"""Bad input through the real commands: exit code 2 and one sentence, or skipped and counted; nothing done is lost."""

import json
import re

import numpy as np
import pytest
from main_job import exit_code
from manifest_lines import driven_line
from refusal import QUICK, quick, refused, trained
from waymo_shards import SEQUENCE, drawn_jpeg, frame_bytes, write_shard

from roadcue import eval as scoring
from roadcue import train
from roadcue.loaders.tfrecord import read_records
from roadcue.training import encoded_pictures

SHARD = "training_x.tfrecord-00000-of-00001"


def frame(number, seed, **changes):
    """A frame of one of two sequences, with a small picture."""
    images = {"FRONT": drawn_jpeg(seed)}
    return frame_bytes(f"{SEQUENCE[:-1]}{number % 2}-{number:03d}", seed, **{"images": images, **changes})


@pytest.fixture
def shards(tmp_path):
    folder = tmp_path / "shards"
    folder.mkdir()
    write_shard(folder / SHARD, [frame(number, number) for number in range(6)])
    write_shard(folder / "val_x.tfrecord-00000-of-00001", [frame(number, 10 + number) for number in range(4)])
    return folder


@pytest.fixture
def manifest(tmp_path):
    folder = tmp_path / "own"
    (folder / "front").mkdir(parents=True)
    lines = []
    for number in range(10):
        split = "train" if number % 4 < 2 else "val"
        line = driven_line(folder, number, f"{number % 4}", split, sideways=0.1 * number)
        lines.append(json.dumps(line) + "\n")
    (folder / "manifest.jsonl").write_text("".join(lines))
    return folder


def offset(shard, number):
    return [record.offset for record in read_records(shard)][number]


def flip(path, byte):
    content = bytearray(path.read_bytes())
    content[byte] ^= 0x10
    path.write_bytes(content)


def bomb():
    """A JPEG whose header claims 65000 x 65000 pixels."""
    picture = bytearray(drawn_jpeg(0))
    header = picture.index(b"\xff\xc0")
    picture[header + 5 : header + 9] = b"\xfd\xe8\xfd\xe8"
    return bytes(picture)


def not_a_jpeg():
    return drawn_jpeg(0)[:60]


def not_finite():
    past = np.zeros((16, 6), np.float32)
    past[3, 1] = np.nan
    return past


def replaced(shard, number, payload):
    """Write the shard again with one record replaced; returns nothing, as every way to break one."""
    payloads = [record.payload for record in read_records(shard)]
    payloads[number] = payload
    write_shard(shard, payloads)


AT_RECORD_2 = r"training_x.tfrecord-00000-of-00001: record at byte {offset}: "
REMEDY = r".*--on_bad_record skip"
BROKEN_SHARDS = {
    "truncated": (
        lambda shard: shard.write_bytes(shard.read_bytes()[: offset(shard, 2) + 30]),
        AT_RECORD_2 + r"truncated, claims a payload of \d+ bytes where 14 are left",
    ),
    "bit of a length": (
        lambda shard: flip(shard, offset(shard, 2) + 1),
        AT_RECORD_2 + r"checksum of the length does not match; the rest of the file, \d+ bytes, is lost",
    ),
    "bit of the length's checksum": (
        lambda shard: flip(shard, offset(shard, 2) + 9),
        AT_RECORD_2 + "checksum of the length does not match",
    ),
    "bit of the data": (
        lambda shard: flip(shard, offset(shard, 2) + 200),
        AT_RECORD_2 + r"checksum of the \d+-byte payload does not match",
    ),
    "bit of the data's checksum": (
        lambda shard: flip(shard, offset(shard, 3) - 1),
        AT_RECORD_2 + r"checksum of the \d+-byte payload does not match",
    ),
    "empty file": (
        lambda shard: shard.with_name("training_y.tfrecord").touch(),
        "training_y.tfrecord: the file is empty",
    ),
    "another message type": (  # a tf.train.Example with one feature
        lambda shard: replaced(shard, 2, b"\x0a\x0e\x0a\x0c\x0a\x01x\x12\x07\x1a\x05\x0a\x03\x01\x02\x03"),
        AT_RECORD_2 + ".*Is this a shard of the end-to-end set",
    ),
    "random bytes": (
        lambda shard: replaced(shard, 2, np.random.default_rng(0).bytes(500)),
        AT_RECORD_2 + "is not an E2EDFrame message",
    ),
    "NaN state": (
        lambda shard: replaced(shard, 2, frame(2, 2, past=not_finite())),
        AT_RECORD_2 + rf"frame {SEQUENCE[:-1]}0-002: past_states.pos_y\[3\] is nan, not a finite number",
    ),
    "wrong-length past": (
        lambda shard: replaced(shard, 2, frame(2, 2, past=np.zeros((15, 6), np.float32))),
        AT_RECORD_2 + "frame .*: past_states has steps pos_x 15.*16 each are expected",
    ),
    "JPEG that does not decode": (
        lambda shard: replaced(shard, 2, frame(2, 2, images={"FRONT": not_a_jpeg()})),
        AT_RECORD_2 + "frame .*: FRONT: does not decode as a JPEG, PNG or WebP picture",
    ),
    "decompression bomb": (
        lambda shard: replaced(shard, 2, frame(2, 2, images={"FRONT": bomb()})),
        AT_RECORD_2 + "frame .*: FRONT: claims 65000 x 65000 pixels, more than the 64000000",
    ),
}


@pytest.mark.parametrize("case", BROKEN_SHARDS)
def test_a_broken_shard_is_named_or_skipped_and_counted(shards, tmp_path, capsys, case):
    shard, (damage, sentence) = shards / SHARD, BROKEN_SHARDS[case]
    sentence = sentence.replace("{offset}", str(offset(shard, 2)))
    damage(shard)
    words = ("--data", "waymo_e2e", "--data_dir", shards, "--run_dir", tmp_path / "run")
    assert re.search(sentence + REMEDY, refused(capsys, train.main, *QUICK, *words))
    output = trained(capsys, *words, "--on_bad_record", "skip")
    assert re.search(r"\b1 (bad record skipped, by|row of waymo_e2e train skipped; the first)", output)
    assert re.search(sentence, output)
    assert json.loads((tmp_path / "run" / "run.json").read_text())["skipped"] == 1


def changed_line(**changes):
    """Break line 5 of a manifest by replacing some of its keys."""

    def change(folder):
        lines = (folder / "manifest.jsonl").read_text().splitlines()
        lines[4] = json.dumps({**json.loads(lines[4]), **changes})
        (folder / "manifest.jsonl").write_text("\n".join(lines))

    return change


def cut_line(folder):
    lines = (folder / "manifest.jsonl").read_text().splitlines()
    lines[4] = lines[4][:40]
    (folder / "manifest.jsonl").write_text("\n".join(lines))


def linked_out(folder):
    (folder / "front/4.jpg").unlink()
    (folder.parent / "elsewhere.jpg").write_bytes(drawn_jpeg(4))
    (folder / "front/4.jpg").symlink_to(folder.parent / "elsewhere.jpg")


BROKEN_MANIFESTS = {
    "not JSON": (cut_line, r"line 5, column \d+: not JSON .*; write one whole JSON object per line"),
    "NaN state": (changed_line(past=not_finite().tolist()), r"line 5: past\[3, 1\] is not a finite number; leave"),
    "wrong-length past": (changed_line(past=[[0] * 6] * 15), "line 5: past must be 16x6 numbers, found 15x6"),
    "path outside": (
        changed_line(images={"FRONT": "../elsewhere.jpg"}),
        "line 5: .*'../elsewhere.jpg' leaves the data folder; write paths relative",
    ),
    "absolute path": (
        changed_line(images={"FRONT": "/etc/passwd"}),
        "line 5: .*'/etc/passwd' leaves the data folder",
    ),
    "link to the outside": (linked_out, "line 5: .*'front/4.jpg' leads to .*, outside .*; put the file itself below"),
    "missing picture": (
        lambda folder: (folder / "front/4.jpg").unlink(),
        "line 5: .*'front/4.jpg': No such file.*; ",
    ),
    "not a file": (
        lambda folder: (folder / "front/4.jpg").unlink() or (folder / "front/4.jpg").mkdir(),
        "line 5: .*'front/4.jpg' is not a file with something in it; name a picture file",
    ),
    "JPEG that does not decode": (
        lambda folder: (folder / "front/4.jpg").write_bytes(not_a_jpeg()),
        "line 5: sample 4: FRONT: does not decode as a JPEG, PNG or WebP picture .*; --on_bad_record skip",
    ),
    "another format": (
        lambda folder: (folder / "front/4.jpg").write_bytes(b"GIF89a"),
        "line 5: sample 4: .*'front/4.jpg' is no JPEG, PNG or WebP; convert it to one of them",
    ),
    "decompression bomb": (
        lambda folder: (folder / "front/4.jpg").write_bytes(bomb()),
        "line 5: sample 4: FRONT: claims 65000 x 65000 pixels, .*; make the picture smaller",
    ),
}


@pytest.mark.parametrize("case", BROKEN_MANIFESTS)
def test_a_broken_manifest_is_named_or_skipped_and_counted(manifest, tmp_path, capsys, case):
    damage, sentence = BROKEN_MANIFESTS[case]
    damage(manifest)
    words = ("--data", "manifest", "--data_dir", manifest, "--run_dir", tmp_path / "run")
    assert re.search("manifest.jsonl " + sentence, refused(capsys, train.main, *QUICK, *words))
    output = trained(capsys, *words, "--on_bad_record", "skip")
    assert re.search(r"\b1 (bad record skipped, by|row of manifest train skipped; the first)", output)
    assert json.loads((tmp_path / "run" / "run.json").read_text())["skipped"] == 1


@pytest.mark.parametrize("on", ["cpu", "cuda"])
def test_what_was_encoded_before_a_bad_picture_is_not_encoded_again(
    shards, tmp_path, capsys, monkeypatch, encoded, on
):
    monkeypatch.setattr(encoded_pictures, "device", lambda _: on)
    replaced(shards / SHARD, 5, frame(5, 5, images={"FRONT": not_a_jpeg()}))
    words = ("--data", "waymo_e2e", "--data_dir", shards, "--encode_batch", 1, "--run_dir", tmp_path / "run")
    refused(capsys, train.main, *quick(*words, "--workers", 2))
    assert sum(encoded) == 5, "the last of six is bad"
    trained(capsys, *words, "--workers", 2, "--on_bad_record", "skip")
    assert sum(encoded) == 5 + 4, "only the validation rows were left"


def test_a_run_without_an_encoder_shows_no_picture_that_does_not_decode(shards, tmp_path, capsys):
    val = shards / "val_x.tfrecord-00000-of-00001"
    for number in range(4):
        replaced(val, number, frame(number, 10 + number, images={"FRONT": not_a_jpeg()}))
    words = ("--encoder", "none", "--data", "waymo_e2e", "--data_dir", shards, "--on_bad_record")
    trained(capsys, *words, "raise", "--run_dir", tmp_path / "raise")
    assert "record at byte" in refused(capsys, scoring.main, "--run", tmp_path / "raise", "--resamples", 10)
    trained(capsys, *words, "skip", "--run_dir", tmp_path / "skip")
    assert exit_code(scoring.main, "--run", tmp_path / "skip", "--resamples", 10) == 0
    assert "no picture of the camera FRONT" in (tmp_path / "skip" / "report.html").read_text()
