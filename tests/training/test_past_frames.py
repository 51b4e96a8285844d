"""Earlier frames beside the current one: exactly those that were asked for, or a hole that the mask tells."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from drawn import DrawnDataset
from fitted import fit
from hypothesis import given
from hypothesis import strategies as st

import roadcue
from roadcue.command_line import parse, parse_file
from roadcue.errors import BadInput
from roadcue.evaluation.config import EvalConfig
from roadcue.evaluation.run import evaluate_run
from roadcue.evaluation.shuffled_pictures import with_shuffled_pictures
from roadcue.heads.multi_head import MultiHeadModel
from roadcue.loaders.dataset import StateTable
from roadcue.loaders.split import every_nth
from roadcue.schema import SampleTargets
from roadcue.training.build import build_run_encoder
from roadcue.training.config import TrainConfig
from roadcue.training.extraction import encoder_parts, extract, stored_split
from roadcue.training.heads.batches import StoredSplit
from roadcue.training.heads.past_frames import earlier_frames
from roadcue.training.heads.predictions import predict
from roadcue.training.sweep.sweep import _decides_splits


@pytest.fixture(scope="module", autouse=True)
def _gentle(one_thread):
    pass


def states_of(moments):
    """The table of {(sequence number, frame)}, sorted as a data set's."""
    moments = sorted((f"drive{sequence}", frame) for sequence, frame in moments)
    n = len(moments)
    return StateTable(
        id=np.array([f"{sequence}-{frame}" for sequence, frame in moments], dtype=str),
        sequence=np.array([sequence for sequence, _ in moments], dtype=str),
        frame=np.array([frame for _, frame in moments], dtype=np.int64),
        past=np.zeros((n, 16, 6), np.float32),
        intent=np.zeros(n, np.int64),
        future=np.zeros((n, 20, 2), np.float32),
    )


class NumberedStore:
    """Two cameras whose features are 10 * place + camera, in an order of its own; some rows are skipped."""

    def __init__(self, ids, random, skipped=0.0, lacking=0.0):
        places = random.permutation(len(ids))
        self.place_of = dict(zip(ids.tolist(), places.tolist(), strict=True))
        numbers = 10 * np.arange(len(ids))[:, None] + np.arange(2)
        self.features = numbers.astype(np.float16)[:, :, None, None]
        self.contrast = np.tile(self.features, (1, 1, 3, 4)).astype(np.float32)
        self.present = random.random((len(ids), 2)) >= lacking
        self.usable = random.random(len(ids)) >= skipped

    def rows_of(self, ids):
        return np.array([self.place_of[sample_id] for sample_id in ids], dtype=np.int64)


moments = st.sets(st.tuples(st.integers(0, 3), st.integers(-3, 12)), min_size=1, max_size=40)
offsets = st.lists(st.integers(1, 16), min_size=1, max_size=3, unique=True)


@given(moments, offsets, st.integers(0, 2**32 - 1))
def test_every_earlier_frame_is_the_one_that_was_asked_for_or_a_hole(rows, frames_back, seed):
    """Whatever sequences, gaps, skipped rows, missing cameras and order of the store: compared one by one."""
    states = states_of(rows)
    store = NumberedStore(states.id, np.random.default_rng(seed), skipped=0.2, lacking=0.2)
    split = StoredSplit.of(Table(states), store, frames_back)
    batch = split.batch(np.arange(len(split)))
    assert batch["stored"].shape == (len(split), 2 * (1 + len(frames_back)), 1, 1)
    for at, row in enumerate(split.rows):
        expected, there = [], []
        for back in (0, *frames_back):
            place = store.place_of.get(f"{states.sequence[row]}-{states.frame[row] - back}")
            usable = place is not None and bool(store.usable[place])
            expected += [10 * place + camera if usable else 0 for camera in range(2)]
            there += store.present[place].tolist() if usable else [False, False]
        assert batch["stored"][at].flatten().tolist() == expected
        assert batch["present"][at].tolist() == there


class Table:
    """A data set of states alone."""

    def __init__(self, states, name="drives", split="all"):
        self.states, self.name, self.split = states, name, split

    def __len__(self):
        return len(self.states)

    def targets(self, row):
        return SampleTargets()


@given(moments, offsets, st.data())
def test_no_row_sees_a_later_frame_or_another_drive(rows, frames_back, data):
    """Leak test: the row's batch is the same whatever all later frames and all other drives hold."""
    states = states_of(rows)
    store = NumberedStore(states.id, np.random.default_rng(0))
    split = StoredSplit.of(Table(states), store, frames_back)
    row = data.draw(st.integers(0, len(split) - 1))
    before = split.batch(np.array([row]))
    seen = (states.sequence == states.sequence[row]) & (states.frame <= states.frame[row])
    store.features = store.features.copy()
    store.features[store.rows_of(states.id[~seen])] = np.nan
    store.contrast[store.rows_of(states.id[~seen])] = np.nan
    store.present[store.rows_of(states.id[~seen])] = False
    after = split.batch(np.array([row]))
    assert torch.equal(before["stored"], after["stored"])
    assert torch.equal(before["contrast"], after["contrast"])
    assert torch.equal(before["present"], after["present"])


def test_rows_without_a_future_are_still_the_past_of_others():
    states = states_of({(0, frame) for frame in range(4)})
    states.future[:2] = np.nan
    store = NumberedStore(states.id, np.random.default_rng(1))
    split = StoredSplit.of(Table(states), store, (2,)).with_future()
    batch = split.batch(np.arange(2))
    places = store.rows_of(states.id)
    assert batch["stored"][:, 2, 0, 0].tolist() == (10 * places[:2]).tolist()
    assert batch["present"].all() == store.present.all()
    only = StoredSplit.of(Table(states), store, (2,)).only(np.array([3]))
    assert only.batch(np.arange(1))["stored"][0, 2, 0, 0] == 10 * places[1]


def test_others_pictures_come_with_their_own_past():
    states = states_of({(sequence, frame) for sequence in range(3) for frame in range(4)})
    store = NumberedStore(states.id, np.random.default_rng(2))
    split = StoredSplit.of(Table(states), store, (1,))
    batch = with_shuffled_pictures(split, 0).batch(np.arange(12))
    row_of = {place: row for row, place in enumerate(store.rows_of(states.id).tolist())}
    for row in range(12):
        now, earlier = (batch["stored"][row, picture, 0, 0].item() / 10 for picture in (0, 2))
        taken = row_of[now]
        assert states.sequence[taken] != states.sequence[row]
        if states.frame[taken]:
            assert row_of[earlier] == taken - 1
        else:
            assert not batch["present"][row, 2:].any()


def test_a_run_says_what_share_of_its_rows_has_each_frame():
    frames = Table(states_of({(sequence, 30 * i) for sequence in range(2) for i in range(7)}), "drawn", "val")
    message = earlier_frames(frames, (30, 90), np.arange(14))
    assert message == (
        "drawn val: rows that have their earlier frames: 30 frames back 86 %, 90 frames back 57 %; "
        "what --missing_camera names stands in for the others"
    )
    assert "30 frames back 100 %" in earlier_frames(frames, (30,), np.array([1, 8]))
    many = Table(states_of({(0, frame) for frame in range(500)}))
    assert "back 99 %" in earlier_frames(many, (1,), np.arange(500))
    assert "back 1 %" in earlier_frames(many, (499,), np.arange(500))


@pytest.mark.parametrize(
    ("frames", "back", "stride", "sentence"),
    [
        (
            range(0, 210, 30),
            (30, 10),
            1,
            "has a frame 10 frames before it; there are some 30, 60, 90, 120",
        ),
        (
            range(0, 60, 30),
            (1, 2),
            1,
            "has a frame 1 or 2 frames before it; there are some 30 frames before: train with those$",
        ),
        (
            range(0, 40, 4),
            (1,),
            4,
            "4, 8, 12, 16, 20 frames before: train with those, or with a smaller --frame_stride than 4$",
        ),
        ((5,), (1,), 1, "each of its sequences is a single frame here: train without --past_frames$"),
        ((0, 7, 9), (1,), 1, "there are some 2, 7, 9 frames before"),
    ],
)
def test_what_no_row_has_is_said_with_what_there_is(frames, back, stride, sentence):
    table = Table(states_of({(sequence, frame) for sequence in range(2) for frame in frames}))
    with pytest.raises(BadInput, match=sentence):
        earlier_frames(table, back, np.arange(len(table)), stride)


def test_nothing_is_encoded_before_it_is_said_and_nothing_for_the_past(drawn):
    dataset, config = drawn.splits["val"], drawn(past_frames="1,40")
    encoder = build_run_encoder(config)
    with pytest.raises(BadInput, match="40 frames before it"):
        stored_split(dataset, encoder, config, frames_back=config.frames_back)
    assert dataset.reads == 0
    plain = extract(dataset, encoder, drawn())
    reads = dataset.reads
    split = stored_split(dataset, encoder, config, frames_back=(1, 4))
    assert dataset.reads == reads
    assert split.store.folder == plain.folder
    assert encoder_parts(encoder, config) == encoder_parts(encoder, drawn())
    with pytest.raises(BadInput, match=r"1 frames before it; there are some 2, 4, 6.*smaller --frame_stride than 2"):
        stored_split(every_nth(dataset, 2), encoder, drawn(frame_stride=2), frames_back=(1,))


def test_a_skipped_row_is_a_hole_in_what_comes_after(drawn):
    dataset = DrawnDataset("val", sequences=2, unreadable={5})
    config = drawn(past_frames="1", on_bad_record="skip")
    split = stored_split(dataset, build_run_encoder(config), config, frames_back=config.frames_back)
    batch = split.batch(np.arange(len(split)))
    lacking = [str(dataset.states.id[row]) for row in split.rows[~batch["present"][:, 1].numpy()]]
    assert lacking == ["val00-000", "val00-006", "val01-000"]


@pytest.mark.parametrize("given", ["0", "-1", "1,1", "10,010", "1.5", "a", "1,", "1, 2"])
def test_frames_back_that_are_none_are_said(given, capsys):
    with pytest.raises(SystemExit) as stop:
        parse(TrainConfig, [f"--past_frames={given}"])
    assert stop.value.code == 2
    assert f"--past_frames {given}: expected how many frames back" in capsys.readouterr().err


@pytest.mark.parametrize("given", ["10", "10,20", "20,10"])
def test_a_dumped_configuration_is_read_back(tmp_path, given):
    config, text = parse(TrainConfig, ["--past_frames", given, "--cameras", "REAR,FRONT"])
    (tmp_path / "config.yaml").write_text(text)
    assert parse_file(TrainConfig, tmp_path / "config.yaml") == config
    assert config.frames_back == tuple(map(int, given.split(",")))
    assert len(config.picture_names) == 2 * (1 + len(config.frames_back))
    assert config.picture_names[:4] == (
        "REAR",
        "FRONT",
        *(f"{name} {given[:2]} frames before" for name in ("REAR", "FRONT")),
    )


def test_a_run_of_before_has_no_earlier_frames(tmp_path):
    _, text = parse(TrainConfig, [])
    assert "past_frames" not in text, "a run without them is written down as before"
    (tmp_path / "config.yaml").write_text(text)
    config = parse_file(TrainConfig, tmp_path / "config.yaml")
    assert config.frames_back == ()
    assert config.picture_names == config.camera_names


@pytest.fixture
def road(drawn):
    """A run of two cameras and two earlier frames on drawn data, loaded."""
    config = drawn(epochs=1, cameras="REAR,FRONT", past_frames="1,3", missing_camera="learned")
    folder = fit(config)
    return config, folder, drawn.splits["val"], roadcue.load(folder.path)


def pictures(dataset, rows):
    """What `predict` takes of these rows; None where a row is -1."""
    return [
        {camera: dataset.image(row, camera) for camera in dataset.cameras_of(row)} if row >= 0 else None
        for row in rows
    ]


def test_predictions_are_those_of_evaluation(road, capsys):
    config, folder, dataset, predictor = road
    split = stored_split(dataset, build_run_encoder(config), config, frames_back=config.frames_back)
    evaluated = predict(MultiHeadModel.from_pretrained(folder.model).eval(), split).paths["waypoint"]
    rows = np.arange(10, 15)  # the end of a sequence and the begin of the next
    past_images = {back: pictures(dataset, dataset.states.rows_before(back)[rows]) for back in (3, 1)}
    assert [picture is None for picture in past_images[3]] == [False, False, True, True, True]
    past, intent = dataset.states.past[rows], dataset.states.intent[rows]
    batch = predictor.predict(pictures(dataset, rows), past=past, intent=intent, past_images=past_images)
    np.testing.assert_allclose(batch["waypoint"].waypoints_m, evaluated[rows], atol=1e-2)
    for at in (0, 2):
        single = predictor.predict(
            pictures(dataset, rows)[at],
            past=past[at],
            intent=int(intent[at]),
            past_images={back: given[at] for back, given in past_images.items()},
        )
        np.testing.assert_allclose(single["waypoint"].waypoints_m, evaluated[rows[at]], atol=1e-2)
    swapped = {1: past_images[3], 3: past_images[1]}
    other = predictor.predict(pictures(dataset, rows), past=past, intent=intent, past_images=swapped)
    assert np.abs(other["waypoint"].waypoints_m - evaluated[rows]).max() > 0.05

    capsys.readouterr()
    evaluate_run(EvalConfig(run=str(folder.path), resamples=20))
    assert (
        "drawn val: rows that have their earlier frames: 1 frames back 92 %, 3 frames back 75 %"
        in capsys.readouterr().out
    )


@pytest.mark.parametrize(
    ("past_images", "sentence"),
    [
        (None, r"reads its cameras 1 and 3 frames before: give past_images=\{1: ..., 3: ...\}.*or None"),
        ({1: None}, "reads its cameras 3 frames before"),
        ({1: None, 2: None, 3: None}, r"past_images\[2\]: this run reads these earlier frames, as frames back: 1, 3"),
        ([None, None], "past_images: expected a mapping"),
        ({1: [{}], 3: [{}, {}]}, r"2 images, 2 pasts, 2 intents, 1 images of past_images\[1\] and 2 images of"),
        ({1: [{"SIDE": None}] * 2, 3: None}, "reads the cameras REAR, FRONT, not SIDE"),
        ({1: [np.zeros((8, 8, 3), np.uint8)] * 2, 3: None}, "give a mapping from camera to image"),
    ],
)
def test_earlier_pictures_that_do_not_fit_are_said(road, past_images, sentence):
    _, _, dataset, predictor = road
    with pytest.raises(BadInput, match=sentence):
        predictor.predict(
            pictures(dataset, [5, 6]), past=dataset.states.past[:2], intent=[1, 1], past_images=past_images
        )


def test_earlier_pictures_do_not_stand_in_for_the_current_one(road):
    _, _, dataset, predictor = road
    earlier = {back: pictures(dataset, [2])[0] for back in (1, 3)}
    for now in (None, {}, {"FRONT": None}):
        with pytest.raises(BadInput, match="no image for the cameras REAR, FRONT"):
            predictor.predict(now, past=dataset.states.past[0], intent=1, past_images=earlier)


def test_a_run_without_an_encoder_reads_no_earlier_frames(drawn):
    folder = fit(drawn(encoder="none", epochs=1, past_frames="500"))
    past = drawn.splits["val"].states.past[:2]
    predicted = roadcue.load(folder.path).predict(past=past, intent=[1, 2])
    assert predicted["waypoint"].waypoints_m.shape == (2, 20, 2)


def test_runs_of_a_sweep_with_other_earlier_frames_do_not_share_their_splits():
    config = TrainConfig(past_frames="10")
    assert _decides_splits(config) != _decides_splits(replace(config, past_frames="20"))
    assert _decides_splits(config) == _decides_splits(replace(config, lr=0.5))
