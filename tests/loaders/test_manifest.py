"""The manifest: what it reads, what it refuses and in which words."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from manifest_lines import PAST, a_line, write

from roadcue.errors import BadInput, BadRecord
from roadcue.json_lines import from_json
from roadcue.loaders.dataset import sample
from roadcue.loaders.manifest.dataset import open_manifest
from roadcue.loaders.manifest.line import parse_line
from roadcue.schema import Intent

FUTURE = [[1.0 + step, 0.1 * step] for step in range(20)]
RIGID = [1, 0, 0, 1.5, 0, 1, 0, 0, 0, 0, 1, 2.0, 0, 0, 0, 1]
CAMERA = {"intrinsic": [500, 500, 16, 12, 0, 0, 0, 0, 0], "extrinsic": RIGID, "width": 32, "height": 24}


def _with(array: list[list[float]], row: int, column: int, value: Any) -> list[list[Any]]:
    return [
        [value if (r, c) == (row, column) else cell for c, cell in enumerate(line)] for r, line in enumerate(array)
    ]


def test_every_key_arrives(folder: Path):
    full = a_line("1", future=FUTURE, fields={"weather": "rain"}, caption="Brake.", calibration={"FRONT": CAMERA})
    write(folder, full, a_line("2", intent=3, images={"FRONT": "front/2.jpg", "LEFT": "left/2.jpg"}))
    data = open_manifest(folder, "all")
    first, second = sample(data, 0), sample(data, 1)
    assert (first.id, first.sequence, first.frame, second.frame) == ("1", "a", 0, 1)
    assert (first.inputs.intent, second.inputs.intent) == (Intent.GO_LEFT, Intent.GO_RIGHT)
    assert first.inputs.past.dtype == np.float32
    np.testing.assert_array_equal(first.inputs.past, PAST)
    np.testing.assert_allclose(first.targets.future, FUTURE, rtol=1e-6)
    assert (first.targets.fields, first.targets.caption) == ({"weather": "rain"}, "Brake.")
    assert (second.targets.future, second.targets.fields, second.targets.caption) == (None, {}, None)
    assert np.isnan(data.states.future[1]).all()
    assert data.cameras == ("FRONT", "LEFT")
    assert list(first.inputs.images) == ["FRONT"]
    assert second.inputs.images["LEFT"] == (folder / "left/2.jpg").read_bytes()
    assert data.image(0, "LEFT") is None
    calibration = data.calibration(0, "FRONT")
    assert calibration is not None
    pixels, in_front = calibration.project(np.array([[11.5, 0.0, 2.0]]))
    np.testing.assert_allclose(pixels, [[16, 12]])
    assert in_front.all()
    assert data.calibration(1, "FRONT") is None
    assert "2 samples of 1 sequence" in data.description


def test_rows_are_in_order_of_sequence_and_frame(folder: Path):
    lines = [
        a_line("x", sequence="b", intent=1, past=_with(PAST, 15, 2, 11.0), future=_with(FUTURE, 19, 0, 111.0)),
        a_line("y", frame=7, intent=2, past=_with(PAST, 15, 2, 12.0)),
        a_line("z", frame=3, intent=3, past=_with(PAST, 15, 2, 13.0), future=_with(FUTURE, 19, 0, 113.0)),
    ]
    data = open_manifest(write(folder, *lines), "all")
    assert data.states.id.tolist() == ["z", "y", "x"]
    assert data.states.frame.tolist() == [3, 7, 0]
    assert data.states.intent.tolist() == [3, 2, 1]
    assert data.states.past[:, 15, 2].tolist() == [13, 12, 11]
    np.testing.assert_array_equal(data.states.future[:, 19, 0], [113, np.nan, 111])
    assert sample(data, 2).id == "x"


def test_a_split_has_its_lines_and_the_cameras_in_the_manifests_order(folder: Path):
    left_first = {"LEFT": "left/1.jpg", "FRONT": "front/1.jpg"}
    lines = [
        a_line("1", split="train", images=left_first),
        a_line("2", sequence="b", split="val", images={"FRONT": "front/2.jpg", "LEFT": "left/2.jpg"}),
    ]
    write(folder, *lines)
    assert open_manifest(folder, "val").states.id.tolist() == ["2"]
    assert open_manifest(folder, "val").cameras == ("LEFT", "FRONT")
    assert len(open_manifest(folder, "all")) == 2
    with pytest.raises(BadInput, match=r"no line of split 'test'; it has train, val$"):
        open_manifest(folder, "test")
    with pytest.raises(BadInput, match="none of train, val, test, all"):
        open_manifest(folder, "training")


def test_a_manifest_without_splits_says_how_to_part_it(folder: Path):
    write(folder, a_line("1"))
    with pytest.raises(BadInput, match="--split_by sequence"):
        open_manifest(folder, "train")
    write(folder, a_line("1", split="train"), a_line("2"))
    with pytest.raises(BadInput, match=r"line 2: key 'split' is missing"):
        open_manifest(folder, "train")


def test_a_sequence_in_two_splits_is_refused(folder: Path):
    write(folder, a_line("1", split="train"), a_line("2", split="val"))
    for split in ("train", "val"):
        with pytest.raises(BadInput, match=r"line 2: sequence 'a' is in split 'val' and in 'train'"):
            open_manifest(folder, split)
    assert len(open_manifest(folder, "all")) == 2


@pytest.mark.parametrize("images", ["struct", "map"])
def test_parquet_gives_what_jsonl_gives(folder: Path, images: str):
    lines = [
        a_line("1", future=FUTURE, caption="Go.", calibration={"FRONT": CAMERA}),
        a_line("2", images={"FRONT": "front/2.jpg", "LEFT": "left/2.jpg"}, fields={"weather": "sun"}),
    ]
    expected = open_manifest(write(folder, *lines), "all")
    (folder / "manifest.jsonl").unlink()
    keys = sorted({key for line in lines for key in line})
    table = pyarrow.table({key: [line.get(key) for line in lines] for key in keys})
    if images == "map":
        pairs = pyarrow.array(
            [list(line["images"].items()) for line in lines], pyarrow.map_(pyarrow.string(), pyarrow.string())
        )
        table = table.set_column(table.column_names.index("images"), "images", pairs)
    pyarrow.parquet.write_table(table, folder / "manifest.parquet")
    dataset = open_manifest(folder, "all")
    for column in ("id", "sequence", "frame", "past", "intent", "future"):
        np.testing.assert_array_equal(getattr(dataset.states, column), getattr(expected.states, column))
    assert [dataset.cameras_of(row) for row in (0, 1)] == [("FRONT",), ("FRONT", "LEFT")]
    assert [dataset.targets(row).caption for row in (0, 1)] == ["Go.", None]
    assert [dataset.targets(row).fields for row in (0, 1)] == [{}, {"weather": "sun"}]
    assert dataset.image(1, "LEFT") == expected.image(1, "LEFT")
    assert dataset.fingerprint == expected.fingerprint


def test_a_broken_parquet_file_is_named(folder: Path):
    (folder / "manifest.parquet").write_bytes(b"PAR1 and then something else")
    with pytest.raises(BadInput, match=r"manifest\.parquet cannot be read .*check that it is whole"):
        open_manifest(folder, "all")


BAD_LINES = {
    "not JSON": ('{"id": "2", ', r"line 2, column \d+: not JSON"),
    "an array": ("[1, 2]", "a list where an object is expected"),
    "missing key": (a_line("2", images=...), "key 'images' is missing"),
    "null key": (a_line("2", sequence=None), "key 'sequence' is missing"),
    "a future alone": (a_line("2", past=None, future=FUTURE), "a future without a past; add the past states"),
    "unknown key": (a_line("2", futrue=FUTURE), "unknown key 'futrue'; did you mean 'future'"),
    "id not text": (a_line("2", id=2), "id is int '2'; write it as text"),
    "empty sequence": (a_line("2", sequence=""), "sequence is ''"),
    "past of 15": (a_line("2", past=PAST[1:]), "past must be 16x6 numbers, found 15x6"),
    "ragged past": (a_line("2", past=[*PAST[:-1], [0.0]]), "past must be 16x6 numbers"),
    "text in past": (a_line("2", past=_with(PAST, 3, 1, "0.5")), "past must be 16x6 numbers"),
    "NaN": (a_line("2", past=_with(PAST, 3, 1, float("nan"))), r"past\[3, 1\] is not a finite number"),
    "infinity": (a_line("2", future=_with(FUTURE, 19, 0, float("-inf"))), r"future\[19, 0\] is not a finite number"),
    "another continent": (a_line("2", future=_with(FUTURE, 19, 0, 3e38)), r"future\[19, 0\] is beyond 100,000; give"),
    "booleans": (a_line("2", past=[*PAST[:-1], [False] * 6]), r"past must be 16x6 numbers, found something else"),
    "beyond float32": (a_line("2", past=_with(PAST, 0, 0, 1e300)), r"past\[0, 0\] is not a finite number"),
    "map frame": (a_line("2", past=[[x + 500, *rest] for x, *rest in PAST]), r"past ends at \(500\.0, 0\.0\) m"),
    "zeros before a moving past": (
        a_line("2", past=[[0] * 6] * 5 + PAST[5:]),
        r"past\[0\] is all zeros, and .* 4.0 m/s",
    ),
    "a future of zeros": (a_line("2", future=[[0, 0]] * 20), "future is all zeros, and the past ends with 4.0 m/s"),
    "future of 19": (a_line("2", future=FUTURE[1:]), "future must be 20x2 numbers, found 19x2"),
    "unknown intent": (a_line("2", intent="go_left"), "intent is str 'go_left'; did you mean 'GO_LEFT'"),
    "intent 4": (a_line("2", intent=4), r"intent is int '4'.*GO_RIGHT or 3"),
    "intent true": (a_line("2", intent=True), "intent is bool 'True'"),
    "unknown split": (a_line("2", split="training"), "split is str 'training'; did you mean 'train'"),
    "frame 1.5": (a_line("2", frame=1.5), "frame is float '1.5'"),
    "same id": (a_line("1"), r"line 2: id '1' is already that of .*line 1"),
    "a frame beside none": (
        a_line("2", frame=0),
        r"in sequence 'a' .* line 2 has a frame and .* line 1 has none, so that their order in time is not known",
    ),
    "images a list": (a_line("2", images=["front/1.jpg"]), "images is a list; write an object"),
    "path above": (a_line("2", images={"FRONT": "../secret.jpg"}), r"images\['FRONT'\] = '../secret.jpg' leaves"),
    "absolute path": (a_line("2", images={"FRONT": "/etc/passwd"}), "'/etc/passwd' leaves the data folder"),
    "missing picture": (a_line("2", images={"FRONT": "front/9.jpg"}), r"images\['FRONT'\] = 'front/9.jpg': No such"),
    "a folder": (a_line("2", images={"FRONT": "front"}), "'front' is not a file with something in it"),
    "control character": (a_line("2", images={"FRONT": "front\n/1.jpg"}), "no control characters"),
    "field not text": (a_line("2", fields={"lanes": 3}), r"fields\['lanes'\] is int '3'; write it as text"),
    "half a character": (a_line("2", caption="\ud800"), "caption has half a surrogate pair"),
    "caption not text": (a_line("2", caption=["Go."]), "caption is a list"),
    "calibration elsewhere": (a_line("2", calibration={"FRNT": CAMERA}), "'FRNT', which images lacks; did you mean"),
    "calibration lacks": (a_line("2", calibration={"FRONT": {}}), r"calibration\['FRONT'\] lacks"),
    "column by column": (
        a_line("2", calibration={"FRONT": CAMERA | {"extrinsic": np.reshape(RIGID, (4, 4)).T.ravel().tolist()}}),
        "extrinsic must be a rigid 4x4 matrix, camera to ego, row by row",
    ),
    "focal length 0": (a_line("2", calibration={"FRONT": CAMERA | {"intrinsic": [0] * 9}}), "f_u, f_v > 0"),
    "width 0": (a_line("2", calibration={"FRONT": CAMERA | {"width": 0}}), "width is int '0'; write whole pixels"),
}


def test_a_line_needs_no_past_and_no_intent():
    line, past, future = parse_line(a_line("1", past=None, intent=...), "here")
    assert np.isnan(past).all()
    assert np.isnan(future).all()
    assert line.intent == Intent.UNKNOWN


@pytest.mark.parametrize("other", ["Drive 3", "drive 3 ", "drive  3", "drive \uff13"], ids=repr)
def test_one_sequence_written_in_two_ways_is_asked_about(folder: Path, other: str):
    manifest = write(
        folder, a_line("1", sequence="drive 3"), a_line("2", sequence="drive 4"), a_line("3", sequence=other)
    )
    with pytest.raises(BadInput) as asked:
        open_manifest(folder, "all", on_bad_record="skip")
    assert str(asked.value).startswith(
        f"{manifest} line 3: sequence {other!r}, and {manifest} line 1 'drive 3'; write"
    )


def test_who_stands_may_go_on_standing(folder: Path):
    write(folder, a_line("1", past=[[0] * 6] * 16, future=[[0, 0]] * 20))
    assert not open_manifest(folder, "all").states.future.any()


@pytest.mark.parametrize(("bad", "message"), BAD_LINES.values(), ids=BAD_LINES.keys())
def test_a_bad_line_is_refused_or_skipped_and_counted(folder: Path, bad: Any, message: str):
    manifest = write(folder, a_line("1"), bad, a_line("3"))
    with pytest.raises(BadRecord, match=message) as refusal:
        open_manifest(folder, "all")
    assert str(refusal.value).startswith(f"{manifest} line 2")
    data = open_manifest(folder, "all", on_bad_record="skip")
    assert data.states.id.tolist() == ["1", "3"]
    assert [skipped.where for skipped in data.skipped] == [f"{manifest} line 2"]
    assert data.skipped[0].reason


def test_bytes_that_are_not_utf8_and_a_byte_order_mark(folder: Path):
    manifest = write(folder, a_line("1"))
    manifest.write_bytes(b"\xef\xbb\xbf" + manifest.read_bytes())
    assert len(open_manifest(folder, "all")) == 1
    manifest.write_bytes(b'{"id": "\xff"}\n')
    with pytest.raises(BadRecord, match=r"line 1: byte 9 of the line is not UTF-8"):
        open_manifest(folder, "all")


def test_nothing_usable_is_an_error_even_when_skipping(folder: Path):
    write(folder, "")
    with pytest.raises(BadInput, match="no usable line"):
        open_manifest(folder, "all")
    write(folder, "{", "{")
    with pytest.raises(BadInput, match=r"no usable line; 2 were skipped, the first at .*line 1: column 2: not JSON"):
        open_manifest(folder, "all", on_bad_record="skip")
    write(folder, a_line("1", images={"FRONT": "front/9.jpg"}))
    with pytest.raises(BadInput, match="not one sample has its pictures"):
        open_manifest(folder, "all", on_bad_record="skip")


def test_pictures_below_another_folder_and_none_outside_of_it(folder: Path, tmp_path: Path):
    (tmp_path / "apart").mkdir()
    manifest = write(tmp_path / "apart", a_line("1"))
    data = open_manifest(manifest, "all", image_root=folder)
    assert data.image(0, "FRONT") == (folder / "front/1.jpg").read_bytes()
    with pytest.raises(BadRecord, match=r"1 of 1 samples lack a picture\); --image_root names another folder"):
        open_manifest(manifest, "all")
    (folder / "front/1.jpg").rename(tmp_path / "outside.jpg")
    (folder / "front/1.jpg").symlink_to(tmp_path / "outside.jpg")
    with pytest.raises(BadRecord, match=f"outside {folder}"):
        open_manifest(manifest, "all", image_root=folder)


def test_which_manifest_is_meant(folder: Path):
    with pytest.raises(BadInput, match="holds neither of"):
        open_manifest(folder, "all")
    with pytest.raises(BadInput, match="does not exist"):
        open_manifest(folder / "other", "all")
    with pytest.raises(BadInput, match=r"must end in \.jsonl or \.parquet"):
        open_manifest(folder / "front" / "1.jpg", "all")
    write(folder, a_line("1")).rename(folder / "drive.jsonl")
    assert len(open_manifest(folder / "drive.jsonl", "all")) == 1
    write(folder, a_line("1"))
    (folder / "manifest.parquet").touch()
    with pytest.raises(BadInput, match="holds both of"):
        open_manifest(folder, "all")


@pytest.mark.parametrize("link", ["picture", "folder"])
def test_a_link_out_of_the_data_folder_is_refused(folder: Path, link: str):
    outside = folder.parent / "outside"
    outside.mkdir()
    (folder / "front/1.jpg").rename(outside / "1.jpg")
    if link == "picture":
        (folder / "front/1.jpg").symlink_to(outside / "1.jpg")
    else:
        (folder / "linked").symlink_to(outside)
    path = "front/1.jpg" if link == "picture" else "linked/1.jpg"
    write(folder, a_line("1", images={"FRONT": path}), a_line("2", images={"FRONT": "front/2.jpg"}))
    with pytest.raises(BadRecord, match=r"images\['FRONT'\] = .*outside .*put the file itself below that folder"):
        open_manifest(folder, "all")
    assert len(open_manifest(folder, "all", on_bad_record="skip")) == 1


def test_a_link_within_the_data_folder_is_followed(folder: Path):
    (folder / "newest.jpg").symlink_to("front/3.jpg")
    (folder / "cameras").symlink_to("left")
    data = open_manifest(write(folder, a_line("1", images={"A": "newest.jpg", "B": "cameras/1.jpg"})), "all")
    assert data.image(0, "A") == (folder / "front/3.jpg").read_bytes()
    assert data.image(0, "B") == (folder / "left/1.jpg").read_bytes()


def test_pictures_are_checked_again_when_they_are_read(folder: Path):
    data = open_manifest(write(folder, a_line("1")), "all")
    picture = folder / "front/1.jpg"
    picture.write_bytes(b"GIF89a")
    with pytest.raises(BadRecord, match=r"front/1.jpg' is no JPEG, PNG or WebP; co"):
        data.image(0, "FRONT")
    picture.unlink()
    with pytest.raises(BadRecord, match=r"'front/1.jpg' cannot be read"):
        data.image(0, "FRONT")
    (folder.parent / "outside.jpg").write_bytes(b"\xff\xd8\xff")
    picture.symlink_to(folder.parent / "outside.jpg")
    with pytest.raises(BadRecord, match=r"outside"):
        data.image(0, "FRONT")


def _written_again(folder: Path, flip: int = 0) -> None:
    """As many bytes as before, at another time, as `cp` leaves them; a `flip` changes one of them."""
    path = folder / "front/1.jpg"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= flip
    path.write_bytes(content)


CHANGES: dict[str, tuple[bool, Callable[[Path], object]]] = {
    "nothing": (False, lambda folder: None),
    "a caption": (False, lambda folder: write(folder, a_line("1", caption="Go."), a_line("2"))),
    "another file beside": (False, lambda folder: (folder / "front/4.jpg").write_bytes(b"x")),
    "a picture copied": (False, _written_again),
    "a picture": (True, lambda folder: _written_again(folder, flip=1)),
    "another picture named": (True, lambda folder: write(folder, a_line("1", images={"FRONT": "front/2.jpg"}))),
    "the camera's name": (
        True,
        lambda folder: write(folder, a_line("1", images={"LEFT": "front/1.jpg"}), a_line("2")),
    ),
    "an id": (True, lambda folder: write(folder, a_line("1"), a_line("3"))),
    "a sample more": (True, lambda folder: write(folder, a_line("1"), a_line("2"), a_line("3", images={}))),
    "a sample less": (True, lambda folder: write(folder, a_line("1"))),
}


@pytest.mark.parametrize(("changes", "change"), CHANGES.values(), ids=CHANGES.keys())
def test_the_fingerprint_is_that_of_the_pictures(folder: Path, changes: bool, change: Callable[[Path], object]):
    write(folder, a_line("1"), a_line("2"))
    before = open_manifest(folder, "all").fingerprint
    change(folder)
    assert (open_manifest(folder, "all").fingerprint != before) == changes


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)


def _read(function: Callable[..., Any], value: object) -> Any:
    """What the function reads, or the message of its BadRecord, which names the line."""
    try:
        return function(value, "x.jsonl line 1")
    except BadRecord as bad:
        if not str(bad).startswith("x.jsonl line 1"):
            raise
        return str(bad)


@given(st.binary(max_size=60) | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_a_value_or_a_bad_record(line: bytes):
    json.dumps(_read(from_json, line))


@given(st.text(max_size=8) | JSON)
def test_any_value_is_a_line_or_a_bad_record(value: object):
    with pytest.raises(BadRecord, match=r"^x\.jsonl line 1"):
        parse_line(value, "x.jsonl line 1")


@settings(max_examples=200)
@given(st.sampled_from([*a_line("1"), "frame", "future", "fields", "caption", "split", "calibration"]), JSON)
def test_any_value_under_a_known_key_is_taken_or_a_bad_record_that_names_it(key: str, value: object):
    outcome = _read(parse_line, a_line("1") | {key: value})
    if isinstance(outcome, str):
        assert key in outcome
        return
    line, past, future = outcome
    assert line.id
    assert line.id.isprintable()
    assert (past.shape, future.shape) == ((16, 6), (20, 2))
    assert np.isfinite(past).all() or (np.isnan(past).all() and key == "past")
    assert isinstance(line.intent, Intent)


def test_a_deeply_nested_line_is_a_bad_record():
    with pytest.raises(BadRecord, match="not usable JSON"):
        from_json(b"[" * 100_000, "x.jsonl line 1")
