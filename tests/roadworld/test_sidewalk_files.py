"""The sidewalk view's files: written, read back, checked, gone on with."""

import json
from pathlib import Path

import numpy as np
import pytest

from roadcue.errors import BadInput
from roadcue.loaders import jpeg, picture_file
from roadcue.loaders.dataset import sample
from roadcue.loaders.sensation import open_sensation
from roadcue.loaders.sensation.captions import IMAGE_FOLDERS
from roadcue.loaders.sensation.states import STATES
from roadcue.prompts.bvpi import compose
from roadcue.roadworld.checksums import CHECKSUMS_FILE
from roadcue.roadworld.dataset import open_sidewalk
from roadcue.roadworld.sidewalk import write
from roadcue.roadworld.sidewalk.__main__ import main
from roadcue.roadworld.sidewalk.spec import SidewalkSpec, image_name
from roadcue.roadworld.sidewalk.walk import Walk
from roadcue.roadworld.sidewalk.write import check_sidewalk, labelled_pictures, write_sidewalk

SPEC = SidewalkSpec(train=10, val=4, width=128, height=96)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("view") / "drawn"
    write_sidewalk(SPEC, folder, workers=1)
    return folder


@pytest.mark.parametrize("split", ["train", "val"])
def test_what_is_read_is_what_was_drawn(drawn, split):
    dataset = open_sensation(drawn, split)
    assert not dataset.skipped
    pictures = SPEC.pictures(split)
    assert len(dataset) == len(pictures)
    for row, (number, frame) in enumerate(pictures):
        walk = Walk(SPEC, number)
        assert dataset.states.id[row] == f"walk-{number:07d}-{frame}"
        assert (dataset.states.sequence[row], dataset.states.frame[row]) == (f"walk-{number:07d}", frame)
        assert dataset.annotation(row) == walk.annotation(frame)
        assert dataset.caption(row) == walk.caption(frame)
        assert dataset.bvpi(row) == compose(walk.annotation(frame), walk.caption(frame))
        assert dataset.image(row, "CHEST") == jpeg.encode(walk.paint(frame), SPEC.jpeg_quality)


def test_a_row_is_a_sample_with_states_fields_and_caption(drawn):
    one, walk = sample(open_sidewalk(drawn, "val"), 0), Walk(SPEC, 1_000_000)
    assert one.id == "walk-1000000-0"
    np.testing.assert_allclose(one.targets.future, walk.future(0), atol=5.1e-4)
    np.testing.assert_allclose(one.inputs.past, walk.past(0), atol=5.1e-4)
    assert one.inputs.intent == walk.intent(0)
    assert one.targets.fields["sidewalk_pos"] in ("Left", "Center", "Right", "Outside")
    assert one.targets.caption
    assert picture_file.decode(one.inputs.images["CHEST"], "here").shape == (96, 128, 3)


def test_all_is_both_splits_and_test_is_refused(drawn):
    assert len(open_sidewalk(drawn, "all")) == 14
    with pytest.raises(BadInput, match="'test' is unknown"):
        open_sidewalk(drawn, "test")


def test_the_json_lines_have_the_schemas_keys(drawn):
    lines = [json.loads(line) for line in (drawn / write.JSON_LINES).read_text().splitlines()]
    schema = json.loads((drawn / write.SCHEMA_FILE).read_text())
    assert len(lines) == 14
    assert all(set(schema["required"]) <= set(line) <= set(schema["properties"]) for line in lines)


def lines_of(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / STATES).read_text().splitlines()]


def test_every_picture_has_a_line_of_states_in_order(drawn):
    lines = lines_of(drawn)
    pictures = [*SPEC.pictures("train"), *SPEC.pictures("val")]
    assert [line["image"] for line in lines] == [image_name(*picture) for picture in pictures]
    assert STATES in json.loads((drawn / CHECKSUMS_FILE).read_text())["files"]
    for line, (number, frame) in zip(lines, pictures, strict=True):
        walk = Walk(SPEC, number)
        assert list(line) == ["image", "time_s", "past", "intent", "future"]
        assert line["time_s"] == frame / 4
        assert line["intent"] == "GO_STRAIGHT"
        assert np.shape(line["past"]) == (16, 6)
        assert np.shape(line["future"]) == (20, 2)
        np.testing.assert_allclose(line["past"], walk.past(frame), atol=0.0005001)
        np.testing.assert_allclose(line["future"], walk.future(frame), atol=0.0005001)
        assert all(number == round(number, 3) for row in line["past"] for number in row)


LONG = SidewalkSpec(train=48, val=20, width=64, height=48, seconds=12.0, rate=2.0, seed=1)


@pytest.fixture(scope="module")
def long(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("long") / "drawn"
    write_sidewalk(LONG, folder, workers=1)
    return folder


def test_a_long_walk_has_labels_where_all_is_clear_and_states_everywhere(long):
    assert check_sidewalk(long, hashes=True) == LONG
    pictures = [*LONG.pictures("train"), *LONG.pictures("val")]
    clear = [(number, frame) for number, frame in pictures if Walk(LONG, number).sight(frame)]
    assert {(number, 0) for number, _ in pictures} <= set(clear)
    assert len(clear) < len(pictures)
    assert labelled_pictures(long) == len(clear)
    lines = lines_of(long)
    assert [line["image"] for line in lines] == [image_name(*picture) for picture in pictures]
    assert [line["time_s"] for line in lines[:25]] == [*(frame / 2 for frame in range(24)), 0.0]
    for line in lines:
        assert any((long / images / line["image"]).is_file() for images in IMAGE_FOLDERS.values())
    for split in ("train", "val"):
        dataset, pictures = open_sidewalk(long, split), LONG.pictures(split)
        assert dataset.states.id.tolist() == [
            image_name(*picture).removesuffix(".jpg") for picture in sorted(pictures)
        ]
        told = [dataset.targets(row).bvpi is not None for row in range(len(dataset))]
        assert told == [picture in clear for picture in sorted(pictures)]
        assert (long / write.BVPI.format(split=split)).read_text().count("\n") == sum(told)
        without = f"{len(told)} of them with states from states.jsonl, {len(told) - sum(told)} without labels"
        assert dataset.description.endswith(without)
    assert (long / write.JSON_LINES).read_text().count("\n") == len(clear)


def test_the_ways_of_a_long_walk_go_on_and_on():
    walk = Walk(LONG, 1_000_000)
    far = walk.outing.pose(walk.step(LONG.frames - 1)).x
    assert far > 8
    assert max(surface.x[1] for surface in walk.scene.surfaces) > far + 50
    # What is seen of the world does not end: as late as at first there is more than sky and ground.
    assert len(np.unique(walk.paint_classes(LONG.frames - 1, 1.0))) > 2


def test_the_picture_that_is_not_clear_has_no_labels_to_ask_for():
    walk = Walk(LONG, 0)
    unclear = next(frame for frame in range(LONG.frames) if walk.sight(frame) is None)
    with pytest.raises(ValueError, match=f"frame {unclear} of walk 0 is not clear"):
        walk.annotation(unclear)


def test_the_command_says_how_many_pictures_have_labels(tmp_path, monkeypatch, capsys):
    out = tmp_path / "made"
    words = f"sidewalk --out {out} --train 6 --val 0 --seconds 3 --rate 2 --workers 1"
    monkeypatch.setattr("sys.argv", words.split())
    assert main() == 0
    said = capsys.readouterr().out
    assert "training: 6 pictures of 1 walk; validation: none" in said
    assert f"{labelled_pictures(out)} of 6 pictures are clear enough to be labelled" in said
    assert len(lines_of(out)) == 6


def test_a_changed_file_is_noticed(drawn, tmp_path):
    copy = tmp_path / "copy"
    for file in drawn.rglob("*.*"):
        target = copy / file.relative_to(drawn)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(file.read_bytes())
    assert check_sidewalk(copy, hashes=True) == SPEC
    picture = next(copy.rglob("*.jpg"))
    picture.write_bytes(picture.read_bytes()[:-2] + b"xx")
    check_sidewalk(copy)
    with pytest.raises(BadInput, match=rf"{picture.name}: its sha256"):
        check_sidewalk(copy, hashes=True)
    picture.unlink()
    with pytest.raises(BadInput, match=rf"{picture.name}: is missing"):
        open_sidewalk(copy, "train")


def test_a_missing_picture_is_named_or_left_out(drawn, tmp_path):
    for name in drawn.glob("*.*"):
        (tmp_path / name.name).write_bytes(name.read_bytes())
    (tmp_path / "training").symlink_to(drawn / "training")
    images = tmp_path / "root"
    (images / "training/images").mkdir(parents=True)
    for file in sorted((drawn / "training/images").iterdir())[1:]:
        (images / "training/images" / file.name).write_bytes(file.read_bytes())
    with pytest.raises(BadInput, match=r"1 of 10 pictures of train.*walk-0000000-0\.jpg"):
        open_sensation(tmp_path, "train", image_root=images)
    dataset = open_sensation(tmp_path, "train", image_root=images, on_bad_record="skip")
    assert len(dataset) == 9
    assert len(dataset.skipped) == 1
    with pytest.raises(BadInput, match="outside"):
        open_sensation(tmp_path, "train", image_root=tmp_path)


def test_a_stopped_run_goes_on_and_ends_with_the_same_bytes(drawn, tmp_path, monkeypatch):
    folder, begun = tmp_path / "again", []

    def stop_at_the_third(*job):
        if len(begun) == 2:
            raise KeyboardInterrupt
        begun.append(job[1])
        whole(*job)

    whole = write._write_walk
    monkeypatch.setattr(write, "_write_walk", stop_at_the_third)
    with pytest.raises(KeyboardInterrupt):
        write_sidewalk(SPEC, folder, workers=1)
    assert not folder.exists()
    (begun_in,) = tmp_path.iterdir()
    (begun_in / ".walk-0000002.labels.77.partial").write_bytes(b"half")
    monkeypatch.setattr(write, "_write_walk", lambda *job: (begun.append(job[1]), whole(*job)))
    write_sidewalk(SPEC, folder, workers=1)
    assert begun == [0, 1, 2, 1_000_000]
    assert (folder / "manifest.json").read_bytes() == (drawn / "manifest.json").read_bytes()
    assert [path.name for path in tmp_path.iterdir()] == ["again"]
    files = [{path.relative_to(made) for path in made.rglob("*")} for made in (folder, drawn)]
    assert files[0] == files[1]


def test_the_default_view_is_drawn_once_into_the_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("ROADCUE_CACHE", str(tmp_path))
    monkeypatch.setattr("roadcue.roadworld.dataset.DEFAULT_SIDEWALK", SPEC)
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0})
    assert len(open_sidewalk(None, "train")) == 10
    made = tmp_path / "sidewalk" / SPEC.key / "manifest.json"
    before = made.stat().st_mtime_ns
    assert "drawn pictures, not photographs" in open_sidewalk(None, "val").description
    assert made.stat().st_mtime_ns == before


def test_the_command_draws_and_checks_and_refuses(tmp_path, monkeypatch, capsys):
    out = tmp_path / "made"
    command = ["sidewalk", "--out", str(out), "--train", "4", "--val", "0", "--workers", "1"]
    monkeypatch.setattr("sys.argv", command)
    assert main() == 0
    assert main() == 2
    assert "exists already" in capsys.readouterr().err
    monkeypatch.setattr("sys.argv", ["sidewalk", "--out", str(out), "--check"])
    assert main() == 0
    assert "as written; drawn with --train 4 --val 0" in capsys.readouterr().out
