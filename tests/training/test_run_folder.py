"""What a run folder is asked before it is used: whose encoder it was trained with, and what it holds."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

import pytest

from roadcue.command_line import parse
from roadcue.errors import BadInput
from roadcue.models.compilation import COMPILED
from roadcue.training import run_folder
from roadcue.training.config import TrainConfig
from roadcue.training.learnt_from import PROBE
from roadcue.training.run_folder import RunFolder, check_same_encoder, is_finished, named_folder

PARTS = {"checkpoint": "mini", "pooling": "grid 2", PROBE: "1f"}


FACTS = {
    "date": "2026-01-01 00:00 UTC",
    "data": {"train": "drawn", "val": "drawn"},
    "rows": {"train": 8, "val": 4},
    "skipped": 0,
    "encoder_parts": PARTS,
    "seed": 0,
    "versions": {"roadcue": "1"},
    "device": "cpu",
    "command": "python train.py",
    "seconds": 1.5,
}


@pytest.fixture
def folder(tmp_path):
    run = RunFolder(tmp_path)
    run.write_facts(FACTS)
    return run


def test_the_encoder_that_it_was_trained_with_is_taken(folder):
    check_same_encoder(folder, PARTS)


def test_rounding_by_another_torch_or_by_compiling_is_no_reason_to_refuse(folder):
    check_same_encoder(folder, {**PARTS, PROBE: "2e"})
    check_same_encoder(folder, {**PARTS, COMPILED: "torch.compile"})


@pytest.mark.parametrize("now", [{**PARTS, "pooling": "mean"}, {**PARTS, "aspect": "crop"}, {"checkpoint": "mini"}])
def test_another_encoder_is_refused_by_the_part_that_differs(folder, now):
    (part,) = {name for name in {*PARTS, *now} - {PROBE} if PARTS.get(name) != now.get(name)}
    with pytest.raises(BadInput, match=f"trained on features with {part} = .*put the checkpoint of the run back"):
        check_same_encoder(folder, now)


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"encoder_parts": [1]}', "[" * 100_000])
def test_damaged_facts_are_said(folder, text):
    folder.facts.write_text(text)
    with pytest.raises(BadInput, match=r"run\.json: is not what a run was .*train again"):
        folder.read_facts()


@pytest.mark.parametrize("value", [None, [], {"train": []}, "x", True, {"train": None}, 1.5, {}])
@pytest.mark.parametrize("key", FACTS)
def test_run_json_with_a_wrong_type_is_refused_or_any_value_as_good(folder, key, value):
    fits = (key, value) in (("date", "x"), ("device", "x"), ("command", "x"), ("seconds", 1.5))
    folder.write_facts({**FACTS, key: value})
    if fits or (key in ("encoder_parts", "versions") and value == {}):
        assert folder.read_facts()[key] == value
        return
    with pytest.raises(BadInput, match=r"run\.json: is not what a run was .*train again"):
        folder.read_facts()


def test_facts_that_are_missing_are_said(folder):
    folder.facts.unlink()
    with pytest.raises(BadInput, match=r"run\.json: cannot be read .*let train\.py finish first"):
        folder.read_facts()


def begun(folder, **options):
    _, text = parse(TrainConfig, [word for name, value in options.items() for word in (f"--{name}", value)])
    (folder.path / "config.yaml").write_text(text)


@pytest.mark.parametrize(
    ("before", "now", "message"),
    [
        ({"waypoint.kind": "linear"}, {"waypoint.kind": "mlp"}, "--waypoint.kind mlp, and the run has linear"),
        ({"cameras": "FRONT"}, {}, "--cameras left out, and the run has FRONT"),
        ({"lr": "1", "seed": "2"}, {"lr": "2"}, "--lr 2.0, and the run has 1.0; --seed 0, and the run has 2"),
        ({"head": "field"}, {}, "--head waypoint, and the run has field"),
    ],
)
def test_the_options_that_differ_are_named_and_no_other(folder, before, now, message):
    begun(folder, **before)
    config, _ = parse(TrainConfig, [word for name, value in now.items() for word in (f"--{name}", value)])
    with pytest.raises(BadInput) as caught:
        is_finished(folder, config, ("run_dir",))
    assert str(caught.value) == f"{folder.path}: cannot go on with other options: {message}; use another --run_dir"


def test_a_run_folder_in_the_home_of_nobody():
    for folder, *more in ((RunFolder.of,), (RunFolder.for_training, "no"), (named_folder, "name")):
        with pytest.raises(BadInput, match="there is no home folder ~no_such_user"):
            folder("~no_such_user/run", *more)


@pytest.fixture
def one_second(monkeypatch, tmp_path):
    """Everything starts in the same second, in an empty folder."""

    class Stopped(datetime):
        @classmethod
        def now(cls, tz=None):
            return cls(2026, 11, 29, 8, 30, 15)

    monkeypatch.setattr(run_folder, "datetime", Stopped)
    monkeypatch.chdir(tmp_path)


def test_runs_that_start_in_the_same_second_have_folders_of_their_own(one_second):
    with ThreadPoolExecutor(8) as pool:
        folders = list(pool.map(lambda _: named_folder(None, "smol-waypoint"), range(8)))
    first = Path("runs/smol-waypoint-20261129-083015")
    assert sorted(folders) == sorted([first, *(Path(f"{first}-{number}") for number in range(2, 9))])


def test_a_folder_that_nothing_was_written_into_is_gone_at_the_end(one_second, monkeypatch):
    at_end = []
    monkeypatch.setattr(run_folder.atexit, "register", lambda *call: at_end.append(call))
    used, unused = named_folder(None, "one"), named_folder(None, "other")
    (used / "config.yaml").touch()
    for do, *arguments in at_end:
        do(*arguments)
    assert (used.exists(), unused.exists()) == (True, False)


def test_a_place_where_no_folder_can_be_made_is_said(one_second):
    Path("runs").touch()
    with pytest.raises(BadInput, match="runs is a file and no folder"):
        named_folder(None, "name")
