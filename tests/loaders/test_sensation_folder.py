"""A SENSATION folder opened: pictures under an image root, what is missing, damaged or repeated, and which parts."""

import json

import pytest
from damage import damaged, little_memory  # noqa: F401 - a fixture for all of this module
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sensation_annotations import annotations
from sensation_folder import PICTURE, labelled, write_folder

from roadcue.errors import BadInput, BadRecord
from roadcue.loaders.registry import open_dataset
from roadcue.loaders.sensation import Sensation, open_sensation
from roadcue.loaders.sensation.annotation_files import write_annotations
from roadcue.loaders.sensation.captions import IMAGE_FOLDERS, Caption, write_captions
from roadcue.loaders.sensation.files import ANNOTATIONS, BVPI, CAPTIONS, JSON_LINES, read_files
from roadcue.prompts.annotation_json import to_json
from roadcue.prompts.bvpi import compose

SOME = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def ids(dataset: Sensation) -> list[str]:
    return [str(one) for one in dataset.states.id]


def test_pictures_may_lie_in_another_folder_than_the_labels(tmp_path):
    write_folder(tmp_path / "labels", {"train": ["b.jpg", "a.jpg"]}, pictures=tmp_path / "pictures")
    dataset = open_dataset("sensation", tmp_path / "labels", "train", image_root=tmp_path / "pictures")
    assert ids(dataset) == ["a", "b"]
    assert dataset.image(0, "CHEST") == PICTURE
    with pytest.raises(BadInput, match=r"2 of 2 pictures .* holds training/images with --image_root\.$"):
        open_dataset("sensation", tmp_path / "labels", "train", on_bad_record="skip")
    with pytest.raises(BadInput, match="bdd100k or manifest or sensation, not to roadworld"):
        open_dataset("roadworld", None, "train", image_root=tmp_path)


def test_a_folder_whose_names_tell_no_film_says_so(tmp_path):
    write_folder(tmp_path, {"train": ["IMG_0001.jpg", "IMG_0002.jpg"]}, pictures=tmp_path)
    dataset = open_dataset("sensation", tmp_path, "train")
    assert dataset.states.sequence.tolist() == ["IMG_0001", "IMG_0002"]
    assert "; the names of 2 pictures, such as IMG_0001.jpg and IMG_0002.jpg, tell no film: " in dataset.description


def test_missing_pictures_are_counted_and_named_or_left_out_and_listed(tmp_path):
    names = [f"{number:04d}.jpg" for number in range(8)]
    write_folder(tmp_path, {"train": names}, pictures=tmp_path)
    for name in names[1:7]:
        (tmp_path / "training/images" / name).unlink()
    (tmp_path / "training/images/0006.jpg").write_bytes(b"")
    with pytest.raises(BadInput) as refused:
        open_sensation(tmp_path, "train")
    message = str(refused.value)
    assert "6 of 8 pictures of train are unusable, 6 of them not found below" in message
    assert "the first: picture 'training/images/0001.jpg': No such file" in message
    assert f"then {', '.join(f'training/images/{name}' for name in names[2:5])}, ..." in message
    assert "--on_bad_record skip" in message
    dataset = open_sensation(tmp_path, "train", on_bad_record="skip")
    assert ids(dataset) == ["0000", "0007"]
    assert [one.where for one in dataset.skipped] == [f"training/images/{name}" for name in names[1:7]]
    assert "6 picture files missing below" in dataset.description


def test_a_picture_whose_row_cannot_be_read_names_line_and_cell(tmp_path):
    write_folder(tmp_path, {"train": ["a.jpg", "b.jpg"]}, pictures=tmp_path)
    file = tmp_path / ANNOTATIONS
    lines = file.read_text().splitlines()
    assert lines[2].startswith("b.jpg,done,")
    lines[2] = lines[2].replace("b.jpg,done,Center", "b.jpg,done,Middle", 1)
    file.write_text("\n".join(lines))
    with pytest.raises(BadInput, match=r"b.jpg has no usable row in .*line 3: \(b.jpg\): sidewalk_pos is 'Middle'"):
        open_sensation(tmp_path, "train")


OUTSIDE = ("../secret.jpg", "training/images/../../../secret.jpg", "training/images/..", "a\0b")


@pytest.mark.parametrize("path", OUTSIDE)
def test_a_path_that_leaves_the_image_root_is_no_picture(tmp_path, path):
    root = tmp_path / "root"
    write_folder(root, {"train": ["0001.jpg"]}, pictures=root)
    (tmp_path / "secret.jpg").write_bytes(PICTURE)
    name = path.rpartition("/")[2]
    write_annotations(root / ANNOTATIONS, [labelled("0001.jpg"), labelled(name)])
    write_captions(root / CAPTIONS, [Caption("training/images/0001.jpg", "", "train"), Caption(path, "", "train")])
    for file in root.glob("*.jsonl"):
        file.unlink()
    dataset = open_sensation(root, "train", on_bad_record="skip")
    assert ids(dataset) == ["0001"]
    assert len(dataset.skipped) == 1


def test_without_bvpi_files_the_texts_are_composed_and_that_is_said(tmp_path):
    write_folder(tmp_path, {"train": ["a.jpg"], "val": ["b.jpg"]}, pictures=tmp_path)
    dataset = open_sensation(tmp_path, "all")
    assert dataset.bvpi(0) == compose(dataset.annotation(0), "Told.")
    assert "BVPI" not in dataset.description
    (tmp_path / BVPI.format(split="train")).unlink()
    dataset = open_sensation(tmp_path, "all")
    assert dataset.bvpi(0) == compose(dataset.annotation(0), "The way of a.jpg is clear.")
    assert dataset.bvpi(1) == compose(dataset.annotation(1), "Told.")
    assert "no BVPI file for train, " in dataset.description


def test_without_the_csv_the_annotations_are_the_json_lines(tmp_path):
    write_folder(tmp_path, {"train": ["a.jpg", "b.jpg"]}, texts=False, pictures=tmp_path)
    (tmp_path / JSON_LINES).write_text(json.dumps(to_json(labelled("a.jpg", road="Right"))))
    assert len(open_sensation(tmp_path, "train")) == 2  # the CSV counts, for it has room for all places
    for name in (ANNOTATIONS, JSON_LINES):
        (tmp_path / name).unlink()
    with pytest.raises(BadInput, match=rf"{ANNOTATIONS}: cannot be read"):
        open_sensation(tmp_path, "train")
    seen = labelled("a.jpg", sidewalk="Right", near={"obstacle": ("Left", "Right"), "car": ("Center",)})
    lines = [json.dumps(to_json(seen)), "", json.dumps(to_json(labelled("a.jpg"))), "{", '{"image": "b.jpg"}']
    (tmp_path / JSON_LINES).write_text("\n".join(lines))
    dataset = open_sensation(tmp_path, "train", on_bad_record="skip")
    assert [dataset.annotation(row) for row in range(len(dataset))] == [seen]
    assert dataset.targets(0).fields["m_obstacle"] == "Left-Right"
    places = [one.where.rpartition(", ")[2] for one in dataset.skipped[:3]]
    assert places == ["line 3", "line 4, column 2", "line 5"] or places == ["line 3", "line 4", "line 5"]
    assert "'sidewalk_pos' is a required property" in dataset.skipped[2].reason
    assert "b.jpg has no usable row" in dataset.skipped[3].reason


def test_a_damaged_or_repeated_bvpi_line_stops_or_is_left_out(tmp_path):
    write_folder(tmp_path, {"train": ["a.jpg", "b.jpg"]}, pictures=tmp_path)
    file = tmp_path / BVPI.format(split="train")
    first, second = file.read_text().splitlines()
    file.write_text("\n".join([first, second.replace("response", "answer"), first.replace("Told.", "Again.")]))
    with pytest.raises(BadRecord, match=r"line 2: is not an object with .* --on_bad_record skip"):
        open_sensation(tmp_path, "train")
    dataset = open_sensation(tmp_path, "train", on_bad_record="skip")
    assert dataset.bvpi(0).endswith("Told.")
    reasons = [one.reason for one in dataset.skipped]
    assert len(reasons) == 3
    assert "a.jpg has a text before" in reasons[1]
    assert "b.jpg has no line in bvpi_sft_train.jsonl" in reasons[2]


def test_two_captions_of_one_picture_are_refused_with_the_line(tmp_path):
    write_folder(tmp_path, {"train": ["a.jpg"], "val": ["a.jpg"]})
    with pytest.raises(BadInput, match=r"line 3: 'validation/images/a.jpg' names no picture or one that is there"):
        open_sensation(tmp_path, "train")


def test_a_split_without_pictures_and_one_that_is_not_known_are_refused(tmp_path):
    write_folder(tmp_path, {"train": ["a.jpg"]}, pictures=tmp_path)
    with pytest.raises(BadInput, match="has no picture of split val"):
        open_sensation(tmp_path, "val")
    with pytest.raises(BadInput, match="split 'dev' is unknown; SENSATION has train, val, test"):
        open_sensation(tmp_path, "dev")


def test_grouped_is_all_but_what_lies_between_two_stretches(tmp_path):
    names = [f"image_{number}.jpg" for number in range(40, 56)] + ["-4jzRzGfKmQg8RBNlNqnGQ.jpg"]
    write_folder(tmp_path, {"train": names[::2], "test": names[1::2]}, texts=False, pictures=tmp_path)
    assert len(open_sensation(tmp_path, "all")) == len(names)
    kept = set(ids(open_sensation(tmp_path, "grouped")))
    assert {name.removesuffix(".jpg") for name in names} - kept == {f"image_{number}" for number in range(45, 50)}


CSV = (ANNOTATIONS, CAPTIONS)


@given(st.data())
@SOME
@pytest.mark.parametrize("name", [*CSV, BVPI.format(split="train"), JSON_LINES])
def test_whatever_is_in_a_file_is_read_or_refused_with_its_name(tmp_path_factory, name, data):
    folder = tmp_path_factory.mktemp("fuzz")
    write_folder(folder, {"train": ["0001.jpg", "image_7.jpg"]}, pictures=folder)
    if name == JSON_LINES:
        (folder / ANNOTATIONS).unlink()
        (folder / name).write_text("".join(json.dumps(to_json(labelled(f"{n}.jpg"))) + "\n" for n in ("0001", "2")))
    (folder / name).write_bytes(data.draw(damaged((folder / name).read_bytes())))
    try:
        dataset = open_sensation(folder, "train", on_bad_record="skip")
    except BadInput as bad:
        assert str(folder) in str(bad)  # noqa: PT017 - either way is right
        return
    assert len(set(ids(dataset))) == len(dataset)
    assert all(dataset.image(row, "CHEST") and dataset.targets(row).fields for row in range(len(dataset)))


@given(st.lists(annotations, unique_by=lambda one: one.image, max_size=5), st.randoms())
@SOME
def test_files_read_back_as_they_were_written(tmp_path_factory, written, random):
    folder = tmp_path_factory.mktemp("round")
    write_annotations(folder / ANNOTATIONS, written)
    captions = [
        Caption(f"any/where/{one.image}", 'A "caption",\nof two lines', random.choice(list(IMAGE_FOLDERS)))
        for one in written
    ]
    write_captions(folder / CAPTIONS, captions)
    if not written:
        with pytest.raises(BadInput, match="has no picture of split all"):
            read_files(folder, "all")
        return
    files = read_files(folder, "all")
    assert list(files.annotations.values()) == written
    assert files.captions == captions
    assert not files.skipped
