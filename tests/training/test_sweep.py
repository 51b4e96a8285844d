"""Sweeps over drawn data; most of them without an encoder, and in this process."""

import csv
import json
import os
import shlex
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from drawn import DrawnDataset
from safetensors.torch import load_file

from roadcue.command_line import parse
from roadcue.errors import BadEncoder, BadHead, BadInput
from roadcue.evaluation.config import EvalConfig
from roadcue.evaluation.run import evaluate_run
from roadcue.heads.waypoint.config import WaypointConfig
from roadcue.options_as_text import as_yaml, words_of
from roadcue.plugins import load_plugins
from roadcue.training.config import TrainConfig
from roadcue.training.heads.fitting import train, train_heads
from roadcue.training.heads.module import HeadsModule
from roadcue.training.heads.splits import StoredSplits
from roadcue.training.sweep import run as sweep_run
from roadcue.training.sweep.__main__ import main as main_of_names
from roadcue.training.sweep.run import DIED, on_stored_features, outcomes
from roadcue.training.sweep.sweep import combinations, planned, sweep

PATHS = "Displacement against the log"


@pytest.fixture(autouse=True, scope="module")
def _gentle(one_thread):
    pass


@pytest.fixture
def swept(drawn, tmp_path):
    """A config and its YAML, as the command line makes them, without an encoder unless one is named."""

    def make(*sweeps, **options):
        base = drawn(
            **{
                "encoder": "none",
                "epochs": 1,
                "head_options": {"waypoint": WaypointConfig(hidden=16, residual="none")},
                **options,
            }
        )
        words = [*words_of(base, ("run_dir",)), "--run_dir", str(tmp_path / "sweep")]
        return parse(TrainConfig, [*words, *(word for given in sweeps for word in ("--sweep", given))])

    make.splits, make.folder = drawn.splits, tmp_path / "sweep"
    return make


def weights(run):
    return {str(path.relative_to(run)): load_file(path) for path in sorted(run.glob("model/**/*.safetensors"))}


def assert_equal_weights(one, other):
    assert one.keys() == other.keys() != set()
    for path, tensors in one.items():
        for name, tensor in tensors.items():
            assert torch.equal(tensor, other[path][name]), f"{path} {name}"


def test_every_combination_is_a_setting():
    settings = combinations(["lr=1e-3,3e-3", "head=waypoint", "cameras=FRONT;FRONT,REAR"])
    assert len(settings) == 4
    assert settings[1] == {"lr": "1e-3", "head": "waypoint", "cameras": "FRONT,REAR"}
    assert combinations([]) == [{}]


@pytest.mark.parametrize(
    ("sweeps", "sentence"),
    [
        (["waypoint.dropuot=0,0.1"], "there is no option --waypoint.dropuot; did you mean --waypoint.dropout?"),
        (["waypoint.drop=0,0.1"], "there is no option --waypoint.drop"),
        (["epochs=1,many"], "--epochs many: expected int"),
        (["waypoint.dropout=0,2"], "dropout is a share of hidden units from 0"),
        (["pooling=grid,gird"], "choose one of mean, grid, attention, cls; did you mean grid?"),
        (["lr"], "expected OPTION=VALUE,VALUE"),
        (["lr=1,,2"], "expected OPTION=VALUE,VALUE"),
        (["seed=0,1"], "give --seeds"),
        (["run_dir=a,b"], "run_dir is not a setting"),
        (["lr=1e-3,0.001"], "lr=0.001-seed0 is the same as lr=1e-3-seed0"),
        (["lr=1", "lr=2"], "swept twice"),
        (["head=waypoint,wayponit"], "did you mean waypoint?"),
    ],
)
def test_a_sweep_that_does_not_fit_is_said_before_anything_is_read(swept, sweeps, sentence, monkeypatch):
    monkeypatch.setattr("roadcue.training.heads.fitting.open_split", lambda *_: pytest.fail("data were opened"))
    with pytest.raises((BadInput, BadHead, BadEncoder)) as caught:
        sweep(*swept(*sweeps))
    assert sentence in str(caught.value)
    assert not swept.folder.exists()


def test_captions_are_no_setting_of_heads(swept):
    with pytest.raises(BadInput, match="captions are no heads; sweep each alone"):
        planned(*swept("head=waypoint,caption", encoder="smol", head_options={}), swept.folder)


def test_a_sweep_trains_what_train_py_trains_and_says_how_good_it_is(swept, tmp_path, capsys):
    sweep(*swept("waypoint.dropout=0,0.5", "lr=1e-3,3e-2", seeds=2, seed=3, epochs=2, workers=0))
    printed = capsys.readouterr().out
    results = json.loads((swept.folder / "sweep.json").read_text())
    settings = results["heads"]["waypoint"]
    names = [run["name"] for run in results["runs"]]
    assert sorted(names) == sorted(
        f"waypoint.dropout={dropout},lr={lr}-seed{seed}"
        for dropout in ("0", "0.5")
        for lr in ("1e-3", "3e-2")
        for seed in (3, 4)
    )
    means = [setting["tables"][PATHS]["waypoint"]["ade_5s"]["mean"] for setting in settings]
    assert means == sorted(means)
    for setting in settings:
        runs = [run for run in results["runs"] if run["settings"] == setting["settings"]]
        values = [run["heads"]["waypoint"][PATHS]["waypoint"]["ade_5s"] for run in runs]
        found = setting["tables"][PATHS]["waypoint"]["ade_5s"]
        assert found["mean"] == pytest.approx(np.mean(values))
        assert found["sd"] == pytest.approx(abs(values[0] - values[1]) / 2**0.5)
        assert found["low"] < found["mean"] < found["high"]
        assert setting["training_seeds"] == [3, 4]
        assert setting["samples"] == len(swept.splits["val"])
        assert "waypoint without features" not in setting["tables"][PATHS]
    lines = list(csv.DictReader((swept.folder / "sweep.csv").read_text().splitlines()))
    assert [float(line["mean"]) for line in lines if line["figure"] == "ade_5s"] == means
    assert lines[0]["waypoint.dropout"] == settings[0]["settings"]["waypoint.dropout"]
    assert "Choosing the best of 4" in " ".join(printed.split())
    assert "8 runs" in printed

    first, best = [run for run in results["runs"] if run["settings"] == settings[0]["settings"]]
    assert first["command"] in printed
    variable, python, script, *words = shlex.split(best["command"])
    assert (variable, python, script) == ("OMP_NUM_THREADS=1", "python", "train.py")
    again = parse(TrainConfig, [*words, "--run_dir", str(tmp_path / "again")])
    train(*again)
    assert_equal_weights(weights(tmp_path / "again"), weights(swept.folder / best["name"]))
    assert (swept.folder / best["name"] / "output.txt").read_text().startswith("epoch 1/2")


class Deadly:
    """Ends the process that unpickles it."""

    def __reduce__(self):
        return os._exit, (1,)


@pytest.mark.timeout(900)  # two processes import PyTorch, which takes minutes where others use the cores
def test_runs_in_processes_of_their_own_and_one_that_dies(swept, tmp_path):
    """The first job ends its process, the second is trained nevertheless, and to the bit as by itself."""
    config, text = swept("lr=1e-3,1e-2", epochs=2)
    dies, lives = planned(config, text, swept.folder)
    splits = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "roadcue.training.heads.fitting.train_heads",
            lambda *given: splits.append(given[3]) or train_heads(*given),
        )
        single = replace(lives.config, run_dir=str(tmp_path / "single"))
        train(single, lives.config_text)
    given = [(dies, replace(splits[0], train=Deadly())), (lives, splits[0])]
    jobs = [(run, partial(on_stored_features, splits=each)) for run, each in given]
    (first, died), (second, scores) = outcomes(jobs, workers=1)
    assert (first, died, second) == (dies, DIED, lives)
    assert_equal_weights(weights(lives.folder.path), weights(tmp_path / "single"))
    assert scores.answers["waypoint"]["waypoint"]["waypoints"].shape == (len(swept.splits["val"]), 20, 2)


@pytest.mark.timeout(900)
def test_a_plugin_is_there_in_the_processes_of_a_sweep(swept, tmp_path, monkeypatch):
    """What a run is handed over with may be of a class of the plugin's own, such as its data set."""
    file = tmp_path / "mine.py"
    file.write_text("from drawn import DrawnDataset\n\nclass Mine(DrawnDataset):\n    pass\n")
    before = set(sys.modules)
    load_plugins([file])
    (plugin,) = set(sys.modules) - before
    for split in swept.splits.values():
        monkeypatch.setattr(split, "__class__", sys.modules[plugin].Mine)
    sweep(*swept("lr=1e-3", plugin=[str(file)], workers=1))
    assert json.loads((swept.folder / "sweep.json").read_text())["runs"]


def test_a_run_that_fails_loses_no_other_and_is_tried_again(swept, monkeypatch, capsys):
    config, text = swept("lr=1e-3,1e-2,1e-1", workers=0)

    def sometimes(given, *rest):
        if given.lr == 1e-2:
            raise RuntimeError("a loss of NaN")
        train_heads(given, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(sweep_run, "train_heads", sometimes)
        with pytest.raises(BadInput, match=r"1 of 3 runs failed.*lr=1e-2-seed0: RuntimeError: a loss of NaN.*resume"):
            sweep(config, text)
    results = json.loads((swept.folder / "sweep.json").read_text())
    assert len(results["heads"]["waypoint"]) == 2
    assert results["failed"] == {"lr=1e-2-seed0": "RuntimeError: a loss of NaN"}
    best = results["heads"]["waypoint"][0]["tables"][PATHS]["waypoint"]["ade_5s"]
    assert best["sd"] is None, "one seed has no spread"
    assert "Traceback" in (swept.folder / "lr=1e-2-seed0" / "output.txt").read_text()

    with pytest.raises(BadInput, match="--resume auto"):
        sweep(config, text)
    trained = []
    step = HeadsModule.training_step
    monkeypatch.setattr(HeadsModule, "training_step", lambda *given: trained.append(1) or step(*given))
    sweep(*swept("lr=1e-3,1e-2,1e-1", workers=0, resume="auto"))
    assert len(trained) == 3, "one epoch of the one run that was missing"
    assert "3 runs, of which 2 are finished" in capsys.readouterr().out
    assert len(json.loads((swept.folder / "sweep.json").read_text())["heads"]["waypoint"]) == 3
    with pytest.raises(BadInput, match="weight_decay"):
        sweep(*swept("lr=1e-3,1e-2,1e-1", workers=0, resume="auto", weight_decay=0.5))


def test_a_sweep_that_is_killed_goes_on_in_the_middle_of_a_run(swept, monkeypatch):
    options = {"seeds": 2, "workers": 0, "epochs": 2, "checkpoint_every": 2}
    step = HeadsModule.training_step
    trained = []

    def killed(self, *given):
        trained.append(1)
        if len(trained) == 10:  # the second run has a checkpoint after three of its six steps, before a validation
            raise KeyboardInterrupt
        return step(self, *given)

    with monkeypatch.context() as patch:
        patch.setattr(HeadsModule, "training_step", killed)
        with pytest.raises(KeyboardInterrupt):
            sweep(*swept(**options))
    trained.clear()
    monkeypatch.setattr(HeadsModule, "training_step", lambda *given: trained.append(1) or step(*given))
    sweep(*swept(**options, resume="auto"))
    assert len(trained) == 3
    assert {path.name for path in swept.folder.iterdir()} == {"seed0", "seed1", "sweep.json", "sweep.csv"}


def test_each_pooling_is_encoded_once_and_the_twin_is_told_beside_the_head(swept):
    swept.splits["train"] = DrawnDataset("train", sequences=2, frames=6)
    swept.splits["val"] = DrawnDataset("val", sequences=2, frames=3)
    sweep(*swept("grid=1,2", encoder="smol", seeds=2, workers=0))
    first = 1  # whose size the pictures of a covered lens have
    assert (swept.splits["train"].reads, swept.splits["val"].reads) == (2 * (12 + first), 2 * 6)
    for setting in json.loads((swept.folder / "sweep.json").read_text())["heads"]["waypoint"]:
        assert setting["tables"][PATHS]["waypoint without features"]["ade_3s"]["sd"] > 0


def test_several_heads_are_each_compared_by_what_they_are_scored_by(swept, capsys):
    """An option of the one is a setting of both; the figures are those that eval.py gives of the run."""
    swept.splits["train"] = DrawnDataset("train", sequences=10, frames=6)
    sweep(*swept("cue.dropout=0,0.5", head="field,cue", head_options={}, seeds=2, workers=0))
    printed = " ".join(capsys.readouterr().out.split())
    results = json.loads((swept.folder / "sweep.json").read_text())
    assert results["heads"].keys() == {"field", "cue"}
    for head in ("field", "cue"):
        first, _ = results["heads"][head]
        assert f"{head}: {first['samples']} validation rows of {first['sequences']} sequences" in printed
        assert f"Again, the best by its {head} head first" in printed
    name = results["runs"][0]["name"]
    evaluate_run(EvalConfig(run=str(swept.folder / name), resamples=2))
    scored = json.loads((swept.folder / name / "metrics.json").read_text())["answers"]
    (pace,) = (table["methods"]["cue"] for table in scored if table["title"] == "Pace")
    found = results["runs"][0]["heads"]["cue"]["Pace"]["cue"]
    assert found == pytest.approx({key: pace[key]["value"] for key in found})


def test_features_are_shared_and_not_copied_to_another_process(swept):
    import pickle

    from roadcue.loaders.stored_rows import StoredRows
    from roadcue.training.build import build_run_encoder
    from roadcue.training.heads.fitting import build_model, stored_splits

    swept.splits["train"] = DrawnDataset("train", sequences=2, frames=6)
    swept.splits["val"] = DrawnDataset("val", sequences=2, frames=3)
    config, _ = swept(encoder="smol")
    encoder = build_run_encoder(config)
    splits = stored_splits(config, encoder, build_model(config, encoder), swept.folder)
    copied: StoredSplits = pickle.loads(pickle.dumps(splits))
    assert isinstance(copied.train.store.features, StoredRows)
    assert len(pickle.dumps(splits.train.store)) < 2000
    np.testing.assert_array_equal(copied.train.store.features, splits.train.store.features)


def test_the_command_that_trains_a_run_again_names_its_plugins(swept, tmp_path):
    """Without them there would be no such head; other options that change no weight are left out."""
    files = [str(tmp_path / "a head.py"), str(tmp_path / "b.py")]
    for file in files:
        Path(file).touch()
    (run,) = planned(*swept("lr=1e-3", plugin=files, checkpoint_every=7), swept.folder)
    words = shlex.split(run.command)
    assert [words[place + 1] for place, word in enumerate(words) if word == "--plugin"] == files
    assert "--checkpoint_every" not in words


def test_the_parts_of_a_sweep_are_all_its_runs_and_the_table_comes_at_the_end(swept, capsys, monkeypatch):
    config, text = swept("lr=1e-3,1e-2", seeds=2, resume="auto")
    runs = [run.name for run in planned(config, text, swept.folder)]
    trained = []
    for part in range(1, 4):
        share = replace(config, sweep_part=f"{part}/3")
        before = {file.parent.name for file in swept.folder.glob("*/run.json")}
        sweep(share, as_yaml(share))
        trained.append({file.parent.name for file in swept.folder.glob("*/run.json")} - before)
    assert trained == [{runs[0], runs[3]}, {runs[1]}, {runs[2]}]
    assert not (swept.folder / "sweep.json").exists()
    monkeypatch.setattr("roadcue.training.sweep.run.train_heads", None)  # nothing is left to be trained
    sweep(config, text)
    assert len(json.loads((swept.folder / "sweep.json").read_text())["runs"]) == 4
    main_of_names(config, text)
    assert capsys.readouterr().out.splitlines()[-4:] == runs


@pytest.mark.parametrize("part", ["0/2", "3/2", "1", "a/b"])
def test_a_part_that_is_none_is_refused(part):
    with pytest.raises(ValueError, match=f"--sweep_part {part}: expected I/N"):
        TrainConfig(seeds=2, sweep_part=part)


def test_a_part_is_one_of_a_sweep():
    with pytest.raises(ValueError, match="is of a sweep"):
        TrainConfig(sweep_part="1/2")
