"""states.jsonl of a SENSATION folder: read, refused line by line, and put beside its pictures."""

import json
from dataclasses import fields

import numpy as np
import pytest
import torch
from damage import damaged, little_memory  # noqa: F401 - a fixture for all of this module
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sensation_folder import PICTURE, labelled, walker, write_folder

from roadcue.errors import BadInput, BadRecord
from roadcue.heads.cue.config import CueConfig
from roadcue.heads.field.config import FieldConfig
from roadcue.heads.registry import build_head
from roadcue.loaders.sensation import open_sensation
from roadcue.loaders.sensation.annotation_files import write_annotations
from roadcue.loaders.sensation.captions import IMAGE_FOLDERS
from roadcue.loaders.sensation.files import ANNOTATIONS
from roadcue.loaders.sensation.states import KEYS, STATES, WalkerStates, parse_line, read_states, write_states
from roadcue.models.preprocessing import Preprocessing
from roadcue.schema import PAST_STATES, STATE_COLUMNS, WAYPOINTS, Intent
from roadcue.training.captions.pictures import CaptionPictures
from roadcue.training.heads.batches import labels_of

SOME = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
IMAGES = ("a.jpg", "b.jpg", "c.jpg")
metres = st.floats(-1e4, 1e4, width=32)


@st.composite
def some_states(draw, image):
    past = draw(arrays(np.float32, (PAST_STATES, len(STATE_COLUMNS)), elements=metres))
    past[-1, :2] = draw(arrays(np.float32, 2, elements=st.floats(-0.5, 0.5, width=32)))
    future = draw(arrays(np.float32, (WAYPOINTS, 2), elements=metres))
    return WalkerStates(image, draw(st.floats(0, 1e6)), past, draw(st.sampled_from(Intent)), future)


def line_of(image="a.jpg", **changes):
    """A good line with some keys changed, or left out where they are `...`."""
    good = {"image": image, "time_s": 1.25, "past": walker(image).past.tolist(), "intent": "GO_STRAIGHT"}
    line = {**good, "future": walker(image).future.tolist(), **changes}
    return json.dumps({key: value for key, value in line.items() if value is not ...})


@given(st.lists(st.sampled_from(IMAGES), unique=True).flatmap(lambda some: st.tuples(*map(some_states, some))))
@SOME
def test_states_read_back_as_they_were_written_to_a_millimetre(tmp_path_factory, written):
    file = tmp_path_factory.mktemp("states") / STATES
    write_states(file, written)
    read, skipped = read_states(file, IMAGES)
    assert not skipped
    assert list(read) == [one.image for one in written]
    for one in written:
        again = read[one.image]
        assert (again.intent, again.time_s) == (one.intent, pytest.approx(one.time_s, abs=6e-4))
        for name in ("past", "future"):
            assert getattr(again, name).dtype == np.float32
            np.testing.assert_allclose(getattr(again, name), getattr(one, name), rtol=1e-6, atol=6e-4)


@given(st.data())
@SOME
def test_whatever_is_in_the_file_is_read_or_left_out_with_its_line(tmp_path_factory, data):
    file = tmp_path_factory.mktemp("fuzz") / STATES
    write_states(file, map(walker, IMAGES))
    file.write_bytes(data.draw(damaged(file.read_bytes())))
    read, skipped = read_states(file, IMAGES, "skip")
    assert read.keys() <= set(IMAGES)
    assert all(one.where.startswith(f"{file}, line ") and one.reason for one in skipped)
    for one in read.values():
        assert (one.past.shape, one.future.shape) == ((16, 6), (20, 2))
        assert np.isfinite(one.past).all()
        assert np.isfinite(one.future).all()


GOOD = json.loads(line_of())
BAD_LINES = [
    ("[1, 2]", r"a list where an object is expected"),
    ('{"image": ', r"not JSON"),
    (line_of(past=...), r"key 'past' is missing; every line needs image, time_s, past, intent, future"),
    (line_of(future=None), r"key 'future' is missing"),
    (line_of(pasts=[]), r"unknown key 'pasts'; did you mean 'past'\?"),
    (line_of(image="z.jpg"), r"image is str 'z.jpg', no picture that the folder knows"),
    (line_of(image=["a.jpg"]), r"image is a list, no picture"),
    (line_of(intent="LEFT"), r"intent is str 'LEFT'.*known: UNKNOWN or 0, GO_STRAIGHT or 1"),
    (line_of(past=GOOD["past"][:-1]), r"past must be 16x6 numbers, found 15x6"),
    (line_of(future=GOOD["future"] * 2), r"future must be 20x2 numbers, found 40x2"),
    (line_of(future=[[1e39, 0]] * 20), r"future\[0, 0\] is not a finite number"),
    (line_of(past=[[float("nan")] * 6] * 16), r"past\[0, 0\] is not a finite number"),
    (line_of(past=[[5.0] * 6] * 16), r"past ends at \(5.0, 5.0\) m, not at \(0, 0\)"),
    (line_of(time_s=True), r"time_s is bool 'True'; write the seconds"),
    (line_of(time_s=float("inf")), r"time_s is float 'inf'"),
    (line_of(time_s=-5), r"time_s is int '-5'; .* 0 or more"),
    (line_of(past=[*GOOD["past"][:-1], [False] * 6]), r"past must be 16x6 numbers, found something else"),
    (line_of(future=[*GOOD["future"][:-1], [3e38, 0]]), r"future\[19, 0\] is beyond 100,000; give metres"),
    (line_of(image="training/images/a.jpg"), r"image is str 'training/images/a.jpg'; write the bare file name"),
    (line_of(time_s="1"), r"time_s is str '1'"),
]


@pytest.mark.parametrize(("line", "reason"), BAD_LINES)
def test_a_line_that_cannot_be_used_stops_with_its_place_or_is_left_out(tmp_path, line, reason):
    file = tmp_path / STATES
    file.write_text(f"{line_of('b.jpg')}\n\n{line}\n")
    with pytest.raises(BadRecord, match=reason) as refused:
        read_states(file, IMAGES)
    assert f"{file}, line 3" in str(refused.value)
    assert "--on_bad_record skip leaves it out" in str(refused.value)
    read, skipped = read_states(file, IMAGES, "skip")
    assert list(read) == ["b.jpg"]
    assert len(skipped) == 1


def test_the_line_of_the_documentation_has_the_keys_of_the_file():
    assert tuple(GOOD) == KEYS == tuple(field.name for field in fields(WalkerStates))
    assert parse_line(line_of(), "here", IMAGES).time_s == 1.25


def folder_with(tmp_path, *lines):
    write_folder(tmp_path, {"train": IMAGES[:2], "val": IMAGES[2:]}, pictures=tmp_path)
    (tmp_path / STATES).write_text("".join(f"{line}\n" for line in lines))
    return tmp_path


def test_a_picture_with_a_line_has_states_and_the_others_have_none(tmp_path):
    folder = folder_with(tmp_path, line_of("b.jpg", intent="GO_LEFT"), line_of("c.jpg"))
    dataset = open_sensation(folder, "train")
    assert list(dataset.states.id) == ["a", "b"]
    np.testing.assert_array_equal(dataset.states.past[1], walker("b.jpg").past)
    np.testing.assert_array_equal(dataset.targets(1).future, walker("b.jpg").future)
    assert dataset.targets(1).fields["sidewalk_pos"] == "Center"
    assert list(dataset.states.intent) == [Intent.UNKNOWN, Intent.GO_LEFT]
    assert np.isnan(dataset.states.past[0]).all()
    assert np.isnan(dataset.states.future[0]).all()
    assert dataset.targets(0).future is None
    assert "2 pictures" in dataset.description
    assert "1 of them with states from states.jsonl" in dataset.description


def test_without_the_file_nothing_is_said_of_states(tmp_path):
    write_folder(tmp_path, {"train": IMAGES}, pictures=tmp_path)
    assert "states" not in open_sensation(tmp_path, "train").description


def test_the_first_line_of_a_picture_counts_and_a_second_one_stops_or_is_listed(tmp_path):
    folder = folder_with(tmp_path, line_of("a.jpg"), line_of("a.jpg", intent="GO_RIGHT"))
    with pytest.raises(
        BadRecord, match=r"states\.jsonl, line 2: a\.jpg has states before; its first line counts; --on"
    ):
        open_sensation(folder, "train")
    dataset = open_sensation(folder, "train", on_bad_record="skip")
    assert dataset.states.intent[0] == Intent.GO_STRAIGHT
    assert [one.reason for one in dataset.skipped] == ["a.jpg has states before; its first line counts"]


def test_a_picture_that_is_only_annotated_may_have_states_too(tmp_path):
    folder = folder_with(tmp_path, line_of("d.jpg"))
    with pytest.raises(BadRecord, match=r"line 1: image is str 'd.jpg', no picture that the folder knows"):
        open_sensation(folder, "train")
    write_annotations(folder / ANNOTATIONS, map(labelled, [*IMAGES, "d.jpg"]))
    dataset = open_sensation(folder, "train")
    assert len(dataset) == 2
    assert "of 1 lines of it the picture is not below" in dataset.description
    (folder / IMAGE_FOLDERS["train"] / "d.jpg").write_bytes(PICTURE)
    dataset = open_sensation(folder, "train")
    assert len(dataset) == 3
    assert dataset.targets(2).fields["sidewalk_pos"] == "Center"
    assert dataset.targets(2).caption is None


@pytest.mark.parametrize("split", IMAGE_FOLDERS)
def test_a_picture_that_lies_beside_the_others_without_labels_may_have_states(tmp_path, split):
    folder = folder_with(tmp_path, line_of("d.jpg"))
    (folder / IMAGE_FOLDERS[split]).mkdir(parents=True, exist_ok=True)
    (folder / IMAGE_FOLDERS[split] / "d.jpg").write_bytes(PICTURE)
    dataset = open_sensation(folder, "all")
    assert list(dataset.states.id) == ["a", "b", "c", "d"]
    np.testing.assert_array_equal(dataset.states.past[3], walker("d.jpg").past)
    assert [len(open_sensation(folder, part)) for part in ("train", "val")] == [
        2 + (split == "train"),
        1 + (split == "val"),
    ]
    assert "4 pictures" in dataset.description
    assert "1 of them with states from states.jsonl, 1 without labels" in dataset.description


LABELLED_FRAMES, OTHER_FRAMES = (0, 3), (1, 2, 4)


def long_walk(tmp_path, there=OTHER_FRAMES):
    """A walk of five pictures for training, two of them labelled, and one for validation; all have states."""
    name = "walk-0000001-{}.jpg".format
    captioned = {"train": [name(frame) for frame in LABELLED_FRAMES], "val": ["walk-0000002-0.jpg"]}
    write_folder(tmp_path, captioned, pictures=tmp_path)
    for frame in there:  # beside those of another split: the sequence says of which they are
        (tmp_path / IMAGE_FOLDERS["val"] / name(frame)).write_bytes(PICTURE)
    write_states(tmp_path / STATES, [walker(name(frame)) for frame in range(5)])
    return tmp_path


def test_pictures_of_a_walk_without_labels_are_rows_of_its_split(tmp_path):
    folder = long_walk(tmp_path)
    dataset = open_sensation(folder, "train")
    assert list(dataset.states.frame) == [0, 1, 2, 3, 4]
    assert list(dataset.states.rows_before(1)) == [-1, 0, 1, 2, 3]
    assert not np.isnan(dataset.states.future).any()
    assert len(open_sensation(folder, "val")) == 1
    unlabelled = dataset.targets(1)
    assert not any(unlabelled.fields.values())
    assert (unlabelled.caption, unlabelled.bvpi) == (None, None)
    assert unlabelled.future is not None
    assert dataset.image(1, "CHEST") == PICTURE
    assert "5 of them with states from states.jsonl, 3 without labels" in dataset.description
    for ask, what in ((dataset.annotation, "labels"), (dataset.caption, "caption"), (dataset.bvpi, "BVPI text")):
        with pytest.raises(BadRecord, match=rf"states\.jsonl: .*walk-0000001-1\.jpg: has no {what}"):
            ask(1)


def test_a_picture_without_labels_teaches_no_head_but_the_one_of_paths(tmp_path):
    dataset = open_sensation(long_walk(tmp_path), "train")
    heads = [build_head("field", FieldConfig(), 0, 0), build_head("cue", CueConfig(), 0, 0)]
    labels = labels_of(dataset, heads)
    targets = {"future": torch.from_numpy(dataset.states.future), **labels}
    for head in heads:  # the walker's own path is not the truth of a cue either
        assert head.known(targets).tolist() == [True, False, False, True, False]


def test_a_picture_without_a_text_is_none_to_learn_captions_from(tmp_path):
    dataset = open_sensation(long_walk(tmp_path), "train")
    preprocess = Preprocessing(16, (0.5,) * 3, (0.5,) * 3, "bilinear", "squash")
    for target in ("bvpi", "caption"):
        pictures = CaptionPictures.of(dataset, preprocess, target, "CHEST")
        assert dataset.states.frame[pictures.rows].tolist() == list(LABELLED_FRAMES)


def test_a_line_whose_picture_is_not_there_is_counted_where_its_walk_is_known(tmp_path):
    dataset = open_sensation(long_walk(tmp_path, there=(1,)), "train")
    assert list(dataset.states.frame) == [0, 1, 3]
    assert f"; of 2 lines of it the picture is not below {tmp_path}" in dataset.description


def test_a_wrong_image_root_is_said_and_not_blamed_on_the_states(tmp_path):
    folder = long_walk(tmp_path / "walks")
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadInput, match=r"Name the folder that holds training/images with --image_root"):
        open_sensation(folder, "train", image_root=tmp_path / "empty")


def test_an_unlabelled_picture_that_is_empty_stops_or_is_left_out(tmp_path):
    folder = long_walk(tmp_path)
    (folder / IMAGE_FOLDERS["val"] / "walk-0000001-2.jpg").write_bytes(b"")
    with pytest.raises(BadRecord, match=r"walk-0000001-2\.jpg' is not a file with something in it"):
        open_sensation(folder, "train")
    dataset = open_sensation(folder, "train", on_bad_record="skip")
    assert (len(dataset), len(dataset.skipped)) == (4, 1)


def test_the_pictures_are_the_same_whatever_their_states(tmp_path):
    folder = folder_with(tmp_path, line_of("a.jpg"))
    first = open_sensation(folder, "train")
    (folder / STATES).write_text(line_of("a.jpg", intent="GO_LEFT"))
    second = open_sensation(folder, "train")
    assert second.fingerprint == first.fingerprint
    assert second.states.intent[0] != first.states.intent[0]


def test_a_file_that_cannot_be_read_is_refused(tmp_path):
    folder = folder_with(tmp_path)
    (folder / STATES).unlink()
    (folder / STATES).mkdir()
    with pytest.raises(BadInput, match=STATES):
        open_sensation(folder, "train")
