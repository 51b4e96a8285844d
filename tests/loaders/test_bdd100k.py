"""BDD100K: label files of the published form, which pictures count, and what becomes of their boxes."""

import json
from pathlib import Path

import numpy as np
import pytest
from damage import damaged, little_memory  # noqa: F401 - a fixture for all of this module
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from roadcue.errors import BadInput, BadRecord
from roadcue.loaders import jpeg
from roadcue.loaders.bdd100k import open_bdd100k
from roadcue.loaders.bdd100k.boxes import HEIGHT, HEIGHT_M, KIND, WIDTH, Box, is_near, objects_of, position_of
from roadcue.loaders.bdd100k.labels import FILES, parse_frame, read_frames
from roadcue.loaders.dataset import sample
from roadcue.loaders.registry import open_dataset
from roadcue.loaders.split import split_by_sequence
from roadcue.prompts.annotation import COLUMNS, FAR_COLUMNS, NEAR_COLUMNS, OBJECT_KINDS, SIDES

SOME = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
PICTURE = jpeg.encode(np.full((16, 16, 3), 90, np.uint8), 90)


def label(category: str, x1: float, y1: float, x2: float, y2: float) -> dict:
    return {"id": "0", "category": category, "box2d": {"x1": x1, "y1": y1, "x2": x2, "y2": y2}}


def frame(name: str, *labels: dict, weather: str = "clear", timeofday: str = "daytime") -> dict:
    attributes = {"weather": weather, "timeofday": timeofday, "scene": "city street"}
    return {"name": name, "attributes": attributes, "timestamp": 10000, "labels": list(labels)}


def write_bdd(folder: Path, split: str, frames: object, *, form: int = 0, pictures: bool = True) -> Path:
    """The label file in one of the published forms, and below images/100k the pictures; returns the file."""
    file = folder / FILES[form].format(split=split)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(frames))
    images = folder / "images/100k" / split
    images.mkdir(parents=True, exist_ok=True)
    for one in frames if pictures and isinstance(frames, list) else ():
        (images / one["name"]).write_bytes(PICTURE)
    return file


CAR_CLOSE, CAR_FAR = label("car", 10, 400, 300, 600), label("car", 600, 350, 660, 400)
SCENE = [
    frame("0000f77c-cb820c98.jpg", label("pedestrian", 900, 300, 1000, 560), CAR_CLOSE, CAR_FAR, CAR_CLOSE),
    frame("0000f77c-6257be58.jpg"),
    frame("00067cfb-5443fe39.jpg", CAR_FAR, weather="rainy"),
    frame("00067cfb-e535423e.jpg", CAR_FAR, timeofday="night"),
    frame("b1c66a42-6f7d68ca.jpg", label("traffic light", 630, 100, 650, 130)),
]


def test_pictures_of_clear_days_are_read_in_order(tmp_path):
    write_bdd(tmp_path, "train", SCENE)
    dataset = open_dataset("bdd100k", tmp_path, "train")
    assert dataset.states.id.tolist() == ["0000f77c-6257be58", "0000f77c-cb820c98", "b1c66a42-6f7d68ca"]
    assert dataset.states.sequence.tolist() == ["0000f77c", "0000f77c", "b1c66a42"]
    assert dataset.states.frame.tolist() == [0, 1, 0]
    assert "3 pictures of clear days of 5 labelled" in dataset.description
    assert not dataset.skipped
    one = sample(dataset, 1)
    assert one.inputs.images["FRONT"] == PICTURE
    assert one.targets.future is None
    assert np.isnan(one.inputs.past).all()
    assert dataset.image(0, "REAR") is None
    assert dataset.where(1).endswith("det_train.json, frame 0: train/0000f77c-cb820c98.jpg")


def test_fields_are_sensations_columns_empty_where_there_is_no_label(tmp_path):
    write_bdd(tmp_path, "val", SCENE)
    fields = open_bdd100k(tmp_path, "val").targets(1).fields
    assert tuple(fields) == COLUMNS
    assert fields["m_car"] == "Left-Left"
    assert fields["m_person"] == "Right"
    assert fields["m_car_outside"] == "Center"
    assert fields["m_person_outside"] == fields["traffic_light"] == "not present"
    unlabelled = {"obstacle", "grass", "plants", "trees"}
    assert {kind for kind in OBJECT_KINDS if fields[NEAR_COLUMNS[kind]] == ""} == unlabelled
    assert {kind for kind in OBJECT_KINDS if fields[FAR_COLUMNS[kind]] == ""} == unlabelled
    assert fields["sidewalk_pos"] == fields["road_pos"] == ""


def test_the_labels_of_2018_are_read_too(tmp_path):
    lane = {"category": "lane", "poly2d": [{"vertices": [[1, 2], [3, 4]]}]}
    old = frame("b1c66a42-6f7d68ca.jpg", lane, label("bike", 0, 500, 90, 700), label("motor", 900, 0, 1279, 719))
    write_bdd(tmp_path, "train", [old], form=1)
    fields = open_bdd100k(tmp_path, "train").targets(0).fields
    assert (fields["m_bicycle"], fields["m_car"]) == ("Left", "Right")


@pytest.mark.parametrize(
    ("box", "near"),
    [
        (Box("car", 0, 300, 10, 401), True),  # 1005 px * 1.5 m / 15 m = 100.5 px
        (Box("car", 0, 300, 10, 400), False),
        (Box("person", 0, 300, 10, 414), True),
        (Box("person", 0, 300, 10, 413), False),
        (Box("bicycle", 0, 539, 10, 540), True),  # cut off by what is before it, but its wheel is at 0.75
        (Box("bicycle", 0, 538, 10, 539), False),
        (Box("traffic_sign", 0, 0, 10, 51), True),
        (Box("traffic_sign", 0, 680, 10, 720), False),  # a sign does not stand on the ground
        (Box("traffic_light", 0, 0, 10, 60), False),
    ],
)
def test_near_is_tall_or_low(box, near):
    assert is_near(box) == near


@pytest.mark.parametrize(
    ("x1", "x2", "position"),
    [
        (0, 853, "Left"),
        (0, 854, "Center"),
        (427, 1280, "Right"),
        (426, 1280, "Center"),
        (1281, 1282, "Right"),
        (-2, 0, "Left"),
    ],
)
def test_a_position_is_the_third_with_the_middle_of_the_box(x1, x2, position):
    assert position_of(Box("car", x1, 0, x2, 1)) == position


@st.composite
def boxes(draw: st.DrawFn) -> Box:
    x, y = (sorted((draw(st.floats(0, side)), draw(st.floats(0, side)))) for side in (WIDTH, HEIGHT))
    return Box(draw(st.sampled_from(list(HEIGHT_M))), x[0], y[0], x[1], y[1])


@given(st.lists(boxes(), max_size=8))
def test_every_box_is_near_or_far_once(some):
    near, far = objects_of(some, near=True), objects_of(some, near=False)
    assert set(near) == set(far) == set(HEIGHT_M) == set(KIND.values())
    for kind in HEIGHT_M:
        assert len(near[kind]) + len(far[kind]) == sum(box.kind == kind for box in some)
        assert list(near[kind]) == sorted(near[kind], key=SIDES.index)


def test_missing_pictures_are_counted_and_named_or_left_out(tmp_path):
    write_bdd(tmp_path, "train", SCENE)
    (tmp_path / "images/100k/train/0000f77c-6257be58.jpg").unlink()
    with pytest.raises(BadInput, match=r"1 of 3 pictures .* 'train/0000f77c-6257be58.jpg'.* --on_bad_record skip\.$"):
        open_bdd100k(tmp_path, "train")
    dataset = open_bdd100k(tmp_path, "train", on_bad_record="skip")
    assert len(dataset) == 2
    assert dataset.skipped[0].where == "train/0000f77c-6257be58.jpg"
    assert "1 picture files missing" in dataset.description
    with pytest.raises(BadInput, match=r"3 of 3 pictures .* holds train and val with --image_root\.$"):
        open_bdd100k(tmp_path, "train", image_root=tmp_path, on_bad_record="skip")
    (tmp_path / "images/100k").rename(tmp_path / "pictures")
    assert (
        len(open_dataset("bdd100k", tmp_path, "train", image_root=tmp_path / "pictures", on_bad_record="skip")) == 2
    )


def test_all_is_both_splits_and_can_be_parted_by_drive(tmp_path):
    write_bdd(tmp_path, "train", SCENE)
    write_bdd(tmp_path, "val", [frame("c0000000-00000000.jpg"), frame("c0000000-00000001.jpg", CAR_FAR)])
    everything = open_bdd100k(tmp_path, "all")
    assert len(everything) == 5
    train, val = (split_by_sequence(everything, part) for part in ("train", "val"))
    assert len(train) + len(val) == 5
    assert not set(train.states.sequence) & set(val.states.sequence)
    write_bdd(tmp_path, "val", SCENE[:1])
    with pytest.raises(BadInput, match=r"det_val\.json: 0000f77c-cb820c98\.jpg is labelled in another split"):
        open_bdd100k(tmp_path, "all")


def test_what_cannot_be_opened(tmp_path):
    with pytest.raises(BadInput, match="split 'test' is unknown; BDD100K publishes the labels of train, val"):
        open_bdd100k(tmp_path, "test")
    with pytest.raises(BadInput, match=r"has none of labels/det_20/det_train\.json, "):
        open_bdd100k(tmp_path, "train")
    write_bdd(tmp_path, "train", SCENE[2:4])
    with pytest.raises(BadInput, match="of 2 labelled pictures of train none is of a clear day"):
        open_bdd100k(tmp_path, "train")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"name": None}, r"frame 1: name is None"),
        ({"name": "../../x.jpg"}, r"frame 1: name is '../../x.jpg', not the file name"),
        ({"attributes": None}, r"frame 1 \(a.jpg\): attributes is missing, not an object"),
        ({"labels": {}}, r"frame 1 \(a.jpg\): labels is dict"),
        ({"labels": [CAR_FAR, 3]}, r"labels\[1\] is int '3', not an object"),
        ({"labels": [label("cow", 0, 0, 1, 1)]}, r"labels\[0\]: category is 'cow', none of pedestrian"),
        ({"labels": [label("car", 0, 0, 1, "1")]}, r"box2d: y2 is str '1', not a number"),
        ({"labels": [label("car", 0, 0, 1, 10**400)]}, r"box2d: y2 is int '1000"),
        ({"labels": [label("car", 9, 0, 1, 1)]}, r"box2d 9, 0 to 1, 1 is no box in 1280 x 720"),
        ({"labels": [label("car", 0, 0, 1920, 1080)]}, r"is no box in 1280 x 720"),
        ({"labels": [{"category": "car", "box2d": []}]}, r"labels\[0\]: box2d is list"),
    ],
)
def test_a_damaged_frame_stops_with_its_place_or_is_left_out(tmp_path, change, reason):
    write_bdd(tmp_path, "train", [frame("b.jpg"), frame("a.jpg")])
    file = write_bdd(tmp_path, "train", [frame("b.jpg", CAR_FAR), frame("a.jpg") | change], pictures=False)
    with pytest.raises(BadRecord, match=rf"^{file}, {reason if reason.startswith('frame') else '.*' + reason}"):
        open_bdd100k(tmp_path, "train")
    dataset = open_bdd100k(tmp_path, "train", on_bad_record="skip")
    assert dataset.states.id.tolist() == ["b"]
    assert dataset.skipped[0].where == f"{file}, frame 1"


def test_a_second_frame_of_a_name_is_a_damaged_one(tmp_path):
    file = write_bdd(tmp_path, "train", [frame("b.jpg", CAR_CLOSE), frame("b.jpg"), frame("c.jpg")])
    with pytest.raises(BadRecord, match=r"frame 1: b.jpg has labels before, at .*frame 0; remove one"):
        read_frames(file)
    frames, skipped = read_frames(file, "skip")
    assert ([len(one.boxes) for one in frames], len(skipped)) == ([1, 0], 1)


def test_a_frame_without_labels_has_no_box():
    bare = {key: value for key, value in frame("a.jpg").items() if key != "labels"}
    assert parse_frame(bare, "here").boxes == ()


@pytest.mark.parametrize(
    "labels",
    [
        None,
        [],
        [{"category": "car", "poly2d": [{"vertices": [[0, 0], [9, 9]]}]}],
        [{"category": "car", "bbox": [0, 0, 9, 9]}],
    ],
)
def test_a_file_without_one_box_is_not_read_as_if_nothing_were_there(tmp_path, labels):
    file = write_bdd(tmp_path, "train", [{**frame("a.jpg"), "labels": labels}, frame("b.jpg")])
    with pytest.raises(BadInput, match=rf"^{file}: not one of its 2 frames has a box; {len(labels or ())} labels"):
        open_bdd100k(tmp_path, "train")


def scaled(factor: float, pictures: int) -> list[dict]:
    box = [factor * edge for edge in (1000, 400, 1200, 600)]
    return [frame(f"{number:08x}-aaaaaaaa.jpg", label("car", *box)) for number in range(pictures)]


def test_boxes_of_smaller_pictures_are_not_read_on_other_sides(tmp_path):
    write_bdd(tmp_path / "half", "train", scaled(0.5, 100))
    with pytest.raises(BadInput, match="none of 100 boxes passes x = 600 and y = 300, though BDD100K's"):
        open_bdd100k(tmp_path / "half", "train")
    for name, factor, pictures in (("whole", 1.0, 100), ("few", 0.5, 99)):
        write_bdd(tmp_path / name, "train", scaled(factor, pictures))
        assert len(open_bdd100k(tmp_path / name, "train")) == pictures


def test_labels_that_are_no_boxes_are_counted(tmp_path):
    lane = {"category": "lane/single white", "poly2d": [{"vertices": [[0, 0], [9, 9]]}]}
    write_bdd(tmp_path, "train", [frame("a.jpg", lane, CAR_FAR, lane)])
    assert "; 2 labels are no boxes" in open_bdd100k(tmp_path, "train").description


def test_a_file_for_each_picture_is_read(tmp_path):
    """As the first release was published."""
    write_bdd(tmp_path, "train", SCENE)
    listed = open_bdd100k(tmp_path, "train")
    files = tmp_path / "labels/100k/train"
    files.mkdir(parents=True)
    for one in SCENE:
        name = one["name"].removesuffix(".jpg")
        film = [{"timestamp": 10000, "objects": one["labels"]}]
        (files / f"{name}.json").write_text(
            json.dumps({"name": name, "frames": film, "attributes": one["attributes"]})
        )
    (tmp_path / FILES[0].format(split="train")).unlink()
    dataset = open_bdd100k(tmp_path, "train")
    assert dataset.states.id.tolist() == listed.states.id.tolist()
    assert [dataset.annotation(row) for row in range(3)] == [listed.annotation(row) for row in range(3)]
    (files / "0000f77c-6257be58.json").write_text('{"name": "x", "frames": [], "attributes": {}}')
    with pytest.raises(BadRecord, match=r"0000f77c-6257be58.json: frames is list '\[\]', not a list of one"):
        open_bdd100k(tmp_path, "train")


@pytest.mark.parametrize("content", ["", "{", '{"frames": []}', '[{"a": 1, "a": 2}]', "[" * 100_000, '"\\ud800"'])
def test_a_file_that_is_no_list_is_refused_by_name(tmp_path, content):
    file = write_bdd(tmp_path, "train", [])
    file.write_text(content)
    with pytest.raises(BadInput, match=rf"^{file}: "):
        open_bdd100k(tmp_path, "train")


@given(st.data())
@SOME
def test_a_damaged_file_is_read_or_refused_with_its_name(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("fuzz")
    file = write_bdd(folder, "train", SCENE)
    file.write_bytes(data.draw(damaged(file.read_bytes())))
    try:
        dataset = open_bdd100k(folder, "train", on_bad_record="skip")
    except BadInput as bad:
        assert str(folder) in str(bad)  # noqa: PT017 - either way is right
        return
    assert all(dataset.image(row, "FRONT") and dataset.targets(row).fields for row in range(len(dataset)))


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["category", "box2d", "x1"]), inner),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from(["name", "attributes", "labels"]), json_values) | json_values)
def test_any_value_is_a_frame_or_refused_with_its_place(value):
    changed = frame("a.jpg", CAR_FAR) | value if isinstance(value, dict) else value
    try:
        parse_frame(changed, "file, frame 3")
    except BadRecord as bad:
        assert str(bad).startswith("file, frame 3")  # noqa: PT017 - either way is right
