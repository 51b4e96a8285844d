"""Targets are part of a run's identity: what is learnt from decides whether a run goes on, and not where it lies."""

import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from drawn import DrawnDataset
from drawn_walks import drawn_walks

from roadcue.command_line import parse
from roadcue.errors import BadInput
from roadcue.heads.field.head import FieldHead
from roadcue.heads.registry import build_head, head_config
from roadcue.loaders.sensation.dataset import Sensation
from roadcue.schema import SampleTargets
from roadcue.training.build import open_split
from roadcue.training.captions.config import CaptionOptions
from roadcue.training.captions.pictures import learnt_parts
from roadcue.training.config import TrainConfig
from roadcue.training.extraction_config import DataOptions
from roadcue.training.heads.batches import StoredSplit, labels_of
from roadcue.training.learnt_from import ROUNDING, differing, of_model
from roadcue.training.module import TrainingModule
from roadcue.training.run_folder import RunFolder, check_same_data, is_finished


def parts_of(dataset, rows=None):
    head = build_head("field", head_config("field")(), 0, 0)
    assert isinstance(head, FieldHead)
    split = StoredSplit.of(dataset, None, labels=labels_of(dataset, [head]))
    return (split if rows is None else split.only(rows)).parts


def pictures(dataset):
    dataset.fingerprint = "others"


def past(dataset):
    dataset.states.past[3, 0, 0] += 1


def intent(dataset):
    dataset.states.intent[3] = (dataset.states.intent[3] + 1) % 4


def future(dataset):
    dataset.states.future[3, 19, 1] += 1


def sequence(dataset):
    dataset.states.sequence[3] = "val00"


def frame(dataset):
    dataset.states.frame[3] += 100


def fields(dataset):
    targets = dataset.targets
    of_row = lambda row: replace(targets(row), fields={**targets(row).fields, "sidewalk_pos": "Left"})  # noqa: E731
    dataset.targets = lambda row: of_row(row) if row == 3 else targets(row)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (pictures, "pictures"),
        (past, "past states"),
        (intent, "intents"),
        (future, "futures"),
        (sequence, "samples"),
        (frame, "samples"),
        (fields, "fields of sidewalk and road"),
    ],
)
def test_targets_are_part_of_a_runs_identity(change, said):
    dataset = DrawnDataset(sequences=2)
    before = parts_of(dataset)
    assert parts_of(DrawnDataset(sequences=2)) == before
    change(dataset)
    assert said in differing(before, parts_of(dataset))
    if change is not fields:  # the first label of a row says of its others that they are not there
        assert differing(before, parts_of(dataset)) == said


def test_other_rows_of_the_same_content_are_others():
    dataset = DrawnDataset(sequences=2)
    dataset.states.past[:], dataset.states.future[:], dataset.states.intent[:] = 0, 0, 0
    dataset.targets = lambda row: SampleTargets()
    first, second = (parts_of(dataset, np.arange(start, start + 12)) for start in (0, 12))
    assert differing(first, second) == "samples"


def test_a_checkpoint_of_other_targets_is_refused_by_their_name():
    made = {"pictures": "1", "futures": "2"}
    module = TrainingModule(lr=1.0, steps=1, shape="constant", learnt_from=made)
    checkpoint = {"state_dict": {}}
    module.on_save_checkpoint(checkpoint)
    module.on_load_checkpoint(checkpoint)
    other = TrainingModule(lr=1.0, steps=1, shape="constant", learnt_from={**made, "futures": "3"})
    with pytest.raises(BadInput, match=r"has changed since the checkpoint: futures; put it back as it was, or train"):
        other.on_load_checkpoint(checkpoint)
    del checkpoint["learnt_from"]
    with pytest.raises(BadInput, match="of an older RoadCue, and does not say what it has learnt from; train anew"):
        module.on_load_checkpoint(checkpoint)


def test_the_encoder_is_what_a_run_learns_from_but_for_rounding():
    parts = {"weights": "1", "dtype": "fp32"}
    assert of_model({**parts, **dict.fromkeys(ROUNDING, "2")}) == of_model(parts)
    assert differing(of_model(parts), of_model({**parts, "weights": "3"})) == "the encoder's weights"


@pytest.fixture(scope="module")
def walks(tmp_path_factory):
    return drawn_walks(tmp_path_factory, train=4, val=2)


def walks_in(folder) -> Sensation:
    return open_split(DataOptions(data="sensation", data_dir=str(folder)), "train")


@pytest.mark.parametrize(
    ("options", "changed", "said"),
    [
        ({}, {"bvpi": "Else."}, "bvpi texts"),
        ({}, {"caption": "Else."}, ""),
        ({"target": "caption"}, {"caption": "Else."}, "caption texts"),
        ({"navigation": 0.3}, {"fields": {"sidewalk_pos": "Left", "road_pos": "Front"}}, "cue texts"),
        ({"annotations": 0.2}, {"fields": {"sidewalk_pos": "Left", "road_pos": "Front"}}, "fields"),
    ],
)
def test_texts_that_are_learnt_and_labels_that_are_told_are_part_of_it(walks, options, changed, said, monkeypatch):
    chosen = CaptionOptions(**options)
    before, targets = learnt_parts(walks_in(walks), chosen), Sensation.targets
    monkeypatch.setattr(
        Sensation, "targets", lambda data, row: replace(targets(data, row), **(changed if row == 1 else {}))
    )
    assert differing(before, learnt_parts(walks_in(walks), chosen)) == said


def test_data_that_are_copied_or_spelled_otherwise_are_the_same(walks, tmp_path, monkeypatch):
    before = learnt_parts(walks_in(walks), CaptionOptions())
    copied = shutil.copytree(walks, tmp_path / "copied", copy_function=shutil.copyfile)
    monkeypatch.chdir(tmp_path)
    for place in (copied, "copied", os.path.join(".", "copied", "..", "copied")):
        assert learnt_parts(walks_in(place), CaptionOptions()) == before


FACTS = {"date": "", "data": {"train": "", "val": ""}, "rows": {"train": 1, "val": 1}, "skipped": 0, "seed": 0}
FACTS |= {"encoder_parts": {}, "versions": {}, "device": "cpu", "command": "", "seconds": 1.0}


@pytest.mark.parametrize(
    "now",
    [
        "--device auto",
        "--workers 7",
        "--encode_batch 3",
        "--store_dir /scratch/job7",
        "--data_dir /scratch/data --image_root /scratch/pictures",
        "--checkpoint_every 7",
        "--on_bad_record skip",
    ],
)
@pytest.mark.parametrize("head", ["waypoint", "caption"])
def test_what_changes_no_number_stops_no_run(tmp_path, head, now):
    begun = ["--head", head, "--device", "cpu", "--data", "sensation", "--data_dir", "/data"]
    (tmp_path / "config.yaml").write_text(parse(TrainConfig, begun)[1])
    folder = RunFolder(tmp_path)
    folder.last.parent.mkdir()
    folder.last.touch()
    taken = {word for word in now.split() if word.startswith("--")}
    pairs = zip(begun[::2], begun[1::2], strict=True)
    kept = [word for option, value in pairs if option not in taken for word in (option, value)]
    assert not is_finished(folder, parse(TrainConfig, [*kept, *now.split()])[0])


def test_a_finished_run_says_which_of_its_data_are_others(tmp_path):
    folder = RunFolder(Path(tmp_path))
    folder.write_facts({**FACTS, "data_fingerprint": {"pictures": "1", "futures": "2"}})
    check_same_data(folder, lambda: {"futures": "2", "pictures": "1"})
    with pytest.raises(BadInput, match=r"is finished, and the training data have changed since: futures are others"):
        check_same_data(folder, lambda: {"futures": "3", "pictures": "1"})
