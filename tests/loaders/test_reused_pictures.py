from pathlib import Path

import pytest
from manifest_lines import a_line, write

from roadcue.errors import BadInput
from roadcue.loaders.manifest.dataset import open_manifest


def named(name: str, path: str, **keys: str) -> dict[str, object]:
    return a_line(name, images={"FRONT": path}, **keys)


@pytest.mark.parametrize("again", ["front/1.jpg", "./front//1.jpg"])
def test_a_picture_of_two_splits_is_refused_as_it_would_be_trained_on_and_scored(folder: Path, again: str):
    val = named("3", again, sequence="b", split="val")
    manifest = write(folder, named("1", "front/1.jpg", split="train"), named("2", "front/2.jpg", split="train"), val)
    for split in ("train", "val"):
        with pytest.raises(BadInput) as refused:
            open_manifest(folder, split, on_bad_record="skip")
        assert str(refused.value).startswith(
            f"{manifest} line 3: images['FRONT'] = {again!r} of split 'val' is also named by {manifest} line 1, of "
            "split 'train'"
        )


def test_so_is_one_of_two_sequences_where_sequences_are_parted(folder: Path):
    write(folder, named("1", "front/1.jpg"), named("2", "front/1.jpg", sequence="b"))
    with pytest.raises(BadInput, match=r"line 2: .* of sequence 'b' is also named by .*line 1, of sequence 'a'"):
        open_manifest(folder, "all")


def test_pictures_that_rows_of_one_split_name_more_than_once_are_said(folder: Path):
    manifest = write(
        folder,
        named("1", "front/1.jpg", split="train"),
        named("2", "front/2.jpg", split="train"),
        named("3", "front/1.jpg", split="train"),
        a_line("4", images={"FRONT": "front/3.jpg", "LEFT": "front/3.jpg"}, split="train"),
        named("5", "front/1.jpg", split="train"),
    )
    said = (
        f"; 2 pictures are named more than once, the first, 'front/1.jpg', by {manifest} line 1 and {manifest} line 3"
    )
    assert open_manifest(folder, "train").description.endswith(said)


def test_one_picture_for_two_cameras_of_a_line_is_said(folder: Path):
    manifest = write(folder, a_line("1", images={"FRONT": "front/1.jpg", "LEFT": "front/1.jpg"}))
    said = f"; 1 picture is named more than once, the first, 'front/1.jpg', by {manifest} line 1"
    assert open_manifest(folder, "all").description.endswith(said)


def test_where_each_picture_is_named_once_nothing_is_said(folder: Path):
    manifest = write(folder, named("1", "front/1.jpg"), named("2", "front/2.jpg"))
    assert open_manifest(folder, "all").description.endswith(f"from {manifest}")
