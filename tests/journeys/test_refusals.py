"""Words, folders and caches that do not fit, and workers that die: one sentence that says what to do."""

import json
import os
import re
import signal

import pytest
from main_job import exit_code
from refusal import QUICK, quick, refused, trained
from waymo_shards import write_shards

from roadcue import eval as scoring
from roadcue import train
from roadcue.loaders import picture_file
from roadcue.loaders.waymo_e2e.dataset import WaymoE2E
from roadcue.training import encoded_pictures

FRAMES = [(f"{number:032x}-000", number + 1) for number in range(6)]


@pytest.fixture
def shards(tmp_path):
    folder = tmp_path / "shards"
    folder.mkdir()
    write_shards(folder, {"training_x.tfrecord": FRAMES[:4], "val_x.tfrecord": FRAMES[4:]})
    return folder


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A run without an encoder, to be damaged in one file after another."""
    folder = tmp_path_factory.mktemp("finished")
    write_shards(folder, {"training_x.tfrecord": FRAMES[:4], "val_x.tfrecord": FRAMES[4:]})
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ROADCUE_CACHE", str(folder / "cache"))
        words = ("--data", "waymo_e2e", "--data_dir", folder, "--run_dir", folder / "run", "--encoder", "none")
        assert exit_code(train.main, *QUICK, *words) == 0
    return folder / "run"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--encoder", "smoll"), "--encoder smoll: choose one of smol, flamingo, none; did you mean smol?"),
        (("--head", "wayponit"), "there is no head 'wayponit'; did you mean waypoint"),
        (("--head", "ridge"), "'ridge' is a baseline and has nothing to train"),
        (("--waypoint.hiden", "64"), "there is no option --waypoint.hiden; did you mean --waypoint.hidden?"),
        (("--fields", "weather"), "there is no option --fields"),
        (
            ("--data", "waymo"),
            "choose one of roadworld, waymo_e2e, manifest, sensation, bdd100k, sidewalk; did you mean waymo_e2e?",
        ),
        (("--data", "waymo_e2e"), "--data waymo_e2e needs --data_dir"),
        (
            ("--image_root", "pictures"),
            "--image_root belongs to --data bdd100k or manifest or sensation, not to roadworld",
        ),
        (("--pooling", "cls"), "cls pooling needs an encoder with a class token.*: use mean or grid"),
        (("--grid", "40"), "a grid of 40 x 40 regions is finer than"),
    ],
)
def test_a_word_that_is_not_known(tmp_path, capsys, words, sentence):
    assert re.search(sentence, refused(capsys, train.main, *words, "--run_dir", tmp_path / "run"))
    assert not (tmp_path / "run").exists()
    assert not (tmp_path / "cache").exists(), "it is said before anything is drawn or encoded"


@pytest.mark.parametrize(
    ("data", "name", "sentence"),
    [
        ("waymo_e2e", "shards/val_x.tfrecord", "val_x.tfrecord: is not a folder. Name the folder that has the"),
        ("waymo_e2e", "nowhere", "nowhere: is not a folder"),
        ("waymo_e2e", ".", "no shard named training_.*; *It has no files|no shard named training_"),
        ("manifest", "shards", "shards holds neither of manifest.jsonl and manifest.parquet; name the manifest"),
        ("manifest", "shards/val_x.tfrecord", "val_x.tfrecord is no manifest; its name must end in"),
        ("manifest", "nowhere.jsonl", "nowhere.jsonl does not exist; give a manifest"),
        ("roadworld", "shards", "shards/manifest.json: is not the manifest of a RoadWorld .* draw it again"),
    ],
)
def test_a_folder_that_does_not_hold_the_data(shards, tmp_path, capsys, data, name, sentence):
    words = ("--data", data, "--data_dir", tmp_path / name, "--run_dir", tmp_path / "run")
    assert re.search(sentence, refused(capsys, train.main, *QUICK, *words))


def test_a_shard_that_may_not_be_read(shards, tmp_path, capsys, monkeypatch):
    def locked(path, *_, **__):  # a mode of 000 does not stop root, who may run the tests
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("roadcue.loaders.tfrecord.open", locked, raising=False)
    words = ("--data", "waymo_e2e", "--data_dir", shards, "--run_dir", tmp_path / "run")
    error = refused(capsys, train.main, *QUICK, *words)
    assert "training_x.tfrecord: cannot be" in error
    assert "Permission denied" in error


@pytest.mark.parametrize(
    ("place", "sentence"),
    [
        ("cache", "cache/waymo_e2e: the cache cannot be kept there .* environment variable ROADCUE_CACHE"),
        ("store", "store/waymo_e2e-train/.*: the feature store cannot be written .* another --store_dir"),
        ("run", "run: cannot be written"),
    ],
)
def test_a_file_where_a_folder_should_be(shards, tmp_path, capsys, place, sentence):
    words = ("--data", "waymo_e2e", "--data_dir", shards, "--run_dir", tmp_path / "run")
    words = (*words, "--store_dir", tmp_path / "store")
    (tmp_path / place).touch()
    assert re.search(sentence, refused(capsys, train.main, *QUICK, *words))
    (tmp_path / place).unlink()
    trained(capsys, *words)


def test_roadworld_has_no_cache_to_be_drawn_into(cache, tmp_path, capsys):
    cache.touch()
    error = refused(capsys, train.main, *QUICK, "--run_dir", tmp_path / "run")
    assert re.search("the cache cannot be kept there .* environment variable ROADCUE_CACHE", error)


def test_a_store_of_another_encoder(shards, tmp_path, capsys):
    words = ("--data", "waymo_e2e", "--data_dir", shards, "--store_dir", tmp_path / "store", "--run_dir")
    trained(capsys, *words, tmp_path / "first")
    (meta,) = (tmp_path / "store/waymo_e2e-train").glob("*/meta.json")
    content = json.loads(meta.read_text())
    content["parts"]["weights"] = "those of another encoder"
    meta.write_text(json.dumps(content))
    error = refused(capsys, train.main, *QUICK, *words, tmp_path / "second")
    assert f"{meta.parent}: these features were made with weights = 'those of another encoder'" in error
    assert "encode again (another --store_dir)" in error
    trained(capsys, *words[:-2], tmp_path / "other_store", "--run_dir", tmp_path / "second")


def test_a_run_of_another_encoder(shards, tmp_path, capsys):
    run = tmp_path / "run"
    trained(capsys, "--data", "waymo_e2e", "--data_dir", shards, "--run_dir", run)
    facts = json.loads((run / "run.json").read_text())
    facts["encoder_parts"]["weights"] = "those of another encoder"
    (run / "run.json").write_text(json.dumps(facts))
    error = refused(capsys, scoring.main, "--run", run)
    assert f"{run}: its heads were trained on features with weights = 'those of another encoder'" in error


@pytest.mark.parametrize("content", ['{"half": ', '{"another": "thing"}', "[]"])
@pytest.mark.parametrize("name", ["config.yaml", "run.json", "model/model.json", "model/pool/config.json"])
def test_a_damaged_run(finished, capsys, name, content):
    whole = (finished / name).read_text()
    (finished / name).write_text(content)
    error = refused(capsys, scoring.main, "--run", finished)
    (finished / name).write_text(whole)
    assert str(finished / name) in error


@pytest.mark.parametrize("on", ["cpu", "cuda"])
def test_a_shard_that_changes_between_indexing_and_reading(shards, tmp_path, capsys, monkeypatch, on):
    """It cannot be skipped: all that is known about the file may be wrong. A process says it as a thread does."""
    image = WaymoE2E.image

    def touched(self, row, camera):
        os.utime(shards / "training_x.tfrecord")
        return image(self, row, camera)

    words = ("--data", "waymo_e2e", "--data_dir", shards, "--run_dir", tmp_path / "run", "--workers", 2)
    with monkeypatch.context() as patch:
        patch.setattr(encoded_pictures, "device", lambda _: on)
        patch.setattr(WaymoE2E, "image", touched)
        error = refused(capsys, train.main, *quick(*words, "--on_bad_record", "skip"))
    assert re.fullmatch(r"\S+training_x.tfrecord: has changed since it was indexed. Start again.*", error)
    trained(capsys, *words)


def test_a_worker_that_is_killed(shards, tmp_path, capsys, monkeypatch):
    words = ("--data", "waymo_e2e", "--data_dir", shards, "--run_dir", tmp_path / "run", "--workers", 1)
    with monkeypatch.context() as patch:
        patch.setattr(encoded_pictures, "device", lambda _: "cuda")  # a CPU has no such workers
        patch.setattr(picture_file, "decode_at_least", lambda *_: os.kill(os.getpid(), signal.SIGKILL))
        error = refused(capsys, train.main, *quick(*words))
    assert re.search(
        "a process that reads pictures has died .*; .* Try fewer --workers: what is encoded is kept", error
    )
    trained(capsys, *words)
