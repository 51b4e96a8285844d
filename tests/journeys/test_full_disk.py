"""A disk that is full while something is written: said in one sentence, and the same command goes on afterwards."""

import errno
import json
import os
import re
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from lightning.pytorch import Trainer
from main_job import exit_code, scored
from refusal import quick, refused, trained
from waymo_shards import write_shards

from roadcue import eval as scoring
from roadcue import train, weights
from roadcue.errors import BadInput
from roadcue.loaders import picture_file
from roadcue.loaders.feature_store import StoreWriter
from roadcue.loaders.waymo_e2e.submission.frames import FRAMES_FILE
from roadcue.roadworld import RoadWorldSpec
from roadcue.roadworld.write import check_roadworld, write_roadworld
from roadcue.training.heads.module import HeadsModule
from roadcue.training.trainer import KeepLast

NO_ROOM = "File too large|No space left on device"
SEQUENCES = [f"{number:032x}" for number in range(4)]


@contextmanager
def full_after(size: int) -> Iterator[None]:
    """No file can grow beyond `size` bytes: the kernel refuses the write, as that of a full disk does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture
def words(tmp_path):
    """What to train on: 8 and 4 rows of one camera each."""
    folder = tmp_path / "shards"
    folder.mkdir()
    frames = [(f"{sequence}-{number:03d}", 3 * number + 1) for sequence in SEQUENCES for number in range(3)]
    write_shards(folder, {"training_x.tfrecord": frames[:8], "val_x.tfrecord": frames[8:]})
    return ("--data", "waymo_e2e", "--data_dir", folder, "--run_dir", tmp_path / "run")


@pytest.fixture
def trained_steps(monkeypatch):
    """Collects every optimizer step."""
    steps = []
    step = HeadsModule.training_step
    monkeypatch.setattr(HeadsModule, "training_step", lambda *given: steps.append(1) or step(*given))
    return steps


def test_the_index_of_the_shards(words, capsys):
    with full_after(1000):
        error = refused(capsys, train.main, *quick(*words))
    assert "training_x.tfrecord" in error
    assert "make room on the disk" in error
    trained(capsys, *words)


def test_the_feature_store(words, tmp_path, capsys):
    trained(capsys, *words[:-1], tmp_path / "indexed", "--encoder", "none")
    with full_after(2000):
        error = refused(capsys, train.main, *quick(*words))
    assert "features/waymo_e2e-train/smol-" in error
    assert "free space, then the same command goes on, or choose another --store_dir" in error
    assert not list((tmp_path / "cache/features/waymo_e2e-train").iterdir()), "no half of a store is left"
    trained(capsys, *words)


def test_the_note_of_a_skipped_row(words, capsys, monkeypatch, encoded):
    """Half of the note fits; it is taken back, and the store is not damaged by it."""
    decode, skip = picture_file.decode_at_least, StoreWriter.skip

    def decode_but_one(encoded_picture, where, side):
        return decode(b"" if f"{SEQUENCES[1]}-001" in where else encoded_picture, where, side)

    def skip_without_room(*given):
        with full_after(20):
            skip(*given)

    monkeypatch.setattr(picture_file, "decode_at_least", decode_but_one)
    words = (*words, "--encode_batch", 1, "--on_bad_record", "skip")
    with monkeypatch.context() as patch:
        patch.setattr(StoreWriter, "skip", skip_without_room)
        error = refused(capsys, train.main, *quick(*words))
    assert "features/waymo_e2e-train/smol-" in error
    assert "free space" in error
    before = sum(encoded)
    assert before >= 4, "and what a thread is ahead of the store"
    trained(capsys, *words)
    assert sum(encoded) - before == 7, "the first four are kept"


def test_a_checkpoint(words, tmp_path, capsys, encoded, trained_steps):
    """A run of 4 steps whose disk is full at the second checkpoint goes on from the first one."""
    words = (*words, "--epochs", 4, "--checkpoint_every", 1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("roadcue.weights.save_file", full_at_second(patch))
        error = refused(capsys, train.main, *quick(*words))
    last = tmp_path / "run/checkpoint/last.safetensors"
    assert f"{last}: cannot be written" in error
    assert "--resume auto goes on" in error
    assert [path.name for path in last.parent.iterdir()] == [last.name], "the first one stays, half of one does not"
    assert (sum(encoded), len(trained_steps)) == (12, 2)
    assert "done" in trained(capsys, *words, "--resume", "auto")
    assert (sum(encoded), len(trained_steps)) == (12, 2 + 3)


def full_at_second(patch):
    from safetensors.torch import save_file

    calls = []

    def save(tensors, path, metadata):
        calls.append(path)
        with full_after(100_000 if len(calls) > 1 else resource.RLIM_INFINITY):
            save_file(tensors, path, metadata=metadata)

    return save


@pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning")
def test_the_logs(words, tmp_path, capsys, monkeypatch):
    """TensorBoard's thread dies of it; neither it nor Lightning adds a traceback to the sentence."""
    fit = Trainer.fit

    def fit_without_room(*given, **options):
        with full_after(60):
            fit(*given, **options)

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "fit", fit_without_room)
        patch.setattr(KeepLast, "on_train_batch_end", lambda *_: None)
        error = refused(capsys, train.main, *quick(*words, "--epochs", 5))
    assert re.search(rf"{tmp_path}/run.*: cannot be written \(({NO_ROOM})\); free space there", error)
    trained(capsys, *words, "--epochs", 5, "--resume", "auto")


@pytest.mark.parametrize("name", ["heads/waypoint", "pool", "model.json", "run.json", "config.yaml"])
def test_what_a_run_leaves(words, tmp_path, capsys, monkeypatch, trained_steps, name):
    """The disk is full when this file of the run folder is opened."""
    run = tmp_path / "run"
    with monkeypatch.context() as patch:
        refuse_to_write(patch, run, name)
        error = refused(capsys, train.main, *quick(*words))
    assert str(run) in error
    assert re.search(NO_ROOM, error)
    assert "free space there, then the same command with --resume auto goes on" in error
    steps = len(trained_steps)
    assert exit_code(scoring.main, "--run", run) == 2, "half a run is not scored"
    trained(capsys, *words, "--resume", "auto")
    assert len(trained_steps) == 1 if steps else len(trained_steps) > 0
    scored(run)


def refuse_to_write(patch, folder, name):
    """ENOSPC for what is written to `name` in the folder, by Python or by safetensors."""
    write_bytes, save_file = Path.write_bytes, weights.save_file

    def is_meant(path):
        """A file is written beside its place, hidden and as a .partial, before it takes its name."""
        whole = path.with_name(re.sub(r"^\.(.+)\.[\w-]+-\d+\.partial$", r"\1", path.name))
        return str(whole).startswith((f"{folder}/{name}", f"{folder}/model/{name}"))

    def write(self, content):
        if is_meant(self):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write_bytes(self, content)

    def save(tensors, path, **options):
        if not is_meant(path):
            return save_file(tensors, path, **options)
        with full_after(0):
            return save_file(tensors, path, **options)

    patch.setattr(Path, "write_bytes", write)
    patch.setattr(weights, "save_file", save)


def test_the_report(words, tmp_path, capsys, encoded):
    trained(capsys, *words)
    run = tmp_path / "run"
    capsys.readouterr()
    with full_after(40_000):  # metrics.json has some 30,000 bytes
        assert exit_code(scoring.main, "--run", run, "--resamples", 10) == 2
    captured = capsys.readouterr()
    assert "constant velocity" in captured.out, "the table is said before anything is written"
    assert json.loads((run / "metrics.json").read_text())["samples"] == 4
    assert f"error: {run}/report.html: cannot be written" in captured.err
    assert "or name another folder with --out" in captured.err
    assert not [path for path in run.iterdir() if path.suffix in (".partial", ".unfinished")]
    scored(run)
    assert sum(encoded) == 12


def test_a_submission(words, tmp_path, capsys):
    """What was there before stays as it was."""
    write_shards(words[3], {"test_x.tfrecord": [(f"{SEQUENCES[0]}-{number:03d}", number) for number in range(20)]})
    (words[3] / FRAMES_FILE).write_text(json.dumps({SEQUENCES[0]: list(range(20))}))
    trained(capsys, *words, "--encoder", "none")
    out = tmp_path / "entry.tar.gz"
    entry = ("--run", tmp_path / "run", "--submission", out, "--account", "me@example.org", "--method", "m")
    assert exit_code(scoring.main, *entry) == 0
    before = out.read_bytes()
    with full_after(1_000):
        error = refused(capsys, scoring.main, *entry, "--authors", "another")
    assert re.search(rf"{out}: cannot be written \(({NO_ROOM})\)", error)
    assert "or name another file with --submission" in error
    assert out.read_bytes() == before
    assert [path for path in tmp_path.iterdir() if path.suffix == ".partial"] == []


def test_roadworld(tmp_path):
    spec = RoadWorldSpec(2, 1, seconds=0.2, stride=1, width=160, height=178, cameras=("FRONT",))
    with full_after(9_000), pytest.raises(BadInput, match=rf"cannot be written beyond byte \d+ \(({NO_ROOM})\)"):
        write_roadworld(spec, tmp_path / "world", workers=1)
    write_roadworld(spec, tmp_path / "world", workers=1)
    assert check_roadworld(tmp_path / "world", hashes=True) == spec
